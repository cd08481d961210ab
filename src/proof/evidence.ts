import type { Address, Bytes32 } from '../lib/primitives.ts'
import { readCall } from './calls.ts'
import type { FinalBlock } from './judge.ts'
import {
  blockLookUp,
  type LogsLookUp,
  type LookUp,
  type ReceiptsLookUp,
  readReportLog,
  type TransactionLookUp,
} from './look-up.ts'
import type { BlockLogs, ReceiptsCheck } from './receipts.ts'
import {
  type CheckedTransaction,
  checkTransaction,
  isLasting,
  type TransactionFault,
} from './transaction.ts'

/** A member's signed vote for a report, sent to some contract. */
export type Vote = {
  readonly transaction: Bytes32
  readonly target: Address | undefined
  readonly signer: Address
}

/** A fault of one transaction, or of the receipts of a block, and in whose words. */
export type Fault = { readonly fault: TransactionFault | 'receipts-differ'; readonly why: string }

/** What a consensus node says of a slot. */
export type SlotAnswer =
  /** Final and verified; `undefined` for a block of a fork that names no execution payload. */
  | { readonly kind: 'final'; readonly payload: FinalPayload | undefined }
  /** It cannot tell: none known there, not final yet, optimistic. */
  | { readonly kind: 'unknown'; readonly why: string }

export type FinalPayload = { readonly blockHash: Bytes32; readonly receiptsRoot: Bytes32 }

/** What the nodes answered to one look-up so far. */
export type LookUpState = {
  /** Names of the nodes that were asked. */
  readonly asked: Set<string>
  /** Nodes that gave a whole answer, good or bad, that is not "I do not know". */
  readonly answeredBy: Set<string>
  /** Why nodes gave none: `null`, a time-out. */
  readonly missing: string[]
  /** What was wrong with the bodies that nodes gave. */
  readonly faults: Fault[]
  /** Transactions that the logs lead to, by node, newest first. */
  readonly candidates: Map<string, readonly Bytes32[]>
  /** A few other reports that logs named, for people. */
  readonly otherReports: Set<Bytes32>
  /** Final payloads of a slot, by consensus node; `undefined`: a block that names none. */
  readonly finals: Map<string, FinalPayload | undefined>
}

/**
 * Everything that all nodes brought. It only grows, and what is in it is either true for itself
 * (a transaction that hashes to what was asked for, with its recovered signer) or a mere hint
 * where to look (a log). So no answer can take away from what another one proved.
 */
export type Evidence = {
  readonly chainId: bigint
  readonly transactions: Map<Bytes32, CheckedTransaction>
  /** Report hash → votes among `transactions`, whatever led to them. */
  readonly votes: Map<Bytes32, Vote[]>
  /** Faults that are true of a hash, on every node. */
  readonly lasting: Map<Bytes32, Fault>
  /** Root → the logs of the exit bus in the receipts that have it. */
  readonly receipts: Map<Bytes32, BlockLogs>
  readonly lookUps: Map<string, LookUpState>
}

/** What one node gave to one look-up: its JSON-RPC result, or why there is none. */
export type Answer =
  | { readonly ok: true; readonly result: unknown }
  | {
      readonly ok: false
      readonly why: string
      /** It answered, and does not have all that was asked for: pruned blocks, and not a fault. */
      readonly isGap?: boolean
    }

/**
 * Transactions that one node may name for one report. Consensus on a report is reached once, or
 * again when members changed their votes meanwhile; each of about ten members votes once. The
 * bound is for each node, so that a liar only crowds out itself.
 */
const MAX_CANDIDATES = { ConsensusReached: 8, ReportReceived: 64 } as const
const MAX_OTHER_REPORTS = 3

/** @param known - transactions of earlier proofs (`checkSerialized`) */
export function createEvidence(
  chainId: bigint,
  known: Iterable<CheckedTransaction> = [],
): Evidence {
  const evidence: Evidence = {
    chainId,
    transactions: new Map(),
    votes: new Map(),
    lasting: new Map(),
    receipts: new Map(),
    lookUps: new Map(),
  }
  for (const transaction of known) addTransaction(evidence, transaction)
  return evidence
}

function addTransaction(evidence: Evidence, transaction: CheckedTransaction): void {
  if (transaction.chainId !== evidence.chainId) return
  if (evidence.transactions.has(transaction.hash)) return
  evidence.transactions.set(transaction.hash, transaction)
  const call = readCall(transaction)
  if (call.kind !== 'vote') return
  const vote = { transaction: transaction.hash, target: call.target, signer: transaction.from }
  const votes = evidence.votes.get(call.report)
  if (votes === undefined) evidence.votes.set(call.report, [vote])
  else votes.push(vote)
}

