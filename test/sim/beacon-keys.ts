import { createHash } from 'node:crypto'
import { PublicKey, SecretKey, Signature, verify } from '@chainsafe/blst'
import type { Hex } from '../../src/lib/primitives.ts'

/** Order of the BLS12-381 scalar field. */
const CURVE_ORDER = 0x73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001n

export const sha256 = (...parts: Uint8Array[]): Buffer => {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest()
}
export const toHex = (bytes: Uint8Array): Hex => `0x${Buffer.from(bytes).toString('hex')}`
export const fromHex = (hex: string): Buffer => Buffer.from(hex.replace(/^0x/, ''), 'hex')

/** A uint64 as an SSZ leaf: 8 bytes little-endian, padded to 32. */
export function leaf(value: bigint): Buffer {
  const bytes = Buffer.alloc(32)
  bytes.writeBigUInt64LE(value)
  return bytes
}

/**
 * Key of the n-th validator of a test network, 32 bytes big-endian.
 *
 * @see https://github.com/ethereum/eth2.0-pm/blob/master/interop/mocked_start/README.md
 */
export function interopSecretKey(index: number): Buffer {
  const digest = sha256(leaf(BigInt(index))).reverse()
  const scalar = BigInt(toHex(digest)) % CURVE_ORDER
  return fromHex(scalar.toString(16).padStart(64, '0'))
}

const pubkeys = new Map<number, Hex>()

/** Derived once per process and index: about 0.1 ms. */
export function interopPubkey(index: number): Hex {
  let pubkey = pubkeys.get(index)
  if (pubkey === undefined) {
    pubkey = toHex(SecretKey.fromBytes(interopSecretKey(index)).toPublicKey().toBytes())
    pubkeys.set(index, pubkey)
  }
  return pubkey
}

export const sign = (secret: Uint8Array, root: Uint8Array): Hex =>
  toHex(SecretKey.fromBytes(secret).sign(root).toBytes())

/** False for anything that is not a signature by this key, however broken. */
export function isSignedBy(pubkey: string, root: Uint8Array, signature: string): boolean {
  try {
    return verify(
      root,
      PublicKey.fromBytes(fromHex(pubkey), true),
      Signature.fromBytes(fromHex(signature), true),
    )
  } catch {
    return false
  }
}
