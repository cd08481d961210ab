import type { BlsCheck, BlsVerdict } from './bls.ts'
import type { KdfParams } from './kdf.ts'

/** What the pool asks of a worker. Bytes travel packed: one buffer for a whole batch. */
export type CryptoJob =
  | { readonly kind: 'verify'; readonly packed: Uint8Array }
  | { readonly kind: 'derive'; readonly params: KdfParams; readonly password: Uint8Array }
  /** See `splitJson`. */
  | { readonly kind: 'split-json'; readonly bytes: Uint8Array; readonly listKey: string }

export type CryptoAnswer =
  /** Sent once, when the worker is ready. */
  | { readonly kind: 'ready'; readonly implementation: string }
  | { readonly kind: 'done'; readonly id: number; readonly bytes: Uint8Array }
  | { readonly kind: 'failed'; readonly id: number; readonly message: string }

export type CryptoRequest = { readonly id: number; readonly job: CryptoJob }

const PUBKEY_BYTES = 48
const MESSAGE_BYTES = 32
const SIGNATURE_BYTES = 96
const CHECK_BYTES = PUBKEY_BYTES + MESSAGE_BYTES + SIGNATURE_BYTES

/** One signature check, as 0x-hex. */
export type HexCheck = {
  readonly pubkey: string
  readonly signingRoot: string
  readonly signature: string
}

/** Hex of another length than due is no point: what is missing stays zero, which is none either. */
export function packChecks(checks: readonly HexCheck[]): Uint8Array {
  const packed = Buffer.alloc(checks.length * CHECK_BYTES)
  checks.forEach(({ pubkey, signingRoot, signature }, i) => {
    const at = i * CHECK_BYTES
    packed.write(pubkey.slice(2), at, PUBKEY_BYTES, 'hex')
    packed.write(signingRoot.slice(2), at + PUBKEY_BYTES, MESSAGE_BYTES, 'hex')
    packed.write(signature.slice(2), at + PUBKEY_BYTES + MESSAGE_BYTES, SIGNATURE_BYTES, 'hex')
  })
  return packed
}

export function unpackChecks(packed: Uint8Array): BlsCheck[] {
  const checks: BlsCheck[] = []
  for (let at = 0; at < packed.length; at += CHECK_BYTES) {
    const message = at + PUBKEY_BYTES
    const signature = message + MESSAGE_BYTES
    checks.push({
      pubkey: packed.subarray(at, message),
      message: packed.subarray(message, signature),
      signature: packed.subarray(signature, at + CHECK_BYTES),
    })
  }
  return checks
}

const VERDICTS: readonly BlsVerdict[] = [
  'valid',
  'invalid',
  'bad-pubkey',
  'bad-signature',
  'failed',
]

export const packVerdicts = (verdicts: readonly BlsVerdict[]) =>
  Uint8Array.from(verdicts, (verdict) => VERDICTS.indexOf(verdict))

export const unpackVerdicts = (packed: Uint8Array): BlsVerdict[] =>
  Array.from(packed, (code) => VERDICTS[code] ?? 'failed')
