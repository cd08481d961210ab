import type { Proven } from '../../proof/judge.ts'
import { type ProofReasonCode, proofReasons } from '../../proof/reasons.ts'
import type { Case } from '../../requests/cycle-parts.ts'
import { deadlineOf, limitTimes } from '../../requests/deadlines.ts'
import { isOpen, type RequestState, type Sightings } from '../../requests/derive.ts'
import type { ExitRequest } from '../../requests/exit-request.ts'
import type { HistoryFact } from '../../requests/facts.ts'
import { isoOf } from '../iso.ts'
import { type NextStep, nextStep, type Plan } from './next-step.ts'
import { type NodeView, viewOf } from './node-view.ts'
import type { Subject } from './subject.ts'
import type { ChainTimes } from './times.ts'

/**
 * Everything that is known about one validator, in the words of both the text and the JSON. Times
 * are ISO 8601 in UTC; what may exceed 2^53 is a decimal string.
 */
export type Story = {
  readonly validator: { readonly index: number | null; readonly pubkey: string | null }
  readonly at: string
  readonly requests: readonly RequestStory[]
  readonly message: MessageStory
  /** What the daemon wrote down, oldest first. */
  readonly history: readonly Happening[]
  /** One for each consensus node that answered. */
  readonly registry: readonly NodeView[]
  readonly sources: Sources
  /** What could not be learnt, a sentence each. */
  readonly problems: readonly string[]
}

export type RequestStory = {
  readonly state: RequestState
  /** As the event has it. It is the same validator as the story's, unless somebody mixed them up. */
  readonly named: { readonly index: number; readonly pubkey: string }
  readonly requestedAt: string
  readonly module: number
  readonly operator: number
  readonly exitBus: string
  readonly block: number
  readonly transaction: string
  /** When the daemon first read it; `null` when only this command did. */
  readonly seenAt: string | null
  readonly proof: ProofStory
  readonly next: NextStep
  readonly limits: readonly Limit[]
  /** By when the validator must be exiting, while that is still to come about. */
  readonly deadline: string | null
}

export type ProofStory =
  | {
      readonly kind: 'proven'
      readonly by: 'report'
      readonly refSlot: string
      readonly refSlotAt: string | null
      readonly report: string
      /** ORACLE_QUORUM */
      readonly quorum: number
      /** Members of ORACLE_ADDRESSES_ALLOWLIST, each with the transaction of its vote. */
      readonly signers: readonly Signer[]
      readonly notes: readonly string[]
    }
  | {
      readonly kind: 'proven'
      /** Its transaction is in SUBMIT_TX_HASH_ALLOWLIST. */
      readonly by: 'direct'
      readonly signers: readonly Signer[]
      readonly notes: readonly string[]
    }
  /** TRUST_MODE: nobody looked. */
  | { readonly kind: 'trusted' }
  | {
      readonly kind: 'unproven'
      readonly code: ProofReasonCode
      readonly short: string
      readonly meaning: string
      readonly expected: string
      readonly actual: string
    }
  | { readonly kind: 'not-judged' }

type Signer = { readonly address: string; readonly transaction: string }

export type Limit = {
  readonly name: 'delayed' | 'delinquent' | 'module'
  readonly at: string
  /** Negative when it has passed. */
  readonly secondsLeft: number
}

export type MessageStory =
  | { readonly kind: 'webhook'; readonly host: string }
  | {
      readonly kind: 'held'
      readonly file: string
      readonly epoch: string
      /** More messages are still to be read: another one may count instead. */
      readonly more: boolean
    }
  | { readonly kind: 'missing'; readonly why: string | null }
  /** The location could not be read. */
  | { readonly kind: 'unknown'; readonly why: string }

export type Happening =
  | { readonly kind: 'offered'; readonly at: string }
  | {
      readonly kind: 'accepted' | 'refused'
      readonly at: string
      readonly answers: readonly string[]
    }
  | { readonly kind: 'seen'; readonly at: string; readonly as: 'active' | 'exiting' | 'settled' }

export type Sources = {
  /** Whether a journal was read, and held requests of this validator. */
  readonly journal: 'told' | 'silent' | 'unreadable' | 'none'
  /** Blocks of the execution nodes that were read for it. */
  readonly blocks: { readonly from: number; readonly to: number } | null
}

