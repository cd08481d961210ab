/** RLP item: bytes as lowercase hex without `0x`, or a list. */
export type Rlp = string | readonly Rlp[]

/**
 * RLP of an item, as hex without `0x`. In linear time, unlike the encoder of `ethers`: the lists
 * that are encoded here come from a node before anything about them is known to be true.
 *
 * @see https://ethereum.org/developers/docs/data-structures-and-encoding/rlp
 */
export function encodeRlp(item: Rlp): string {
  if (typeof item !== 'string') {
    const payload = item.map(encodeRlp).join('')
    return header(0xc0, payload) + payload
  }
  return item.length === 2 && item < '80' ? item : header(0x80, item) + item
}

function header(offset: number, payload: string): string {
  const length = payload.length / 2
  if (length <= 55) return byte(offset + length)
  const digits = evenHex(length.toString(16))
  return byte(offset + 55 + digits.length / 2) + digits
}

const byte = (value: number) => value.toString(16).padStart(2, '0')

/** Hex of an even number of digits, as bytes need it. */
export const evenHex = (digits: string) => (digits.length % 2 === 0 ? digits : `0${digits}`)
