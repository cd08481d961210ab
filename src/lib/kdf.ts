import { pbkdf2Sync, scryptSync } from 'node:crypto'

/** Parameters of a key derivation, already checked against their bounds. 32 bytes come out. */
export type KdfParams =
  | { readonly function: 'pbkdf2'; readonly c: number; readonly salt: Uint8Array }
  | {
      readonly function: 'scrypt'
      readonly n: number
      readonly r: number
      readonly p: number
      readonly salt: Uint8Array
    }

const KEY_BYTES = 32

/** Bytes that a derivation holds while it runs (RFC 7914: `128 * r * N`). */
export const kdfMemory = (params: KdfParams) =>
  params.function === 'scrypt' ? 128 * params.n * params.r : 0

/** Synchronous and slow by design: for worker threads. @throws when memory cannot be had */
export function deriveKey(params: KdfParams, password: Uint8Array): Uint8Array {
  if (params.function === 'pbkdf2') {
    return pbkdf2Sync(password, params.salt, params.c, KEY_BYTES, 'sha256')
  }
  const { n, r, p, salt } = params
  // OpenSSL counts V, B and a few blocks of scratch: 128 * r * (N + p + 2), and a little more.
  const maxmem = 128 * r * (n + p + 2) + 1024 * 1024
  return scryptSync(password, salt, KEY_BYTES, { N: n, r, p, maxmem })
}
