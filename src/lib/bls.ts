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

/** `bad-…`: not a point of the curve, infinity, or outside the subgroup. */
export type BlsVerdict = 'valid' | 'invalid' | 'bad-pubkey' | 'bad-signature'

type SignatureSet = Parameters<typeof bls.Signature.verifyMultipleSignatures>[0][number]
type Decoded = { readonly set: SignatureSet; readonly position: number }

/**
 * Verifies each signature, all at once where possible: a random linear combination of the checks
 * holds only if each of them does (up to 2^-64). A batch that fails is bisected. Points that
 * cannot be decoded are found beforehand, one by one, and spoil nobody else's batch.
 *
 * Synchronous and slow (about 0.4 ms a check): for worker threads.
 *
 * @returns one verdict for each check, in the same order
 * @see https://ethresear.ch/t/fast-verification-of-multiple-bls-signatures/5407
 */
export function verifyBatch(checks: readonly BlsCheck[]): BlsVerdict[] {
  const verdicts: BlsVerdict[] = checks.map(() => 'invalid')
  const decoded: Decoded[] = []
  checks.forEach((check, position) => {
    const set = decode(check)
    if (typeof set === 'string') verdicts[position] = set
    else decoded.push({ set, position })
  })
  for (const { position } of findValid(decoded, false)) verdicts[position] = 'valid'
  return verdicts
}

/** @param knownToFail - some check in here is bad, so that trying all at once is in vain */
function findValid(batch: readonly Decoded[], knownToFail: boolean): readonly Decoded[] {
  if (batch.length === 0) return []
  if (!knownToFail && holds(batch)) return batch
  if (batch.length === 1) return []
  const middle = Math.ceil(batch.length / 2)
  const left = batch.slice(0, middle)
  const goodOfLeft = findValid(left, false)
  const leftIsGood = goodOfLeft.length === left.length
  return [...goodOfLeft, ...findValid(batch.slice(middle), leftIsGood)]
}

function holds(batch: readonly Decoded[]): boolean {
  try {
    return bls.Signature.verifyMultipleSignatures(batch.map(({ set }) => set))
  } catch {
    return false
  }
}

function decode({ pubkey, message, signature }: BlsCheck): SignatureSet | BlsVerdict {
  let publicKey: SignatureSet['publicKey']
  try {
    publicKey = bls.PublicKey.fromBytes(pubkey)
  } catch {
    return 'bad-pubkey'
  }
  if (isInfinity(signature)) return 'bad-signature'
  try {
    return { publicKey, message, signature: bls.Signature.fromBytes(signature) }
  } catch {
    return 'bad-signature'
  }
}

/** Compressed infinity is `c0 00 …`; herumi takes all zeros for it too. */
const isInfinity = (bytes: Uint8Array) =>
  (bytes[0] === 0xc0 || bytes[0] === 0) && bytes.every((byte, i) => i === 0 || byte === 0)
