import bls from '@chainsafe/bls'
import type { Implementation } from '@chainsafe/bls/types'

/** `blst-native` is the fast one; `herumi` (WASM) is 6 to 10 times slower and stands in for it. */
export const blsImplementation: Implementation = bls.implementation

export type BlsCheck = {
  /** 48 bytes, compressed G1. */
  readonly pubkey: Uint8Array
  /** 32 bytes. */
  readonly message: Uint8Array
  /** 96 bytes, compressed G2. */
  readonly signature: Uint8Array
}

/**
 * `bad-…`: not a point of the curve, infinity, or outside the subgroup (which a key is asked for only
 * where the signature does not fit). `failed`: the library itself broke off, which says nothing about
 * the signature.
 */
export type BlsVerdict = 'valid' | 'invalid' | 'bad-pubkey' | 'bad-signature' | 'failed'

/**
 * @param secretKey - 32 bytes, big-endian
 * @throws when they are no key of the curve
 */
export function signWith(secretKey: Uint8Array, message: Uint8Array) {
  const key = bls.SecretKey.fromBytes(secretKey)
  return { pubkey: key.toPublicKey().toBytes(), signature: key.sign(message).toBytes() }
}

type SignatureSet = Parameters<typeof bls.Signature.verifyMultipleSignatures>[0][number]
type Decoded = { readonly set: SignatureSet; readonly position: number }

/** Of a group with a bad check so many parts, of which one is tried at once. */
const PARTS = 4

/**
 * Verifies each signature, many at once: a random linear combination of the checks holds only if
 * each of them does (up to 2^-64). In a group that fails one bad check is searched for; those of
 * which nothing is known then are tried with the next group. Points that cannot be decoded are
 * found beforehand, one by one, and spoil nobody else's group.
 *
 * Synchronous and slow (about 0.4 ms a check): for worker threads.
 *
 * @param atOnce - checks that are tried at once
 * @returns one verdict for each check, in the same order
 * @see https://ethresear.ch/t/fast-verification-of-multiple-bls-signatures/5407
 */
export function verifyBatch(
  checks: readonly BlsCheck[],
  atOnce = Number.POSITIVE_INFINITY,
): BlsVerdict[] {
  const verdicts: BlsVerdict[] = checks.map(() => 'failed')
  const open: Decoded[] = []
  checks.forEach((check, position) => {
    const set = decode(check)
    if (typeof set === 'string') verdicts[position] = set
    else open.push({ set, position })
  })
  while (open.length > 0) {
    const group = open.splice(0, atOnce)
    const verdict = verifyAll(group)
    if (verdict === 'valid' || group.length === 1) settle(group, verdict)
    else open.unshift(...findBad(group))
  }
  return verdicts

  function settle(group: readonly Decoded[], verdict: BlsVerdict) {
    for (const { position } of group) {
      const isForKey = verdict !== 'invalid' || isKey(checks[position]?.pubkey)
      verdicts[position] = isForKey ? verdict : 'bad-pubkey'
    }
  }

  /**
   * Finds one bad check of a group that failed, and judges it by itself: one wrong answer of the
   * library must not cost a message. The part that is tried is small, so that it seldom fails: what
   * is left over then is tried again.
   *
   * @returns those of which nothing is known
   */
  function findBad(group: readonly Decoded[]): readonly Decoded[] {
    const unknown: Decoded[] = []
    let suspects = group
    /** Of all suspects together, where they were tried. */
    let known: BlsVerdict | undefined
    while (suspects.length > 1) {
      const size = Math.ceil(suspects.length / PARTS)
      const [tried, rest] = [suspects.slice(0, size), suspects.slice(size)]
      const verdict = verifyAll(tried)
      if (verdict === 'valid') settle(tried, verdict)
      else unknown.push(...rest)
      suspects = verdict === 'valid' ? rest : tried
      known = verdict === 'valid' ? undefined : verdict
    }
    settle(suspects, known ?? verifyAll(suspects))
    return unknown
  }
}

/** Of what was seen before, so much counts beside the next checks. */
const MEMORY = 0.95

/**
 * The same with as many at once as is best: a bad one costs about as many checks again as it was
 * tried with, and each try costs something of its own. So where they are frequent, as with messages of
 * another network, fewer are tried at once.
 */
export function createBatchVerifier(): typeof verifyBatch {
  let checked = 1
  let invalid = 0
  return (checks) => {
    const best = Math.max(1, Math.sqrt(checked / invalid))
    const parts = Math.max(1, Math.round(checks.length / best))
    const verdicts = verifyBatch(checks, Math.ceil(checks.length / parts))
    checked = MEMORY * checked + checks.length
    invalid = MEMORY * invalid + verdicts.filter((verdict) => verdict === 'invalid').length
    return verdicts
  }
}

function verifyAll(group: readonly Decoded[]): 'valid' | 'invalid' | 'failed' {
  try {
    const isValid = bls.Signature.verifyMultipleSignatures(group.map(({ set }) => set))
    return isValid ? 'valid' : 'invalid'
  } catch {
    return 'failed'
  }
}

function decode({ pubkey, message, signature }: BlsCheck): SignatureSet | BlsVerdict {
  let publicKey: SignatureSet['publicKey']
  if (isInfinity(pubkey)) return 'bad-pubkey'
  try {
    publicKey = bls.PublicKey.fromBytes(pubkey, undefined, false)
  } catch (error) {
    return isNoPoint(error) ? 'bad-pubkey' : 'failed'
  }
  if (isInfinity(signature)) return 'bad-signature'
  try {
    return { publicKey, message, signature: bls.Signature.fromBytes(signature) }
  } catch (error) {
    return isNoPoint(error) ? 'bad-signature' : 'failed'
  }
}

/**
 * Is it in the subgroup? Asked only of those whose signature does not fit: the chain takes no other
 * key (its deposit is signed with it), and what is outside of the subgroup counts for nothing in a pairing.
 *
 * @see https://github.com/ethereum/consensus-specs/blob/master/specs/electra/beacon-chain.md `is_valid_deposit_signature`
 */
function isKey(pubkey: Uint8Array | undefined): boolean {
  try {
    return pubkey !== undefined && bls.PublicKey.fromBytes(pubkey) !== undefined
  } catch (error) {
    return !isNoPoint(error)
  }
}

/** `BLST_BAD_ENCODING`, `BLST_POINT_NOT_IN_GROUP`, …; herumi has words only. */
function isNoPoint(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  if ('code' in error && String(error.code).startsWith('BLST_')) return true
  return /deserialize|^(ZERO|INVALID)_/i.test(error.message)
}

/** Compressed infinity is `c0 00 …`; herumi takes all zeros for it too. */
const isInfinity = (bytes: Uint8Array) =>
  (bytes[0] === 0xc0 || bytes[0] === 0) && bytes.every((byte, i) => i === 0 || byte === 0)
