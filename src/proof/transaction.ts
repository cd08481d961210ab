import { keccak256, Signature } from 'ethers/crypto'
import { recoverAddress } from 'ethers/transaction'
import { decodeRlp } from 'ethers/utils'
import type { Address, Brand, Bytes32, Hex } from '../lib/primitives.ts'
import { encodeRlp, evenHex, type Rlp } from './rlp.ts'
import { LAYOUTS, serializeBody } from './transaction-body.ts'

/**
 * A transaction whose signed bytes hash to `hash`, on our chain, with a canonical signature.
 * Which node it came from makes no difference any more. Only `checkSerialized` makes one.
 */
export type CheckedTransaction = Brand<
  {
    readonly hash: Bytes32
    readonly chainId: bigint
    /** `undefined` when it creates a contract. */
    readonly to: Address | undefined
    /** Recovered from the signature. */
    readonly from: Address
    readonly input: Hex
    /** The signed bytes (EIP-2718 envelope): all of the above can be made again from them. */
    readonly serialized: Hex
  },
  'CheckedTransaction'
>

/**
 * `malformed`, `hash-mismatch` and `unsupported-type` say something about the answer; another
 * node may give a better one. The others are true of every transaction with that hash.
 */
export type TransactionFault =
  | 'malformed'
  | 'hash-mismatch'
  | 'unsupported-type'
  | 'wrong-chain'
  | 'no-chain-id'
  | 'bad-signature'

export type TransactionCheck =
  | { readonly ok: true; readonly transaction: CheckedTransaction }
  | { readonly ok: false; readonly fault: TransactionFault; readonly why: string }

/** True when no other answer can change the fault: the signed bytes themselves have it. */
export const isLasting = (fault: TransactionFault) =>
  fault === 'wrong-chain' || fault === 'no-chain-id' || fault === 'bad-signature'

/**
 * Rebuilds a transaction from a node's answer, of types 0 to 4. Neither `hash` nor `from` of the
 * answer is read.
 *
 * @param body - the result of `eth_getTransactionByHash`, not `null`
 */
export function checkTransaction(
  body: unknown,
  askedHash: Bytes32,
  chainId: bigint,
): TransactionCheck {
  const serializations = serializeBody(body, chainId)
  if (serializations.kind === 'malformed') return refuse('malformed', serializations.why)
  if (serializations.kind === 'unsupported') return refuse('unsupported-type', serializations.type)
  let hash = ''
  for (const serialized of serializations.candidates) {
    hash = keccak256(serialized)
    if (hash === askedHash) return readSigned(serialized, askedHash, chainId)
  }
  return refuse('hash-mismatch', `body hashes to ${hash}`)
}

/** Makes a transaction again from its signed bytes, however they came here. */
export function checkSerialized(
  serialized: Hex,
  askedHash: Bytes32,
  chainId: bigint,
): TransactionCheck {
  if (!/^0x[0-9a-f]+$/.test(serialized) || serialized.length % 2 !== 0) {
    return refuse('malformed', 'not lowercase hex')
  }
  const hash = keccak256(serialized)
  return hash === askedHash
    ? readSigned(serialized, askedHash, chainId)
    : refuse('hash-mismatch', `bytes hash to ${hash}`)
}

/** @param serialized - bytes that hash to `hash` */
function readSigned(serialized: Hex, hash: Bytes32, chainId: bigint): TransactionCheck {
  const type = typeOf(serialized)
  const layout = type === undefined ? undefined : LAYOUTS.get(type)
  if (type === undefined || layout === undefined) {
    return refuse('unsupported-type', `first byte ${serialized.slice(0, 4)}`)
  }
  const fields = decodeCanonical(serialized, type)
  if (fields?.length !== layout.length + 3) return refuse('malformed', `not of type ${type}`)

  const signed = fields.slice(0, layout.length)
  const to = fields[layout.indexOf('to')]
  const input = fields[layout.indexOf('input')]
  const [v, r, s] = fields.slice(layout.length).map(toInteger)
  const signedChainId = type === 0 ? undefined : toInteger(fields[0])
  if (!isAddressOrEmpty(to) || typeof input !== 'string') {
    return refuse('malformed', 'recipient or input')
  }
  if (v === undefined || r === undefined || s === undefined) {
    return refuse('malformed', 'signature values')
  }

  const signing = type === 0 ? legacySigning(v) : { yParity: v, chainId: signedChainId }
  if (signing.chainId === undefined) return refuse('no-chain-id', 'signed for any chain')
  if (signing.chainId !== chainId) return refuse('wrong-chain', `chain ${signing.chainId}`)
  const digest =
    type === 0
      ? keccak256(`0x${encodeRlp([...signed, evenHex(chainId.toString(16)), '', ''])}`)
      : keccak256(`0x${serialized.slice(2, 4)}${encodeRlp(signed)}`)
  const from = recover(digest, signing.yParity, r, s)
  if (from === undefined) return refuse('bad-signature', 'not a canonical signature (EIP-2)')
  const transaction = {
    hash,
    chainId,
    to: to === '' ? undefined : (`0x${to}` as Address),
    from,
    input: `0x${input}` as Hex,
    serialized,
  }
  return { ok: true, transaction: Object.freeze(transaction) as CheckedTransaction }
}

