import { TOPICS } from '../execution/abi.ts'
import {
  type Address,
  type Bytes32,
  type Hex,
  parseAddress,
  parseBytes32,
} from '../lib/primitives.ts'

/** A transaction by its hash. */
export type TransactionLookUp = {
  readonly kind: 'transaction'
  readonly id: string
  readonly hash: Bytes32
}

/** Logs that name a report. Hints where votes for it are to be found, and nothing more. */
export type LogsLookUp = {
  readonly kind: 'logs'
  readonly id: string
  readonly event: 'ConsensusReached' | 'ReportReceived'
  readonly address: Address
  readonly topics: readonly Hex[]
  readonly fromBlock: number
  readonly toBlock: number
  /** Only logs with this report hash count; nodes cannot filter by it. */
  readonly report: Bytes32
}

/** The execution block of a slot: for every consensus node. */
export type BlockLookUp = { readonly kind: 'block'; readonly id: string; readonly slot: number }

/** The receipts of a block, which have this root, as far as they are of one contract. */
export type ReceiptsLookUp = {
  readonly kind: 'receipts'
  readonly id: string
  readonly blockHash: Bytes32
  readonly blockNumber: number
  readonly receiptsRoot: Bytes32
  readonly contract: Address
}

/** One question to a node. Equal questions have equal ids: 500 requests of a report share one. */
export type LookUp = TransactionLookUp | LogsLookUp | BlockLookUp | ReceiptsLookUp

export const blockLookUp = (slot: number): BlockLookUp => ({
  kind: 'block',
  id: `block:${slot}`,
  slot,
})

export const receiptsLookUp = (
  blockHash: Bytes32,
  blockNumber: number,
  receiptsRoot: Bytes32,
  contract: Address,
): ReceiptsLookUp => ({
  kind: 'receipts',
  id: `receipts:${blockHash}:${receiptsRoot}`,
  blockHash,
  blockNumber,
  receiptsRoot,
  contract,
})

/**
 * Blocks before an event in which its report was agreed on: 24 h * 3,600 s / 12 s. A report is
 * handed in within the frame it belongs to.
 */
const CONSENSUS_WINDOW_BLOCKS = 7_200

export const transactionLookUp = (hash: Bytes32): TransactionLookUp => ({
  kind: 'transaction',
  id: `transaction:${hash}`,
  hash,
})

export function logsLookUp(
  event: LogsLookUp['event'],
  address: Address,
  report: Bytes32,
  eventBlock: number,
): LogsLookUp {
  const fromBlock = Math.max(0, eventBlock - CONSENSUS_WINDOW_BLOCKS)
  return {
    kind: 'logs',
    id: `${event}:${address}:${fromBlock}:${eventBlock}:${report}`,
    event,
    address,
    topics: [event === 'ConsensusReached' ? TOPICS.consensusReached : TOPICS.reportReceived],
    fromBlock,
    toBlock: eventBlock,
    report,
  }
}

export type ReportLogReading =
  | { readonly kind: 'match'; readonly transactionHash: Bytes32 }
  | { readonly kind: 'other-report'; readonly report: Bytes32 }
  | { readonly kind: 'not-asked-for' }

const NOT_ASKED_FOR = { kind: 'not-asked-for' } as const

/**
 * Holds one raw log against the question. `data` of ConsensusReached is `report, support`, that of
 * ReportReceived `report`; `refSlot` and `member` are topics.
 */
export function readReportLog(raw: unknown, lookUp: LogsLookUp): ReportLogReading {
  if (typeof raw !== 'object' || raw === null) return NOT_ASKED_FOR
  const { address, topics, data, blockNumber, transactionHash, removed } = raw as Readonly<
    Record<string, unknown>
  >
  const block = toBlockNumber(blockNumber)
  const hash = parseBytes32(transactionHash)
  const isOfEvent =
    Array.isArray(topics) &&
    topics.length === (lookUp.event === 'ConsensusReached' ? 2 : 3) &&
    parseBytes32(topics[0]) === lookUp.topics[0]
  const inRange = block !== undefined && block >= lookUp.fromBlock && block <= lookUp.toBlock
  const words = lookUp.event === 'ConsensusReached' ? 2 : 1
  if (!isOfEvent || !inRange || hash === undefined || removed === true) return NOT_ASKED_FOR
  if (parseAddress(address) !== lookUp.address) return NOT_ASKED_FOR
  if (typeof data !== 'string' || data.length !== 2 + words * 64) return NOT_ASKED_FOR
  const report = parseBytes32(data.slice(0, 66))
  if (report === undefined) return NOT_ASKED_FOR
  return report === lookUp.report
    ? { kind: 'match', transactionHash: hash }
    : { kind: 'other-report', report }
}

function toBlockNumber(value: unknown): number | undefined {
  const number = typeof value === 'string' && /^0x[0-9a-f]{1,13}$/i.test(value) ? +value : value
  return typeof number === 'number' && Number.isSafeInteger(number) ? number : undefined
}
