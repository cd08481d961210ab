import { createHash } from 'node:crypto'
import { type Transaction, Wallet } from 'ethers'
import type { Hex } from '../../src/lib/primitives.ts'
import type { RawLog } from './abi.ts'
import { signTransaction, type TransactionFields } from './transactions.ts'

export type SimLog = RawLog & {
  readonly blockNumber: number
  readonly transactionHash: Hex
  readonly transactionIndex: number
  readonly logIndex: number
  readonly removed?: boolean
}
export type SimTransaction = {
  readonly hash: Hex
  readonly from: Hex
  readonly signed: Transaction
  readonly blockNumber: number
  readonly index: number
  /** Changes what a node says of it, whatever was really signed. */
  readonly tamper?: (json: Record<string, unknown>) => unknown
}
export type NewTransaction = TransactionFields & {
  readonly logs?: readonly RawLog[]
  /** Block to put it into, at most the head. Without it a new block is mined. */
  readonly block?: number
  /** Unix seconds of the new block. */
  readonly timestamp?: number
  readonly tamper?: SimTransaction['tamper']
}

const sha256 = (text: string): Hex => `0x${createHash('sha256').update(text).digest('hex')}`

/** The same seed gives the same wallet. */
export const seededWallet = (seed: string) => new Wallet(sha256(seed))

/**
 * Blocks, transactions and logs. Blocks cost nothing until someone looks: hash and time follow
 * from the number, so that a million of them can be mined at once.
 */
export function createLedger(options: {
  readonly chainId: bigint
  readonly startBlock: number
  readonly startTimestamp: number
  readonly secondsPerBlock: number
  readonly salt: string
}) {
  const { chainId, secondsPerBlock } = options
  let salts = [{ from: 0, salt: options.salt }]
  let clocks = [{ from: options.startBlock, timestamp: options.startTimestamp }]
  const nonces = new Map<string, number>()
  const transactions = new Map<string, SimTransaction>()
  const byBlock = new Map<number, { transactions: SimTransaction[]; logs: SimLog[] }>()
  /** Ascending numbers of the blocks that hold anything. */
  const filled: number[] = []
  const hashes = new Map<string, number>()

  const segment = <T extends { from: number }>(list: readonly T[], number: number): T =>
    list.findLast(({ from }) => from <= number) ?? (list[0] as T)

  function timestampOf(number: number): number {
    const { from, timestamp } = segment(clocks, number)
    return Math.max(0, timestamp + (number - from) * secondsPerBlock)
  }

  /** Also remembers the hash, so that `blockByHash` finds what was handed out. */
  function hashOf(number: number): Hex {
    const hash = sha256(`${segment(salts, number).salt}:${number}`)
    hashes.set(hash, number)
    return hash
  }

  function slot(number: number) {
    let entry = byBlock.get(number)
    if (entry === undefined) {
      entry = { transactions: [], logs: [] }
      byBlock.set(number, entry)
      const at = lowerBound(filled, number)
      filled.splice(at, 0, number)
    }
    return entry
  }

  const ledger = {
    chainId,
    /** Number of the latest block. Also for tests to set, to make blocks no one mined. */
    head: options.startBlock,
    finalized: options.startBlock,
    hashOf,
    timestampOf,
    mine,
    finalize,
    reorg,
    addTransaction,
    addLog,
    transaction: (hash: string) => transactions.get(hash.toLowerCase()),
    transactionsOf: (number: number): readonly SimTransaction[] =>
      byBlock.get(number)?.transactions ?? [],
    logsOf: (number: number): readonly SimLog[] => byBlock.get(number)?.logs ?? [],
    blockByHash,
    logsBetween,
  }
  return ledger

  /** @param timestamp - unix seconds of the first new block; later ones follow in step */
  function mine(count = 1, timestamp?: number): number {
    if (timestamp !== undefined) clocks.push({ from: ledger.head + 1, timestamp })
    ledger.head += count
    return ledger.head
  }

  function finalize(to = ledger.head): number {
    ledger.finalized = to
    return to
  }

  /** A hash that was handed out before and is still on the chain. */
  function blockByHash(hash: string): number | undefined {
    const number = hashes.get(hash.toLowerCase())
    return number !== undefined && number <= ledger.head && hashOf(number) === hash.toLowerCase()
      ? number
      : undefined
  }

  /**
   * Replaces every block from this one on. Their transactions are gone, unless kept: then they
   * stand at the same heights under other block hashes.
   */
  function reorg(from: number, how: { keep?: boolean; head?: number } = {}): SimTransaction[] {
    salts = [
      ...salts.filter((one) => one.from < from),
      { from, salt: `${segment(salts, from).salt}'${salts.length}` },
    ]
    ledger.head = how.head ?? ledger.head
    if (how.keep === true) return []
    clocks = clocks.filter((one) => one.from < from || one === clocks[0])
    const dropped = filled.splice(lowerBound(filled, from)).flatMap((number) => {
      const entry = byBlock.get(number)
      byBlock.delete(number)
      return entry?.transactions ?? []
    })
    for (const { hash } of dropped) transactions.delete(hash)
    return dropped
  }

  function addTransaction(fields: NewTransaction): SimTransaction {
    const { signer, logs = [], tamper } = fields
    const nonce = fields.nonce ?? nonces.get(signer.address) ?? 0
    nonces.set(signer.address, nonce + 1)
    const signed = signTransaction({ ...fields, nonce, chainId: fields.chainId ?? chainId })
    const number = fields.block ?? mine(1, fields.timestamp)
    const place = slot(number)
    const transaction: SimTransaction = {
      hash: signed.hash as Hex,
      from: signer.address.toLowerCase() as Hex,
      signed,
      blockNumber: number,
      index: place.transactions.length,
      ...(tamper && { tamper }),
    }
    place.transactions.push(transaction)
    transactions.set(transaction.hash, transaction)
    for (const log of logs) addLog(log, transaction)
    return transaction
  }

  /** Any log at all, said to come from any transaction: a node can claim what it likes. */
  function addLog(
    log: RawLog,
    from: { hash: Hex; blockNumber: number; index?: number },
    extra: Partial<SimLog> = {},
  ): SimLog {
    const { logs } = slot(from.blockNumber)
    const placed: SimLog = {
      address: log.address.toLowerCase() as Hex,
      topics: log.topics,
      data: log.data,
      blockNumber: from.blockNumber,
      transactionHash: from.hash,
      transactionIndex: from.index ?? 0,
      logIndex: logs.length,
      ...extra,
    }
    logs.push(placed)
    return placed
  }

  /** Ascending by block and log index. */
  function* logsBetween(from: number, to: number): Generator<SimLog> {
    for (let at = lowerBound(filled, from); at < filled.length; at += 1) {
      const number = filled[at] as number
      if (number > to) return
      yield* byBlock.get(number)?.logs ?? []
    }
  }
}

/** First position whose value is not below `value`. */
function lowerBound(sorted: readonly number[], value: number): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((sorted[middle] as number) < value) low = middle + 1
    else high = middle
  }
  return low
}

export type Ledger = ReturnType<typeof createLedger>
