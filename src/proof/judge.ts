import type { Address, Bytes32 } from '../lib/primitives.ts'
import type { ExitRequest } from '../requests/exit-request.ts'
import { type DirectCall, type ReportCall, readCall } from './calls.ts'
import { candidatesOf, type Evidence, type Vote } from './evidence.ts'
import { type LogsLookUp, type LookUp, logsLookUp, transactionLookUp } from './look-up.ts'
import { final, noContract, type Objection, objectToBody, objectToVotes } from './objection.ts'
import type { ProofReasonCode } from './reasons.ts'
import { describeNames, describeRecord, hasRecord, type ReportRecords } from './report-data.ts'
import type { CheckedTransaction } from './transaction.ts'

/**
 * Whom the operator trusts. The contracts are what nodes named, now or earlier, and need no trust:
 * a vote counts by its signature, and its hash binds it to one report.
 */
export type Trust = {
  readonly chainId: bigint
  readonly exitBuses: readonly Address[]
  readonly consensusContracts: readonly Address[]
  /** ORACLE_ADDRESSES_ALLOWLIST */
  readonly allowlist: ReadonlySet<Address>
  /** ORACLE_QUORUM, at least 1 */
  readonly quorum: number
  /** SUBMIT_TX_HASH_ALLOWLIST */
  readonly transactionAllowlist: ReadonlySet<Bytes32>
}

export type Proven = {
  readonly kind: 'proven'
  readonly by: 'report' | 'direct' | 'finality'
  /** Reference slot of the report; `undefined` for a direct request. */
  readonly refSlot: bigint | undefined
  /** Hash that the votes carry; `undefined` for a direct request. */
  readonly report: Bytes32 | undefined
  /** Enough to prove the request again without any node: its transaction, then the votes. */
  readonly transactions: readonly Bytes32[]
  /** Distinct, all trusted. For a direct request: who sent the allowlisted transaction. */
  readonly signers: readonly Address[]
  /** The finalized block that holds the event; `undefined` where finality was not looked at. */
  readonly block?: FinalBlock
  /** What is odd, but unproves nothing. */
  readonly notes: readonly string[]
}

export type FinalBlock = {
  readonly hash: Bytes32
  readonly slot: number
  readonly receiptsRoot: Bytes32
  /** Hosts of the consensus nodes. */
  readonly confirmedBy: readonly string[]
}

/** No verdict yet: nobody was asked these. */
export type Needs = { readonly kind: 'needs'; readonly lookUps: readonly LookUp[] }

export type Unproven = { readonly kind: 'unproven' } & Objection & {
    /** Of two proofs (PROOF=either, both), those that fail. */
    readonly lacks?: readonly Lack[]
    /** The finalized block that holds its event nevertheless. */
    readonly block?: FinalBlock
    readonly finding?: Finding
  }

export type Lack = Pick<Objection, 'code' | 'expected' | 'actual'> & {
  /** `oracle` or `finality`. */
  readonly proof: string
}

/** What consensus nodes say of the event of a request that is not proven. */
export type Finding = {
  /** A finalized block holds it, so the allowlist may be out of date; or none does. */
  readonly kind: 'finalized' | 'invented'
  /** Who confirmed it, or who told of it. */
  readonly hosts: readonly string[]
}

export type ProofVerdict = Proven | Unproven | Needs

/** Votes fetched at once; those of every node come in turn, so that a liar's do not go first. */
const CANDIDATES_AT_ONCE = 16

/**
 * Judges whether the protocol asked for this exit.
 *
 * Monotone: more evidence turns `needs` and `unproven` into `proven`, and never back, since votes
 * are only added, and what proves is a signature that no answer can take away.
 */
export function judge(request: ExitRequest, evidence: Evidence, trust: Trust): ProofVerdict {
  if (request.chainId !== trust.chainId || evidence.chainId !== trust.chainId) {
    const actual = `request of chain ${request.chainId}, evidence of chain ${evidence.chainId}`
    return refused('wrong-chain', `chain ${trust.chainId}`, actual)
  }
  if (trust.exitBuses.length === 0) return { kind: 'unproven', ...noContract('exit bus') }
  if (!trust.exitBuses.includes(request.exitBus)) {
    return refused('unknown-contract', trust.exitBuses.join(' or '), request.exitBus)
  }
  const transaction = evidence.transactions.get(request.transactionHash)
  if (transaction === undefined) return seekTransaction(request.transactionHash, evidence)
  const call = readCall(transaction)
  if (call.kind === 'refusal') return refused(call.code, call.expected, call.actual)
  if (call.kind === 'vote') {
    return refused('unknown-call', 'submitReportData or submitExitRequestsData', 'submitReport')
  }
  if (call.target !== request.exitBus) {
    return refused('wrong-target', `exit bus ${request.exitBus}`, call.target ?? 'no contract')
  }
  return call.kind === 'direct'
    ? judgeDirect(request, transaction, call, trust)
    : judgeReport(request, transaction, call, evidence, trust)
}

