import type { Address, Hex } from '../lib/primitives.ts'

/** A chain that Lido runs on or ran on, and what is the same for everybody there. */
export type Network = {
  readonly chainId: bigint
  /** What people call it. */
  readonly name: string
  /** @see the CAPELLA_FORK_VERSION of eth-clients/<name>, metadata/config.yaml */
  readonly capellaForkVersion: Hex
  /** Contracts of the Lido protocol; none where it has been retired. */
  readonly lido: { readonly locator: Address; readonly exitBus: Address } | undefined
}

const lido = (locator: string, exitBus: string) => ({
  locator: locator.toLowerCase() as Address,
  exitBus: exitBus.toLowerCase() as Address,
})

/** Every chain that is known by itself. @see https://docs.lido.fi/deployed-contracts */
export const NETWORKS: readonly Network[] = [
  {
    chainId: 1n,
    name: 'mainnet',
    capellaForkVersion: '0x03000000',
    lido: lido(
      '0xC1d0b3DE6792Bf6b4b37EccdcC24e45978Cfd2Eb',
      '0x0De4Ea0184c2ad0BacA7183356Aea5B8d5Bf5c6e',
    ),
  },
  { chainId: 17_000n, name: 'holesky', capellaForkVersion: '0x04017000', lido: undefined },
  {
    chainId: 560_048n,
    name: 'hoodi',
    capellaForkVersion: '0x40000910',
    lido: lido(
      '0xe2EF9536DAAAEBFf5b1c130957AB3E80056b06D8',
      '0x8664d394C2B3278F26A1B44B967aEf99707eeAB2',
    ),
  },
]

/** Those with the contracts of Lido: what NETWORK may name. */
export const LIDO_NETWORKS = NETWORKS.flatMap((network) =>
  network.lido === undefined ? [] : [{ ...network, lido: network.lido }],
)

export const networkOf = (chainId: bigint): Network | undefined =>
  NETWORKS.find((network) => network.chainId === chainId)

/** What people call a chain. */
export const networkName = (chainId: bigint): string =>
  networkOf(chainId)?.name ?? `chain ${chainId}`
