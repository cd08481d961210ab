import type { Hex } from '../lib/primitives.ts'
import {
  asBody,
  type Body,
  bytes,
  list,
  MalformedBodyError,
  quantity,
  values,
} from './node-fields.ts'
import { encodeRlp, evenHex, type Rlp } from './rlp.ts'

type Field =
  | 'chainId'
  | 'nonce'
  | 'gasPrice'
  | 'maxPriorityFeePerGas'
  | 'maxFeePerGas'
  | 'gas'
  | 'to'
  | 'value'
  | 'input'
  | 'accessList'
  | 'maxFeePerBlobGas'
  | 'blobVersionedHashes'
  | 'authorizationList'

const FEE_MARKET: readonly Field[] = [
  'chainId',
  'nonce',
  'maxPriorityFeePerGas',
  'maxFeePerGas',
  'gas',
  'to',
  'value',
  'input',
  'accessList',
]

/**
 * The signed fields of each transaction type, in order; yParity, r and s follow.
 * Sources: Yellow Paper (0), EIP-2930 (1), EIP-1559 (2), EIP-4844 (3), EIP-7702 (4).
 */
export const LAYOUTS: ReadonlyMap<number, readonly Field[]> = new Map<number, readonly Field[]>([
  [0, ['nonce', 'gasPrice', 'gas', 'to', 'value', 'input']],
  [1, ['chainId', 'nonce', 'gasPrice', 'gas', 'to', 'value', 'input', 'accessList']],
  [2, FEE_MARKET],
  [3, [...FEE_MARKET, 'maxFeePerBlobGas', 'blobVersionedHashes']],
  [4, [...FEE_MARKET, 'authorizationList']],
])

export type Serializations =
  | { readonly kind: 'serialized'; readonly candidates: readonly Hex[] }
  | { readonly kind: 'unsupported'; readonly type: string }
  | { readonly kind: 'malformed'; readonly why: string }

/**
 * The signed bytes that a node's answer to `eth_getTransactionByHash` may stand for; none where it is of no known type or no body.
 *
 * Nodes write yParity and `v` in several ways, or leave them out. It is one bit, so both are
 * offered, and the hash tells which; for a legacy transaction with and without its chain id.
 *
 * @param chainId - for a body that leaves it out
 */
export function serializeBody(body: unknown, chainId: bigint): Serializations {
  try {
    const fields = {
      chainId: `0x${chainId.toString(16)}`,
      ...asBody(body, 'the transaction'),
    }
    const type = parseInt(quantity(fields, 'type') || '00', 16)
    const layout = LAYOUTS.get(type)
    if (layout === undefined) return { kind: 'unsupported', type: `type ${type}` }
    const signed = layout.map((name) => ENCODERS[name](fields))
    const rs = [quantity(fields, 'r'), quantity(fields, 's')]
    const prefix = type === 0 ? '0x' : `0x${evenHex(type.toString(16))}`
    const signatures = type === 0 ? legacySignatures(fields) : ['', '01']
    return {
      kind: 'serialized',
      candidates: signatures.map((v) => `${prefix}${encodeRlp([...signed, v, ...rs])}` as Hex),
    }
  } catch (error) {
    if (error instanceof MalformedBodyError) return { kind: 'malformed', why: error.message }
    throw error
  }
}

/** What `v` may be: as given; `35 + 2 * chainId + yParity` (EIP-155); before that 27 or 28. */
function legacySignatures(body: Body): readonly string[] {
  const even = 35n + 2n * BigInt(`0x${quantity(body, 'chainId') || '0'}`)
  const others = [even, even + 1n, 27n, 28n].map((v) => evenHex(v.toString(16)))
  return [...new Set([quantity(body, 'v'), ...others])]
}

const ENCODERS: Readonly<Record<Field, (body: Body) => Rlp>> = {
  chainId: (body) => quantity(body, 'chainId'),
  nonce: (body) => quantity(body, 'nonce'),
  gasPrice: (body) => quantity(body, 'gasPrice'),
  maxPriorityFeePerGas: (body) => quantity(body, 'maxPriorityFeePerGas'),
  maxFeePerGas: (body) => quantity(body, 'maxFeePerGas'),
  gas: (body) => quantity(body, 'gas' in body ? 'gas' : 'gasLimit'),
  to: (body) => bytes(body, 'to'),
  value: (body) => quantity(body, 'value'),
  input: (body) => bytes(body, 'input' in body ? 'input' : 'data'),
  accessList: (body) =>
    list(body, 'accessList').map((entry) => [
      bytes(entry, 'address'),
      values(entry, 'storageKeys').map((key) => bytes({ key }, 'key')),
    ]),
  maxFeePerBlobGas: (body) => quantity(body, 'maxFeePerBlobGas'),
  blobVersionedHashes: (body) =>
    values(body, 'blobVersionedHashes').map((hash) => bytes({ hash }, 'hash')),
  authorizationList: (body) =>
    list(body, 'authorizationList').map((entry) => [
      quantity(entry, 'chainId'),
      bytes(entry, 'address'),
      quantity(entry, 'nonce'),
      'yParity' in entry ? quantity(entry, 'yParity') : parityOf(quantity(entry, 'v')),
      quantity(entry, 'r'),
      quantity(entry, 's'),
    ]),
}

/** Some nodes write 27 and 28 where the signed bytes have 0 and 1. */
const parityOf = (v: string) => (v === '1b' ? '' : v === '1c' ? '01' : v)
