import { networkName, networkOf } from '../config/networks.ts'
import type { CommonConfig } from '../config.ts'
import type { Address } from '../lib/primitives.ts'
import type { Log } from '../requests/cycle-parts.ts'

/**
 * The exit bus whose events count as genuine when they are final: never one that a node names.
 * `undefined` where it is not known.
 */
export const trustedExitBus = (
  { exitBusAddress }: Pick<CommonConfig, 'exitBusAddress'>,
  chainId: bigint,
): Address | undefined => exitBusAddress ?? networkOf(chainId)?.lido?.exitBus

/** @throws when the proof that is configured needs an exit bus that is not known here */
export function checkProof(
  config: Pick<CommonConfig, 'exitBusAddress' | 'proof' | 'trustMode'>,
  chainId: bigint,
  log: Pick<Log, 'warn'>,
): void {
  const known = networkOf(chainId)?.lido?.exitBus
  const { exitBusAddress, proof, trustMode } = config
  if (trustedExitBus(config, chainId) === undefined && proof !== 'oracle' && !trustMode) {
    throw new Error(
      `PROOF=${proof} needs the exit bus, which is not known for ${networkName(chainId)}: set EXIT_BUS_ADDRESS, for example EXIT_BUS_ADDRESS=0x…`,
    )
  }
  if (known === undefined || exitBusAddress === undefined || exitBusAddress === known) return
  log.warn(
    `EXIT_BUS_ADDRESS ${exitBusAddress} is not the exit bus of ${networkName(chainId)}, ${known}: remove it unless you know why`,
  )
}
