import { createCipheriv, createHash, randomBytes, randomUUID } from 'node:crypto'
import type { IKdfModule, IKeystore } from '@chainsafe/bls-keystore'
import type { KdfParams } from '../../lib/kdf.ts'

/** How a key is made of a password. */
export type KdfName = KdfParams['function']
export const kdfNames: readonly KdfName[] = ['pbkdf2', 'scrypt']

const SALT_BYTES = 32
const IV_BYTES = 16

/** The costs that EIP-2335 itself uses, under a fresh salt. */
export function freshKdf(name: KdfName): KdfParams {
  const salt = randomBytes(SALT_BYTES)
  return name === 'pbkdf2'
    ? { function: name, c: 2 ** 18, salt }
    : { function: name, n: 2 ** 18, r: 8, p: 1, salt }
}

/** What stands outside, for whoever has no password: no secret, and no part of the encryption. */
export type Label = {
  readonly description: string
  /** Hex without 0x; empty if it is not known, which EIP-2335 allows. */
  readonly pubkey: string
}

/**
 * Closes an EIP-2335 envelope, under an IV of its own: many may share one key.
 *
 * @param key - 32 bytes, derived with `kdf`
 * @see https://eips.ethereum.org/EIPS/eip-2335
 */
export function sealEnvelope(
  content: Uint8Array,
  key: Uint8Array,
  kdf: KdfParams,
  { description, pubkey }: Label,
): string {
  const iv = randomBytes(IV_BYTES)
  const cipher = createCipheriv('aes-128-ctr', key.subarray(0, 16), iv)
  const ciphertext = Buffer.concat([cipher.update(content), cipher.final()])
  const checksum = createHash('sha256').update(key.subarray(16, 32)).update(ciphertext).digest()
  const envelope: IKeystore = {
    version: 4,
    uuid: randomUUID(),
    description,
    pubkey,
    // Of the key's derivation from a seed, which says nothing about a message.
    path: '',
    crypto: {
      kdf: toModule(kdf, key.length),
      checksum: { function: 'sha256', params: {}, message: checksum.toString('hex') },
      cipher: {
        function: 'aes-128-ctr',
        params: { iv: iv.toString('hex') },
        message: ciphertext.toString('hex'),
      },
    },
  }
  return `${JSON.stringify(envelope, null, 2)}\n`
}

function toModule(kdf: KdfParams, dklen: number): IKdfModule {
  const salt = Buffer.from(kdf.salt).toString('hex')
  if (kdf.function === 'pbkdf2') {
    const params = { dklen, c: kdf.c, prf: 'hmac-sha256', salt } as const
    return { function: 'pbkdf2', params, message: '' }
  }
  const { n, r, p } = kdf
  return { function: 'scrypt', params: { dklen, n, r, p, salt }, message: '' }
}
