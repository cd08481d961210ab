import type { MerklePatriciaTrie } from '@ethereumjs/mpt'
import { decodeRlp } from 'ethers/utils'
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
import { encodeRlp, evenHex } from './rlp.ts'

/** A log that a block holds. */
export type BlockLog = {
  readonly address: Address
  readonly topics: readonly Hex[]
  readonly data: Hex
}

/** A receipt with its way to the root of the receipts of its block. */
export type ReceiptPath = {
  /** `transactionIndex` */
  readonly place: number
  /** `logIndex` of its first log. */
  readonly firstLog: number
  /** Nodes of the trie from the root on; the last one holds the receipt. */
  readonly path: readonly Hex[]
}

/** What a block holds of one contract. */
export type BlockLogs = {
  /** By `logIndex`. */
  readonly logs: ReadonlyMap<number, BlockLog>
  /** The receipts that hold them. */
  readonly receipts: readonly ReceiptPath[]
}

export type ReceiptsCheck =
  | ({ readonly ok: true } & BlockLogs)
  | { readonly ok: false; readonly why: string }

/** More than any block held so far; a body beyond it is no block's. */
const MAX_RECEIPTS = 20_000
/** EIP-2718: types of transactions whose receipts are encoded alike. */
const MAX_TYPE = 0x7f

/**
 * Holds the receipts of a block, as a node gives them (`eth_getBlockReceipts`), against the root
 * that the block names. Whatever a node says, it cannot find other receipts with that root.
 *
 * @param contract - whose logs are wanted
 * @see EIP-2718, EIP-658; Yellow Paper, 4.4.1 (the trie of receipts)
 */
export async function checkReceipts(
  body: unknown,
  receiptsRoot: Bytes32,
  contract: Address,
): Promise<ReceiptsCheck> {
  try {
    const inPlace = inOrder(body)
    const trie = await trieOf(inPlace.map(encodeReceipt))
    const root = rootOf(trie)
    if (root !== receiptsRoot) return { ok: false, why: `receipts have the root ${root}` }
    const logs = new Map<number, BlockLog>()
    const receipts: ReceiptPath[] = []
    let firstLog = 0
    for (const [place, receipt] of inPlace.entries()) {
      const all = list(receipt, 'logs').map(toLog)
      if (addLogs(logs, all, firstLog, contract)) {
        const { createMerkleProof } = await import('@ethereumjs/mpt')
        const nodes = await createMerkleProof(trie, keyOf(place))
        receipts.push({ place, firstLog, path: nodes.map(toHex) })
      }
      firstLog += all.length
    }
    return { ok: true, logs, receipts }
  } catch (error) {
    if (error instanceof MalformedBodyError) return { ok: false, why: error.message }
    throw error
  }
}

/** What receipts that were kept with their paths hold of a contract. @throws where one does not lead to the root */
export async function logsOfPaths(
  receipts: readonly ReceiptPath[],
  receiptsRoot: Bytes32,
  contract: Address,
): Promise<BlockLogs['logs']> {
  const { verifyMerkleProof } = await import('@ethereumjs/mpt')
  const logs = new Map<number, BlockLog>()
  for (const { place, firstLog, path } of receipts) {
    const proof = path.map(toBytes)
    const found = await verifyMerkleProof(keyOf(place), proof, { root: toBytes(receiptsRoot) })
    if (found === null) throw new Error(`no receipt at place ${place}`)
    // A list begins at 0xc0; before it stands the type.
    const [, , , entries] = decodeRlp(
      (found[0] ?? 0) < 0xc0 ? found.subarray(1) : found,
    ) as unknown[]
    const all = (entries as [Address, Hex[], Hex][]).map(([address, topics, data]) => ({
      address,
      topics,
      data,
    }))
    addLogs(logs, all, firstLog, contract)
  }
  return logs
}

/** @returns whether there is any of this contract */
function addLogs(
  logs: Map<number, BlockLog>,
  all: readonly BlockLog[],
  firstLog: number,
  contract: Address,
): boolean {
  for (const [at, log] of all.entries()) {
    if (log.address === contract) logs.set(firstLog + at, log)
  }
  return all.some(({ address }) => address === contract)
}

/** The root that these receipts have. @throws MalformedBodyError */
export const receiptsRootOf = async (body: unknown): Promise<Bytes32> =>
  rootOf(await trieOf(inOrder(body).map(encodeReceipt)))

/** The trie whose keys are the places in this list. @param items - hex without `0x` */
async function trieOf(items: readonly string[]): Promise<MerklePatriciaTrie> {
  // Loaded when it is wanted: a start does not wait for it.
  const { createMPT } = await import('@ethereumjs/mpt')
  const trie = await createMPT()
  for (const [at, item] of items.entries()) await trie.put(keyOf(at), Buffer.from(item, 'hex'))
  return trie
}

function keyOf(place: number): Uint8Array {
  const digits = place === 0 ? '' : evenHex(place.toString(16))
  return Buffer.from(encodeRlp(digits), 'hex')
}

const rootOf = (trie: MerklePatriciaTrie) => toHex(trie.root()) as Bytes32
const toHex = (bytes: Uint8Array): Hex => `0x${Buffer.from(bytes).toString('hex')}`
const toBytes = (hex: Hex): Uint8Array => Buffer.from(hex.slice(2), 'hex')

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
