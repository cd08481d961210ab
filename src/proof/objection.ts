import type { Address, Bytes32 } from '../lib/primitives.ts'
import { readCall } from './calls.ts'
import type { Evidence, LookUpState, Vote } from './evidence.ts'
import { type LookUp, transactionLookUp } from './look-up.ts'
import type { ProofReasonCode } from './reasons.ts'
import type { TransactionFault } from './transaction.ts'

/** Why the evidence so far does not prove a request, and what could. */
export type Objection = {
  readonly code: ProofReasonCode
  readonly expected: string
  readonly actual: string
  /**
   * Every look-up was answered by some node. Only then, and once all nodes were asked, does the
   * request count as an error; a transport fault or a `null` is no answer.
   */
  readonly complete: boolean
  /** Some node that was asked gave no answer. It may have been the one that knows. */
  readonly isMissing: boolean
  /** `backing-off`: after 1, 2, 4, 8, then every 16 cycles, since a log index may lag. */
  readonly again: 'each-cycle' | 'backing-off' | 'hourly'
  /** Other nodes' answers to these may prove the request. Empty when none can. */
  readonly open: readonly LookUp[]
}

type Finding = Pick<Objection, 'code' | 'expected' | 'actual'>

/** No node can add anything: the signed bytes themselves speak against the request. */
export const final = ({ code, expected, actual }: Finding): Objection => ({
  code,
  expected,
  actual,
  complete: true,
  isMissing: false,
  again: 'hourly',
  open: [],
})

/** Nobody gave the transaction, though everything in `open` was asked for. */
export function objectToBody(evidence: Evidence, hash: Bytes32): Objection {
  const lookUp = transactionLookUp(hash)
  const finding = bodyFinding(evidence, hash)
  if (finding !== undefined && evidence.lasting.has(hash)) return final(finding)
  return weigh(evidence, [lookUp], finding ?? missingFinding(evidence, [lookUp]))
}

/** A search for votes, when everything that could be asked was asked of some node. */
export type VoteSearch = {
  readonly report: Bytes32
  readonly quorum: number
  /** Distinct allowlisted signers so far. */
  readonly votes: readonly Vote[]
  readonly consensusContracts: readonly Address[]
  /** Transactions that ConsensusReached logs lead to, and those of both events. */
  readonly reached: readonly Bytes32[]
  readonly candidates: readonly Bytes32[]
  readonly open: readonly LookUp[]
}

/**
 * The report is in order, but too few trusted votes for it are known. A stranger's vote is told
 * although answers are missing: it may be that of a member whose address is not listed yet.
 */
export function objectToVotes(evidence: Evidence, search: VoteSearch): Objection {
  const { open, votes, quorum } = search
  if (search.consensusContracts.length === 0) return noContract('HashConsensus')
  const unanswered = open.filter(({ id }) => !isAnswered(evidence.lookUps.get(id)))
  const findings = search.candidates.map((hash) => candidateFinding(evidence, search, hash))
  const isStranger = votes.length === 0 && findings.some(({ code }) => code === 'unlisted-signer')
  if (unanswered.length > 0) {
    const finding = isStranger ? closest(findings) : missingFinding(evidence, unanswered)
    return weigh(evidence, open, finding)
  }
  if (search.reached.length === 0) {
    const finding = isStranger ? closest(findings) : missingLog(evidence, search)
    return weigh(evidence, open, finding, 'backing-off')
  }
  if (votes.length > 0) {
    const signers = votes.map((vote) => vote.signer).join(', ')
    return weigh(evidence, open, {
      code: 'quorum-missing',
      expected: `${quorum} allowlisted signers`,
      actual: `${votes.length}: ${signers}`,
    })
  }
  return weigh(evidence, open, closest(findings))
}

/** When a slot begins is not known yet. */
export const noTimes = (why: string): Objection => ({
  ...noContract(''),
  expected: 'the times of the beacon chain',
  actual: why,
  isMissing: true,
})

/** Nobody gave an answer to these, though they were asked for. */
export const objectToSilence = (evidence: Evidence, lookUps: readonly LookUp[]): Objection =>
  weigh(evidence, lookUps, missingFinding(evidence, lookUps))

/** The Locator leads to no such contract: no node answered, or none is of this chain. */
export const noContract = (name: string): Objection => ({
  code: 'answer-missing',
  expected: `the address of the ${name}`,
  actual: 'no node named it',
  complete: false,
  isMissing: false,
  again: 'each-cycle',
  open: [],
})

/** Adds how complete the answers are, and when to judge again. */
function weigh(
  evidence: Evidence,
  open: readonly LookUp[],
  { code, expected, actual }: Finding,
  again: Objection['again'] = AGAIN.get(code) ?? 'hourly',
): Objection {
  const states = open.map(({ id }) => evidence.lookUps.get(id))
  const isMissing = states.some((state) => state === undefined || state.missing.length > 0)
  return {
    code,
    expected,
    actual,
    complete: states.every(isAnswered),
    isMissing,
    again: isMissing ? 'each-cycle' : again,
    open,
  }
}

