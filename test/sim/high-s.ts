import { decodeRlp, encodeRlp, keccak256, toBeHex } from 'ethers'
import type { Hex } from '../../src/lib/primitives.ts'

/** Order of the secp256k1 group. */
const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n

/**
 * The other signature of the same key over the same transaction, with `n - s` and the other
 * parity: valid arithmetic, refused by the chain (EIP-2).
 *
 * @param json - a node's words for it
 * @param serialized - of a typed transaction
 */
export function withHighS(json: Record<string, unknown>, serialized: string) {
  const type = serialized.slice(0, 4)
  const fields = decodeRlp(`0x${serialized.slice(4)}`) as string[]
  const s = toBeHex(ORDER - BigInt(fields.at(-1) ?? '0x'))
  const isOdd = fields.at(-3) !== '0x'
  const signed = [...fields.slice(0, -3), isOdd ? '0x' : '0x01', fields.at(-2) ?? '0x', s]
  const hash = keccak256(`${type}${encodeRlp(signed).slice(2)}`) as Hex
  const parity = isOdd ? '0x0' : '0x1'
  return { ...json, hash, s, v: parity, yParity: parity }
}
