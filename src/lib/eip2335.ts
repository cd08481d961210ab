import { createDecipheriv, createHash, timingSafeEqual } from 'node:crypto'
import { type KdfParams, kdfMemory } from './kdf.ts'

/** An EIP-2335 envelope whose fields are of the right form and within their bounds. */
export type Envelope = {
  readonly kdf: KdfParams
  /** 32 bytes, SHA-256. */
  readonly checksum: Uint8Array
  /** 16 bytes. */
  readonly iv: Uint8Array
  readonly ciphertext: Uint8Array
}

export type EnvelopeFaultCode = 'envelope-malformed' | 'unknown-function' | 'kdf-out-of-bounds'

export type EnvelopeResult =
  | { readonly ok: true; readonly envelope: Envelope }
  | { readonly ok: false; readonly code: EnvelopeFaultCode; readonly detail: string }

/** 16 times what EIP-2335 uses, a second of work. */
const MAX_PBKDF2_ROUNDS = 2 ** 22
const MAX_KDF_MEMORY = 2 ** 30
const MAX_SALT_BYTES = 1024
/**
 * Reads the part `crypto` of an EIP-2335 file. Its other fields (`path`, `uuid`, `pubkey`,
 * `version`) have no part in the decryption and are not looked at.
 *
 * @see https://eips.ethereum.org/EIPS/eip-2335
 */
export function parseEnvelope(file: Readonly<Record<string, unknown>>): EnvelopeResult {
  try {
    const crypto = objectAt(file, 'crypto')
    const kdf = readKdf(objectAt(crypto, 'kdf'))
    const checksum = objectAt(crypto, 'checksum')
    expectFunction(checksum, 'checksum', ['sha256'])
    const cipher = objectAt(crypto, 'cipher')
    expectFunction(cipher, 'cipher', ['aes-128-ctr'])
    const envelope = {
      kdf,
      checksum: bytesAt(checksum, 'message', 'checksum.message', 32),
      iv: bytesAt(objectAt(cipher, 'params', 'cipher.params'), 'iv', 'cipher.params.iv', 16),
      ciphertext: bytesAt(cipher, 'message', 'cipher.message'),
    }
    if (envelope.ciphertext.length === 0) malformed('cipher.message is empty')
    return { ok: true, envelope }
  } catch (error) {
    if (error instanceof Fault) return { ok: false, code: error.code, detail: error.message }
    throw error
  }
}

/** The decrypted content, or `undefined` if the checksum says that the key is another one. */
export function openEnvelope(envelope: Envelope, key: Uint8Array): Uint8Array | undefined {
  const { checksum, iv, ciphertext } = envelope
  const actual = createHash('sha256').update(key.subarray(16, 32)).update(ciphertext).digest()
  if (!timingSafeEqual(actual, checksum)) return undefined
  const decipher = createDecipheriv('aes-128-ctr', key.subarray(0, 16), iv)
  return Buffer.concat([decipher.update(ciphertext), decipher.final()])
}

function readKdf(kdf: Fields): KdfParams {
  const name = expectFunction(kdf, 'kdf', ['pbkdf2', 'scrypt'])
  const params = objectAt(kdf, 'params', 'kdf.params')
  const number = (key: string, least: number) => integerAt(params, key, `kdf.params.${key}`, least)
  const salt = bytesAt(params, 'salt', 'kdf.params.salt')
  if (salt.length > MAX_SALT_BYTES) throw new Fault('kdf-out-of-bounds', 'salt over 1024 bytes')
  if (number('dklen', 0) !== 32) malformed('kdf.params.dklen is not 32')
  if (name === 'pbkdf2') {
    if (own(params, 'prf') !== 'hmac-sha256') {
      throw new Fault('unknown-function', 'kdf.params.prf is not hmac-sha256')
    }
    const c = number('c', 1)
    if (c > MAX_PBKDF2_ROUNDS) throw new Fault('kdf-out-of-bounds', `pbkdf2 with c = ${c}`)
    return { function: 'pbkdf2', c, salt }
  }
  const scrypt = {
    function: 'scrypt',
    n: number('n', 2),
    r: number('r', 1),
    p: number('p', 1),
    salt,
  } as const
  // p multiplies the time of scrypt, not its memory; nothing can interrupt it.
  if (kdfMemory(scrypt) * scrypt.p > MAX_KDF_MEMORY) {
    const { n, r, p } = scrypt
    throw new Fault('kdf-out-of-bounds', `scrypt with n = ${n}, r = ${r}, p = ${p}`)
  }
  if (!Number.isInteger(Math.log2(scrypt.n))) malformed('kdf.params.n is not a power of two')
  return scrypt
}

type Fields = Readonly<Record<string, unknown>>

/** Never leaves this file. */
class Fault extends Error {
  readonly code: EnvelopeFaultCode

  constructor(code: EnvelopeFaultCode, detail: string) {
    super(detail)
    this.code = code
  }
}

function malformed(detail: string): never {
  throw new Fault('envelope-malformed', detail)
}

function expectFunction<Name extends string>(
  part: Fields,
  where: string,
  names: readonly Name[],
): Name {
  const given = own(part, 'function')
  const name = names.find((candidate) => candidate === given)
  if (name === undefined) {
    if (typeof given !== 'string') malformed(`${where}.function is missing`)
    throw new Fault('unknown-function', `${where}.function is not ${names.join(' or ')}`)
  }
  return name
}

function objectAt(parent: Fields, key: string, where = key): Fields {
  const value = own(parent, key)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return malformed(`${where} is not an object`)
  }
  return value as Fields
}

function bytesAt(parent: Fields, key: string, where: string, length?: number): Uint8Array {
  const value = own(parent, key)
  if (typeof value !== 'string') return malformed(`${where} is not a string`)
  const hex = /^0x/i.test(value) ? value.slice(2) : value
  const bytes = Buffer.from(hex, 'hex')
  // Buffer.from stops at the first character that is not hex.
  if (bytes.length * 2 !== hex.length) malformed(`${where} is not hex`)
  if (length !== undefined && bytes.length !== length) malformed(`${where} is not ${length} bytes`)
  return bytes
}

function integerAt(parent: Fields, key: string, where: string, least: number): number {
  const value = own(parent, key)
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < least) {
    return malformed(`${where} is not a whole number of at least ${least}`)
  }
  return value
}

const own = (fields: Fields, key: string): unknown =>
  Object.hasOwn(fields, key) ? fields[key] : undefined