const isAnswered = (state: LookUpState | undefined) =>
  state !== undefined && state.answeredBy.size > 0

/** A body that fits may come from the same node's next answer, a log from its grown index. */
const AGAIN: ReadonlyMap<ProofReasonCode, Objection['again']> = new Map([
  ['answer-missing', 'each-cycle'],
  ['body-mismatch', 'each-cycle'],
  ['no-consensus-log', 'backing-off'],
  ['quorum-missing', 'backing-off'],
])

const missingFinding = (evidence: Evidence, lookUps: readonly LookUp[]): Finding => ({
  code: 'answer-missing',
  expected: lookUps.slice(0, MAX_NAMED).map(describe).join('; '),
  actual:
    [...new Set(lookUps.flatMap(({ id }) => evidence.lookUps.get(id)?.missing ?? []))].join('; ') ||
    'not asked',
})

function describe(lookUp: LookUp): string {
  switch (lookUp.kind) {
    case 'transaction':
      return `transaction ${lookUp.hash}`
    case 'logs':
      return `${lookUp.event} logs of ${lookUp.address}`
    case 'block':
      return `a finalized block at slot ${lookUp.slot}`
    case 'receipts':
      return `receipts of block ${lookUp.blockHash} with the root ${lookUp.receiptsRoot}`
  }
}

function missingLog(evidence: Evidence, { report, open }: VoteSearch): Finding {
  const others = open.flatMap(({ id }) => [...(evidence.lookUps.get(id)?.otherReports ?? [])])
  return {
    code: 'no-consensus-log',
    expected: `ConsensusReached of report ${report}`,
    actual:
      others.length === 0 ? 'no such log' : `other reports: ${[...new Set(others)].join(', ')}`,
  }
}

/** Why the transaction that a log leads to is no trusted vote. */
function candidateFinding(
  evidence: Evidence,
  { report, consensusContracts }: VoteSearch,
  hash: Bytes32,
): Finding {
  const transaction = evidence.transactions.get(hash)
  if (transaction === undefined) {
    return bodyFinding(evidence, hash) ?? missingFinding(evidence, [transactionLookUp(hash)])
  }
  const call = readCall(transaction)
  if (call.kind === 'refusal') return call
  if (call.kind !== 'vote') {
    return { code: 'unknown-call', expected: 'submitReport', actual: `another call in ${hash}` }
  }
  if (call.target === undefined || !consensusContracts.includes(call.target)) {
    const expected = `HashConsensus ${consensusContracts.join(' or ')}`
    return { code: 'wrong-target', expected, actual: call.target ?? 'no contract' }
  }
  return call.report === report
    ? {
        code: 'unlisted-signer',
        expected: 'a signer of ORACLE_ADDRESSES_ALLOWLIST',
        actual: transaction.from,
      }
    : { code: 'other-report', expected: `report ${report}`, actual: `report ${call.report}` }
}

/** `undefined` when no node gave a body at all. */
function bodyFinding(evidence: Evidence, hash: Bytes32): Finding | undefined {
  const state: LookUpState | undefined = evidence.lookUps.get(transactionLookUp(hash).id)
  const fault = evidence.lasting.get(hash) ?? state?.faults[0]
  if (fault === undefined) return undefined
  return {
    code: FAULT_CODES[fault.fault as TransactionFault],
    expected: `transaction ${hash}`,
    actual: fault.why,
  }
}

const FAULT_CODES: Readonly<Record<TransactionFault, ProofReasonCode>> = {
  malformed: 'body-mismatch',
  'hash-mismatch': 'body-mismatch',
  'unsupported-type': 'unsupported',
  'wrong-chain': 'wrong-chain',
  'no-chain-id': 'no-chain-id',
  'bad-signature': 'bad-signature',
}

/** Of several candidates, the one that came closest says most; all of its kind are named. */
function closest(findings: readonly Finding[]): Finding {
  const best = CLOSENESS.flatMap((code) => findings.filter((finding) => finding.code === code))[0]
  const told = best ?? findings[0]
  if (told === undefined) throw new Error('no candidate to object to')
  const same = findings.filter(({ code }) => code === told.code).map(({ actual }) => actual)
  return { ...told, actual: [...new Set(same)].slice(0, MAX_NAMED).join(', ') }
}

/** Codes not named here come last. */
const CLOSENESS: readonly ProofReasonCode[] = ['unlisted-signer', 'other-report', 'wrong-target']
/** Keeps a log line readable whatever a liar sends. */
const MAX_NAMED = 10