const refuse = (fault: TransactionFault, why: string) => ({ ok: false, fault, why }) as const

/** EIP-2718: a first byte of 0xc0 or more opens a legacy transaction's list, and 0 is no type. */
function typeOf(serialized: Hex): number | undefined {
  const first = parseInt(serialized.slice(2, 4), 16)
  return first >= 0xc0 ? 0 : first || undefined
}

/**
 * The fields, as hex without `0x`. `undefined` for bytes that are no RLP list, or that are not the
 * one way to write it: then what was signed and what is read here could differ.
 */
function decodeCanonical(serialized: Hex, type: number): readonly Rlp[] | undefined {
  const payload = serialized.slice(type === 0 ? 2 : 4)
  try {
    const decoded = withoutPrefixes(decodeRlp(`0x${payload}`))
    return typeof decoded !== 'string' && encodeRlp(decoded) === payload ? decoded : undefined
  } catch {
    return undefined
  }
}

type EthersRlp = ReturnType<typeof decodeRlp>
const withoutPrefixes = (item: EthersRlp): Rlp =>
  Array.isArray(item) ? item.map(withoutPrefixes) : typeof item === 'string' ? item.slice(2) : ''

const isAddressOrEmpty = (field: Rlp | undefined): field is string =>
  typeof field === 'string' && (field.length === 0 || field.length === 40)

/** A canonical integer of at most 32 bytes. */
const toInteger = (field: Rlp | undefined): bigint | undefined =>
  typeof field !== 'string' || field.length > 64 || field.startsWith('00')
    ? undefined
    : BigInt(`0x${field || '0'}`)

/** EIP-155: `v = 35 + 2 * chainId + yParity`; 27 and 28 are signatures for any chain. */
const legacySigning = (v: bigint): { yParity: bigint; chainId: bigint | undefined } =>
  v >= 35n
    ? { yParity: (v - 35n) % 2n, chainId: (v - 35n) / 2n }
    : { yParity: v - 27n, chainId: undefined }

/** secp256k1 (SEC 2): the prime of its field, and the order of its group. */
const FIELD = 2n ** 256n - 2n ** 32n - 977n
const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n

/**
 * The signer; `undefined` for values that no signature has: out of range, a high `s` (EIP-2), an
 * `r` that is the coordinate of no point.
 *
 * @throws when the library fails on others: a fault, which says nothing about the signature
 */
function recover(digest: string, yParity: bigint, r: bigint, s: bigint): Address | undefined {
  if (yParity > 1n || r === 0n || r >= ORDER || s === 0n || s > ORDER / 2n) return undefined
  if (!isOnCurve(r)) return undefined
  const signature = Signature.from({ r: word(r), s: word(s), yParity: yParity === 1n ? 1 : 0 })
  return recoverAddress(digest, signature).toLowerCase() as Address
}

/** Whether some y has `y² = x³ + 7` (Euler's criterion). */
function isOnCurve(x: bigint): boolean {
  let power = (FIELD - 1n) / 2n
  let base = (x * x * x + 7n) % FIELD
  let result = 1n
  for (; power > 0n; power >>= 1n) {
    if (power & 1n) result = (result * base) % FIELD
    base = (base * base) % FIELD
  }
  return result === 1n
}

const word = (value: bigint) => `0x${value.toString(16).padStart(64, '0')}`
