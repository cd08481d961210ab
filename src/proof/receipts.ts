import type { Address, Bytes32, Hex } from '../lib/primitives.ts'
import {
  asBody,
  type Body,
  bytes,
  list,
  MalformedBodyError,
  quantity,
  values,
} from './node-fields.ts'
import { encodeRlp } from './rlp.ts'

/** A log that a block holds. */
export type BlockLog = {
  readonly address: Address
  readonly topics: readonly Hex[]
  readonly data: Hex
}

export type ReceiptsCheck =
  /** Every log of the block; a log's place in the list is its `logIndex`. */
  | { readonly ok: true; readonly logs: readonly BlockLog[] }
  | { readonly ok: false; readonly why: string }

/** More than any block held so far; a body beyond it is no block's. */
const MAX_RECEIPTS = 20_000
/** EIP-2718: types of transactions whose receipts are encoded alike. */
const MAX_TYPE = 0x7f

/**
 * Holds the receipts of a block, as a node gives them (`eth_getBlockReceipts`), against the root
 * that the block names. Whatever a node says, it cannot find other receipts with that root.
 *
 * @see EIP-2718, EIP-658; Yellow Paper, 4.4.1 (the trie of receipts)
 */
export async function checkReceipts(body: unknown, receiptsRoot: Bytes32): Promise<ReceiptsCheck> {
  try {
    const root = await receiptsRootOf(body)
    if (root !== receiptsRoot) return { ok: false, why: `receipts have the root ${root}` }
    return { ok: true, logs: inOrder(body).flatMap((receipt) => list(receipt, 'logs').map(toLog)) }
  } catch (error) {
    if (error instanceof MalformedBodyError) return { ok: false, why: error.message }
    throw error
  }
}

/** The root that these receipts have. @throws MalformedBodyError */
export const receiptsRootOf = (body: unknown): Promise<Bytes32> =>
  rootOf(inOrder(body).map(encodeReceipt))

/** Root of the trie whose keys are the places in this list. @param items - hex without `0x` */
export async function rootOf(items: readonly string[]): Promise<Bytes32> {
  // Loaded when it is wanted: a start does not wait for it.
  const { createMPT } = await import('@ethereumjs/mpt')
  const trie = await createMPT()
  for (const [at, item] of items.entries()) {
    const place = at === 0 ? '' : at.toString(16)
    const key = encodeRlp(place.length % 2 === 0 ? place : `0${place}`)
    await trie.put(Buffer.from(key, 'hex'), Buffer.from(item, 'hex'))
  }
  return `0x${Buffer.from(trie.root()).toString('hex')}` as Bytes32
}

/** Some nodes give them in another order, but all tell their place. */
function inOrder(body: unknown): readonly Body[] {
  if (!Array.isArray(body)) throw new MalformedBodyError('the receipts are not a list')
  if (body.length > MAX_RECEIPTS) throw new MalformedBodyError(`${body.length} receipts`)
  const placed = body.map((one) => {
    const receipt = asBody(one, 'a receipt')
    return { receipt, place: parseInt(quantity(receipt, 'transactionIndex') || '0', 16) }
  })
  return placed.sort((a, b) => a.place - b.place).map(({ receipt }) => receipt)
}

/** Its bytes in the trie. Before Byzantium a state root stood where the status is. */
function encodeReceipt(receipt: Body): string {
  const type = parseInt(quantity(receipt, 'type') || '0', 16)
  if (type > MAX_TYPE) throw new MalformedBodyError(`receipt of type ${type}`)
  const fields = encodeRlp([
    'status' in receipt ? quantity(receipt, 'status') : bytes(receipt, 'root'),
    quantity(receipt, 'cumulativeGasUsed'),
    bytes(receipt, 'logsBloom'),
    list(receipt, 'logs').map((log) => {
      const { address, topics, data } = toLog(log)
      return [address.slice(2), topics.map((topic) => topic.slice(2)), data.slice(2)]
    }),
  ])
  return type === 0 ? fields : type.toString(16).padStart(2, '0') + fields
}

const toLog = (log: Body): BlockLog => ({
  address: `0x${bytes(log, 'address')}` as Address,
  topics: values(log, 'topics').map((topic) => `0x${bytes({ topic } as Body, 'topic')}` as const),
  data: `0x${bytes(log, 'data')}`,
})