/** What was gathered about one validator. */
export type Known = {
  readonly subject: Subject
  /** Unix ms. */
  readonly now: number
  readonly cases: readonly Case[]
  readonly seenAt: (request: ExitRequest) => number | undefined
  readonly trust: { readonly trustMode: boolean; readonly quorum: number }
  readonly plan: Plan
  readonly message: MessageStory
  readonly history: readonly HistoryFact[]
  readonly sightings: Sightings | undefined
  readonly times: ChainTimes | undefined
  readonly sources: Sources
  readonly problems: readonly string[]
}

/** Puts what is known into order. */
export function storyOf(known: Known): Story {
  const { subject, sightings, now } = known
  const entries = (sightings?.head ?? []).flatMap(({ entry }) => entry ?? [])
  const [first] = known.cases
  return {
    validator: {
      index: subject.index ?? first?.request.validatorIndex ?? null,
      pubkey: subject.pubkey ?? entries[0]?.pubkey ?? first?.request.pubkey ?? null,
    },
    at: isoOf(now),
    requests: known.cases
      .toSorted((a, b) => a.request.blockNumber - b.request.blockNumber)
      .map((one) => tellRequest(one, known)),
    message: known.message,
    history: known.history.map(tellHistory),
    registry: (sightings?.head ?? []).map((head) =>
      viewOf(head, sightings?.finalized, known.times),
    ),
    sources: known.sources,
    problems: known.problems,
  }
}

function tellRequest(one: Case, known: Known): RequestStory {
  const { request, state } = one
  const seenAt = known.seenAt(request)
  return {
    state,
    named: { index: request.validatorIndex, pubkey: request.pubkey },
    requestedAt: isoOf(request.timestamp * 1_000),
    module: request.moduleId,
    operator: request.operatorId,
    exitBus: request.exitBus,
    block: request.blockNumber,
    transaction: request.transactionHash,
    seenAt: seenAt === undefined ? null : isoOf(seenAt),
    proof: tellProof(one, known),
    next: nextStep(one, known.plan),
    limits: limitsOf(one, known),
    deadline: isOpen(state) ? isoOf(deadlineOf(request, one.limit) * 1_000) : null,
  }
}

function tellProof({ verdict }: Case, known: Known): ProofStory {
  if (known.trust.trustMode) return { kind: 'trusted' }
  if (verdict === undefined) return { kind: 'not-judged' }
  if (verdict.kind === 'unproven') {
    const { code, expected, actual } = verdict
    const { short, long } = proofReasons[code]
    return { kind: 'unproven', code, short, meaning: long, expected, actual }
  }
  return tellProven(verdict, known)
}

function tellProven(
  { by, refSlot, report, transactions, signers, notes }: Proven,
  { trust, times }: Known,
): ProofStory {
  const isReport = by === 'report' && refSlot !== undefined && report !== undefined
  // Behind the transaction of a report stand those of its votes, in the order of the signers.
  const votes = isReport ? transactions.slice(1) : transactions
  const signed = signers
    .map((address, at) => ({ address, transaction: votes[at] ?? '' }))
    .toSorted((a, b) => (a.address < b.address ? -1 : 1))
  if (!isReport) return { kind: 'proven', by: 'direct', signers: signed, notes }
  return {
    kind: 'proven',
    by: 'report',
    refSlot: String(refSlot),
    refSlotAt: times?.ofSlot(refSlot) ?? null,
    report,
    quorum: trust.quorum,
    signers: signed,
    notes,
  }
}

/** The earliest first. */
function limitsOf({ request, limit }: Case, { now }: Known): readonly Limit[] {
  const times = limitTimes(request, limit)
  const ofModule = times.find(({ name }) => name === 'module')
  return (
    times
      // The module's own is the deadline, as a rule: that is told once.
      .filter(({ name, at }) => name !== 'delinquent' || at !== ofModule?.at)
      .toSorted((a, b) => a.at - b.at)
      .map(({ name, at }) => ({
        name,
        at: isoOf(at * 1_000),
        secondsLeft: at - Math.floor(now / 1_000),
      }))
  )
}

function tellHistory(fact: HistoryFact): Happening {
  const at = isoOf(fact.at)
  if (fact.kind === 'sighting') return { kind: 'seen', at, as: fact.seen }
  if (fact.kind === 'offer-intended') return { kind: 'offered', at }
  return { kind: fact.accepted ? 'accepted' : 'refused', at, answers: fact.answers }
}
