import { getAddress } from 'ethers/address'
import type { Address } from '../lib/primitives.ts'

/** One place in the oracle, as a node tells it. */
export type OracleSeat = {
  /** The address that HashConsensus names. */
  readonly member: Address
  /** Whose key signs for it; `undefined` for a seat without a signer (revoked, terminated). */
  readonly signer: Address | undefined
  /** The key that signs for it from `activeFrom` (unix seconds) on, announced 48 h ahead. */
  readonly next: { readonly signer: Address; readonly activeFrom: number } | undefined
}

/** All of them. Advice only: nothing that is read here changes whom the daemon trusts. */
export type OracleSeats = readonly OracleSeat[]

/** How ORACLE_ADDRESSES_ALLOWLIST differs from what a node says of the oracle. */
export type AllowlistDrift = {
  /** Sign on chain, not in the allowlist: their reports will not be proven. */
  readonly missing: readonly Address[]
  /** Will sign, not in the allowlist yet. */
  readonly announced: readonly { readonly signer: Address; readonly activeFrom: number }[]
  /** In the allowlist, sign no more, and nothing needs them: trusted for nothing. */
  readonly stale: readonly Address[]
  /** In the allowlist, sign no more, but needed yet: the line keeps them. */
  readonly kept: readonly Address[]
  /** Members for which nobody signs. */
  readonly vacant: readonly Address[]
  /** The environment line without drift, ready to paste, with EIP-55 checksums. */
  readonly line: string
}

/** Addresses of the allowlist that sign no more, and are not announced either. */
export function formerSigners(allowlist: Iterable<Address>, seats: OracleSeats): Address[] {
  const known = new Set(seats.flatMap(({ signer, next }) => [signer, next?.signer]))
  return [...new Set(allowlist)].filter((address) => !known.has(address)).sort()
}

/**
 * Order and repetition make no difference.
 *
 * @param needed - signers behind an open proof, or who voted within the last 7 days
 */
export function compareAllowlist(
  allowlist: Iterable<Address>,
  seats: OracleSeats,
  needed: ReadonlySet<Address> = new Set(),
): AllowlistDrift {
  const listed = new Set(allowlist)
  const signing = new Set(seats.flatMap(({ signer }) => signer ?? []))
  const announced = seats.flatMap(({ next }) => next ?? [])
  const former = formerSigners(listed, seats)
  const kept = former.filter((address) => needed.has(address))
  const line = new Set([...signing, ...announced.map(({ signer }) => signer), ...kept])
  return {
    missing: [...signing].filter((address) => !listed.has(address)).sort(),
    announced: announced.filter(({ signer }) => !listed.has(signer) && !signing.has(signer)),
    stale: former.filter((address) => !needed.has(address)),
    kept,
    vacant: seats.flatMap(({ member, signer }) => (signer === undefined ? member : [])).sort(),
    line: `ORACLE_ADDRESSES_ALLOWLIST=${JSON.stringify([...line].sort().map(getAddress))}`,
  }
}
