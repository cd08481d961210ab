const NETWORKS: ReadonlyMap<bigint, string> = new Map([
  [1n, 'mainnet'],
  [17_000n, 'holesky'],
  [560_048n, 'hoodi'],
])

/** What people call a chain. */
export const networkName = (chainId: bigint): string => NETWORKS.get(chainId) ?? `chain ${chainId}`
