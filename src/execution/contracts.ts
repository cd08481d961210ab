import { type Address, type Hex, parseAddress } from '../lib/primitives.ts'
import { SELECTORS } from './abi.ts'
import type { ExecutionNode } from './execution-node.ts'

export type Contracts = { readonly exitBus: Address; readonly consensus: Address }

/**
 * Locator → exit bus → HashConsensus, at the finalized block.
 *
 * @throws when a contract answers with something else than an address
 */
export async function resolveContracts(
  node: ExecutionNode,
  locator: Address,
  signal: AbortSignal,
): Promise<Contracts> {
  const exitBus = await readAddress(
    node,
    locator,
    SELECTORS.validatorsExitBusOracle,
    'Locator.validatorsExitBusOracle()',
    signal,
  )
  const consensus = await readAddress(
    node,
    exitBus,
    SELECTORS.getConsensusContract,
    'exit bus getConsensusContract()',
    signal,
  )
  return { exitBus, consensus }
}

/** @throws when the contract answers with something else than an address */
export async function readAddress(
  node: Pick<ExecutionNode, 'call'>,
  contract: Address,
  selector: Hex,
  what: string,
  signal: AbortSignal,
): Promise<Address> {
  const answer = await node.call(contract, selector, signal)
  const address = /^0x0{24}([0-9a-f]{40})$/.exec(answer)?.[1]
  const parsed = parseAddress(`0x${address}`)
  if (parsed === undefined || /^0x0{40}$/.test(parsed)) {
    throw new Error(`${what} of ${contract} gave no address: check LOCATOR_ADDRESS and the network`)
  }
  return parsed
}
