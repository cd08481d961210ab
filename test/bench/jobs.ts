import type { KdfParams } from '../../src/lib/kdf.ts'

/** What the threads of the benchmark do: make its inputs, and show what the machine can do. */
export type Job =
  /** Signs the exits of these interop validators. Gives `CHECK_BYTES` for each. */
  | {
      readonly kind: 'sign'
      readonly from: number
      readonly to: number
      readonly forkVersion: string
      readonly genesisValidatorsRoot: string
    }
  /** Encrypts each text under a salt of its own. */
  | {
      readonly kind: 'seal'
      readonly kdf: KdfParams['function']
      readonly password: Uint8Array
      readonly texts: readonly string[]
    }
  /** The bare verification of packed checks, all in one batch. */
  | { readonly kind: 'verify'; readonly packed: Uint8Array }
  /** The bare key derivation. */
  | { readonly kind: 'derive'; readonly params: KdfParams; readonly password: Uint8Array }

export type JobResult = Uint8Array | readonly string[] | boolean

const PUBKEY_BYTES = 48
const ROOT_BYTES = 32
const SIGNATURE_BYTES = 96
/** Public key, signing root and signature of one exit. */
export const CHECK_BYTES = PUBKEY_BYTES + ROOT_BYTES + SIGNATURE_BYTES

export function partsOf(packed: Uint8Array, index: number) {
  const check = packed.subarray(index * CHECK_BYTES, (index + 1) * CHECK_BYTES)
  return {
    pubkey: check.subarray(0, PUBKEY_BYTES),
    root: check.subarray(PUBKEY_BYTES, PUBKEY_BYTES + ROOT_BYTES),
    signature: check.subarray(PUBKEY_BYTES + ROOT_BYTES),
  }
}
