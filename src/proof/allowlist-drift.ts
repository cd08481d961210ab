import { getAddress } from 'ethers/address'
import type { Address } from '../lib/primitives.ts'

/** How ORACLE_ADDRESSES_ALLOWLIST differs from what a node says of the oracle. Advice only. */
export type AllowlistDrift = {
  /** Sign on chain, not in the allowlist: their reports will not be proven. */
  readonly missing: readonly Address[]
  /** In the allowlist, sign no more: their keys are trusted for nothing. */
  readonly stale: readonly Address[]
  /** The environment line without drift, ready to paste, with EIP-55 checksums. */
  readonly line: string
}

/** `undefined` when both name the same addresses. Order and repetition make no difference. */
export function findDrift(
  allowlist: Iterable<Address>,
  onChainSigners: Iterable<Address>,
): AllowlistDrift | undefined {
  const listed = new Set(allowlist)
  const signing = new Set(onChainSigners)
  const missing = [...signing].filter((address) => !listed.has(address)).sort()
  const stale = [...listed].filter((address) => !signing.has(address)).sort()
  if (missing.length === 0 && stale.length === 0) return undefined
  const line = `ORACLE_ADDRESSES_ALLOWLIST=${JSON.stringify([...signing].sort().map(getAddress))}`
  return { missing, stale, line }
}