/**
 * Adds what a node gave. Part of the logs, then the failure of the rest, are added as two answers:
 * what the part leads to counts, but it is no whole answer.
 *
 * @returns the node's fault, where it gave a body that does not fit: next node, and an alarm
 */
export function addAnswer(
  evidence: Evidence,
  lookUp: LookUp,
  node: string,
  answer: Answer,
): Fault | undefined {
  const state = stateOf(evidence, lookUp)
  state.asked.add(node)
  if (!answer.ok) {
    state.answeredBy.delete(node)
    state.missing.push(answer.why)
    return undefined
  }
  switch (lookUp.kind) {
    case 'logs':
      return addLogs(state, lookUp, node, answer.result)
    case 'transaction':
      return addBody(evidence, state, lookUp, node, answer.result)
    case 'block':
      return addSlot(state, node, answer.result as SlotAnswer)
    case 'receipts':
      return addReceipts(evidence, state, lookUp, node, answer.result as ReceiptsCheck)
  }
}

/** What was final according to consensus nodes, with the logs of the exit bus, as kept of an earlier proof. */
export function addFinalBlock(
  evidence: Evidence,
  { hash, slot, receiptsRoot, confirmedBy }: FinalBlock,
  found: BlockLogs,
): void {
  evidence.receipts.set(receiptsRoot, found)
  const lookUp = blockLookUp(slot)
  for (const node of confirmedBy) {
    const result: SlotAnswer = { kind: 'final', payload: { blockHash: hash, receiptsRoot } }
    addAnswer(evidence, lookUp, node, { ok: true, result })
  }
}

function addSlot(state: LookUpState, node: string, answer: SlotAnswer): undefined {
  if (answer.kind === 'unknown') {
    state.missing.push(`${node}: ${answer.why}`)
    return
  }
  state.answeredBy.add(node)
  state.finals.set(node, answer.payload)
}

function addReceipts(
  evidence: Evidence,
  state: LookUpState,
  { receiptsRoot }: ReceiptsLookUp,
  node: string,
  check: ReceiptsCheck,
): Fault | undefined {
  if (check.ok) {
    state.answeredBy.add(node)
    evidence.receipts.set(receiptsRoot, check)
    return undefined
  }
  state.missing.push(`${node}: ${check.why}`)
  return { fault: 'receipts-differ', why: check.why }
}

function addLogs(state: LookUpState, lookUp: LogsLookUp, node: string, logs: unknown): undefined {
  if (!Array.isArray(logs)) {
    state.missing.push('no list of logs')
    return
  }
  state.answeredBy.add(node)
  const hashes = new Set(state.candidates.get(node))
  for (const raw of logs.toReversed()) {
    const reading = readReportLog(raw, lookUp)
    if (reading.kind === 'match' && hashes.size < MAX_CANDIDATES[lookUp.event]) {
      hashes.add(reading.transactionHash)
    }
    if (reading.kind === 'other-report' && state.otherReports.size < MAX_OTHER_REPORTS) {
      state.otherReports.add(reading.report)
    }
  }
  state.candidates.set(node, [...hashes])
}

function addBody(
  evidence: Evidence,
  state: LookUpState,
  lookUp: TransactionLookUp,
  node: string,
  body: unknown,
): Fault | undefined {
  if (body === null || body === undefined) {
    state.missing.push('transaction not known')
    return undefined
  }
  state.answeredBy.add(node)
  const check = checkTransaction(body, lookUp.hash, evidence.chainId)
  if (check.ok) {
    addTransaction(evidence, check.transaction)
    return undefined
  }
  const fault = { fault: check.fault, why: check.why }
  state.faults.push(fault)
  if (!isLasting(check.fault)) return fault
  evidence.lasting.set(lookUp.hash, fault)
  return undefined
}

function stateOf(evidence: Evidence, lookUp: LookUp): LookUpState {
  const known = evidence.lookUps.get(lookUp.id)
  if (known !== undefined) return known
  const state: LookUpState = {
    asked: new Set(),
    answeredBy: new Set(),
    missing: [],
    faults: [],
    candidates: new Map(),
    otherReports: new Set(),
    finals: new Map(),
  }
  evidence.lookUps.set(lookUp.id, state)
  return state
}

/** Transactions that the logs of all nodes lead to, one of each node in turn. */
export function candidatesOf(
  evidence: Evidence,
  lookUps: readonly LogsLookUp[],
): readonly Bytes32[] {
  const lists = lookUps.flatMap(({ id }) => [
    ...(evidence.lookUps.get(id)?.candidates.values() ?? []),
  ])
  const longest = Math.max(0, ...lists.map((list) => list.length))
  const inTurn = Array.from({ length: longest }, (_, at) => lists.flatMap((list) => list[at] ?? []))
  return [...new Set(inTurn.flat())]
}