function seekTransaction(hash: Bytes32, evidence: Evidence): Needs | Unproven {
  const lookUp = transactionLookUp(hash)
  return evidence.lookUps.has(lookUp.id) || evidence.lasting.has(hash)
    ? { kind: 'unproven', ...objectToBody(evidence, hash) }
    : { kind: 'needs', lookUps: [lookUp] }
}

function judgeDirect(
  request: ExitRequest,
  transaction: CheckedTransaction,
  call: DirectCall,
  trust: Trust,
): ProofVerdict {
  if (!trust.transactionAllowlist.has(transaction.hash)) {
    const expected = 'a transaction of SUBMIT_TX_HASH_ALLOWLIST'
    return refused('unlisted-transaction', expected, transaction.hash)
  }
  return (
    recordRefusal(request, call.records) ?? {
      kind: 'proven',
      by: 'direct',
      refSlot: undefined,
      report: undefined,
      transactions: [transaction.hash],
      signers: [transaction.from],
      notes: notesOn(call.records),
    }
  )
}

function judgeReport(
  request: ExitRequest,
  transaction: CheckedTransaction,
  call: ReportCall,
  evidence: Evidence,
  trust: Trust,
): ProofVerdict {
  const refusal = recordRefusal(request, call.records)
  if (refusal !== undefined) return refusal
  const votes = trustedVotes(evidence.votes.get(call.report) ?? [], trust)
  if (votes.length >= Math.max(1, trust.quorum)) {
    return {
      kind: 'proven',
      by: 'report',
      refSlot: call.refSlot,
      report: call.report,
      transactions: [transaction.hash, ...votes.map((vote) => vote.transaction)],
      signers: votes.map((vote) => vote.signer),
      notes: notesOn(call.records),
    }
  }
  return searchVotes(request, call.report, votes, evidence, trust)
}

/**
 * Logs lead to transactions, transactions carry votes. ConsensusReached leads to whoever voted
 * last, which is enough for a quorum of 1; but that one may not be listed, and the log may stem
 * from a change of members. So ReportReceived, which leads to every vote, is always looked for
 * before a request counts as unproven.
 */
function searchVotes(
  request: ExitRequest,
  report: Bytes32,
  votes: readonly Vote[],
  evidence: Evidence,
  trust: Trust,
): Needs | Unproven {
  const { consensusContracts, quorum } = trust
  const logsOf = (event: LogsLookUp['event']) =>
    consensusContracts.map((address) => logsLookUp(event, address, report, request.blockNumber))
  const reachedLogs = logsOf('ConsensusReached')
  const logs = [...reachedLogs, ...logsOf('ReportReceived')]
  const unresolvedOf = (among: readonly LogsLookUp[]) =>
    candidatesOf(evidence, among)
      .filter((hash) => !evidence.transactions.has(hash) && !evidence.lasting.has(hash))
      .map(transactionLookUp)
  const unaskedOf = (among: readonly LogsLookUp[]) => {
    const isUnasked = ({ id }: LookUp) => !evidence.lookUps.has(id)
    const transactions = unresolvedOf(among).filter(isUnasked).slice(0, CANDIDATES_AT_ONCE)
    return [...among.filter(isUnasked), ...transactions]
  }
  const first = quorum > 1 ? [] : unaskedOf(reachedLogs)
  const unasked = first.length > 0 ? first : unaskedOf(logs)
  if (unasked.length > 0) return { kind: 'needs', lookUps: unasked }
  const objection = objectToVotes(evidence, {
    report,
    quorum,
    votes,
    consensusContracts,
    reached: candidatesOf(evidence, reachedLogs),
    candidates: candidatesOf(evidence, logs),
    open: [...logs, ...unresolvedOf(logs)],
  })
  return { kind: 'unproven', ...objection }
}

/** One vote of each allowlisted signer, sent to a HashConsensus. */
function trustedVotes(votes: readonly Vote[], trust: Trust): readonly Vote[] {
  const trusted = votes.filter(
    ({ target, signer }) =>
      target !== undefined &&
      trust.consensusContracts.includes(target) &&
      trust.allowlist.has(signer),
  )
  return [...new Map(trusted.map((vote) => [vote.signer, vote])).values()]
}

function recordRefusal(request: ExitRequest, records: ReportRecords): Unproven | undefined {
  if (hasRecord(records, request)) return undefined
  const { moduleId, operatorId, validatorIndex, pubkey } = request
  const expected = describeNames(moduleId, operatorId, validatorIndex)
  const actual = describeRecord(records, pubkey)
  return actual === undefined
    ? refused('record-missing', expected, `no record of ${pubkey}`)
    : refused('record-differs', expected, actual)
}

const notesOn = ({ disorderAt }: ReportRecords): readonly string[] =>
  disorderAt === undefined ? [] : [`record ${disorderAt} of the data is out of order`]

export const refused = (code: ProofReasonCode, expected: string, actual: string): Unproven => ({
  kind: 'unproven',
  ...final({ code, expected, actual }),
})
