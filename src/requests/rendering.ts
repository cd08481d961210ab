import { formatEther } from 'ethers/utils'
import type { Unproven } from '../proof/judge.ts'
import { describeFinding, describeLacks, proofReasons } from '../proof/reasons.ts'
import type { Case } from './cycle-parts.ts'
import {
  ageOf,
  deadlineOf,
  describeTimeLeft,
  type ExitLimit,
  type Limit,
  lateCostOf,
  limitTimes,
  passedLimits,
  timeLeft,
} from './deadlines.ts'
import { isOpen, type RequestState, stateAfterOffers } from './derive.ts'
import type { ExitRequest } from './exit-request.ts'
import type { Facts, HistoryFact } from './facts.ts'
import { waitReasons } from './wait-reasons.ts'

/**
 * The one rendering of a request: its data for the log, `/status`, `check` and `explain`, and a
 * line of text. Times are ISO 8601 in UTC.
 */
export type RequestView = {
  readonly validator: number
  readonly pubkey: string
  readonly module: number
  readonly operator: number
  readonly requestedAt: string
  readonly exitBus: string
  readonly block: number
  readonly transaction: string
  /** When the daemon first read it, where it wrote that down. */
  readonly seenAt: string | null
  /** As it is now: its exit may have been submitted since the cycle decided. */
  readonly state: RequestState
  readonly outcome: Outcome
  /** Code of why nothing is submitted now: a wait reason, a proof reason, `held`, `dry-run`. */
  readonly reason: string | null
  /** The reason in a few words. */
  readonly meaning: string | null
  /** What the reason means, and what to do about it. */
  readonly remedy: string | null
  /** What is particular about it here: the epoch that is waited for, the file that was rejected. */
  readonly detail: string | null
  /** What consensus nodes say of its event while it is not proven; `null` while they say nothing. */
  readonly finding: 'finalized' | 'invented' | null
  /** What proves it; `null` while nothing does. */
  readonly proof: ProofView | null
  /** When the wait ends at the earliest, where that is known. */
  readonly notBefore: string | null
  /** The message that is submitted, where one is held. */
  readonly file: string | null
  readonly ageSeconds: number
  /** While it is open; `null` when it is not. */
  readonly open: OpenView | null
  readonly history: readonly HappeningView[]
}

/** @see Proven */
export type ProofView = {
  readonly by: 'report' | 'direct' | 'finality'
  readonly reportSlot: number | null
  readonly signers: readonly string[]
  readonly transactions: readonly string[]
  /** Hash of the finalized block that holds the event, where that was looked at. */
  readonly finalizedBlock: string | null
  /** Hosts of the consensus nodes that confirmed it. */
  readonly confirmedBy: readonly string[]
}

/** What the daemon does about a request, or would do. */
export type Outcome = 'unproven' | 'missing' | 'ready' | 'pending' | 'exiting' | 'left'

export type OpenView = {
  readonly deadline: string
  /** Negative when the deadline has passed. */
  readonly secondsLeft: number
  readonly passed: readonly Limit[]
  /** In the order of time. */
  readonly limits: readonly {
    readonly name: Limit
    readonly at: string
    readonly secondsLeft: number
  }[]
  /** What a late exit costs; `null` where the module does not tell. */
  readonly lateCost: LateCostView | null
}

export type LateCostView = {
  /** From then on it is late for the staking module. */
  readonly from: string
  /** Decimal. */
  readonly eth: string
  /** `eth` is for each 32 ETH of the validator's balance. */
  readonly forEach32Eth: boolean
  /** `0.1 ETH of your bond` */
  readonly text: string
}

/** What was written down about the validator, oldest first. */
export type HappeningView =
  | { readonly kind: 'offered'; readonly at: string }
  | {
      readonly kind: 'accepted' | 'refused'
      readonly at: string
      readonly answers: readonly string[]
    }
  | { readonly kind: 'seen'; readonly at: string; readonly as: 'active' | 'exiting' | 'settled' }

/** What a rendering needs beside the case. */
export type Surroundings = {
  readonly facts: Facts
  /** Unix ms. */
  readonly now: number
  readonly dryRun: boolean
  /** HOLD_FILE exists. */
  readonly isHeld: boolean
}

export function viewOf(one: Case, surroundings: Surroundings): RequestView {
  const { request, limit, message } = one
  const { facts, now } = surroundings
  const state = stateAfterOffers(one.state, facts.offers.get(request.validatorIndex))
  const seenAt = facts.requests.get(request.key)?.seenAt
  return {
    ...namesOf(request),
    requestedAt: isoOf(request.timestamp * 1_000),
    exitBus: request.exitBus,
    block: request.blockNumber,
    transaction: request.transactionHash,
    seenAt: seenAt === undefined ? null : isoOf(seenAt),
    state,
    outcome: outcomeOf(one),
    ...reasonOf(one, state, surroundings),
    finding: one.verdict?.kind === 'unproven' ? (one.verdict.finding?.kind ?? null) : null,
    proof: proofOf(one),
    notBefore: one.next.kind === 'wait' && one.next.until ? isoOf(one.next.until) : null,
    file: message?.file ?? null,
    ageSeconds: ageOf(request, now),
    open: isOpen(state) ? openOf(request, now, limit) : null,
    history: (facts.history.get(request.validatorIndex) ?? []).map(happeningOf),
  }
}

/** `validator 7 (0xaa…): no message found: 7.json was rejected: …; 3 d 4 h remaining`. */
export function lineOf({ validator, pubkey, meaning, detail, state, open }: RequestView): string {
  const what = [meaning ?? STATES[state], ...(detail === null ? [] : [detail])].join(': ')
  const seconds = open?.secondsLeft
  const time = seconds === undefined ? '' : describeTimeLeft(seconds)
  const rest = seconds === undefined ? '' : `; ${seconds < 0 ? time : `${time} remaining`}`
  return `validator ${validator} (${pubkey}): ${what}${rest}`
}

/** Each state in the words that a headline needs. */
export const STATES: Readonly<Record<RequestState, string>> = {
  seen: 'requested, not judged yet',
  unproven: 'requested, not proven: nothing is submitted',
  proven: 'requested, not submitted yet',
  submitted: 'submitted, not seen exiting yet',
  exiting: 'exiting, not finalized yet',
  settled: 'exiting, in the finalized state',
  lapsed: 'exiting, in the finalized state; this daemon knows of no submission of its own',
}

/** What the log shows of a request whenever it speaks of one. */
export const namesOf = (request: ExitRequest) => ({
  validator: request.validatorIndex,
  pubkey: request.pubkey,
  module: request.moduleId,
  operator: request.operatorId,
})

/** The same for a request that is open, with the time until its deadline. */
export const openNamesOf = (request: ExitRequest, now: number, limit: ExitLimit) => ({
  ...namesOf(request),
  timeLeft: describeTimeLeft(timeLeft(request, now, limit)),
})

function outcomeOf({ state, next }: Case): Outcome {
  if (state === 'settled' || state === 'lapsed') return 'left'
  if (state === 'exiting') return 'exiting'
  if (state === 'unproven' || state === 'seen') return 'unproven'
  if (next.kind === 'offer') return 'ready'
  return next.kind === 'wait' && next.code === 'no-message' ? 'missing' : 'pending'
}

type ReasonView = Pick<RequestView, 'reason' | 'meaning' | 'remedy' | 'detail'>

function reasonOf(one: Case, stateNow: RequestState, { isHeld, dryRun }: Surroundings): ReasonView {
  const { next, state, verdict } = one
  if (verdict?.kind === 'unproven') {
    return toReason(proofReasons[verdict.code], lackOf(verdict, one.request))
  }
  if (next.kind === 'wait') return toReason(waitReasons[next.code], next.detail ?? null)
  if (next.kind === 'nothing') return { reason: null, meaning: null, remedy: null, detail: null }
  if (isHeld) return toReason(HELD, null)
  if (dryRun) return toReason(REHEARSED, null)
  return toReason(state === stateNow ? DUE : waitReasons.accepted, null)
}

/** What each of two proofs lacks, and what consensus nodes say of the event. */
function lackOf({ lacks = [], finding, actual }: Unproven, { blockNumber }: ExitRequest) {
  const found = finding && describeFinding(finding, blockNumber)
  if (found !== undefined && lacks.length === 0) return `${actual}; ${found}`
  const told = [describeLacks(lacks), found].filter((part) => part !== undefined && part !== '')
  return told.length === 0 ? null : told.join('; ')
}

function proofOf({ verdict }: Case): ProofView | null {
  if (verdict?.kind !== 'proven') return null
  const { by, refSlot, signers, transactions, block } = verdict
  return {
    by,
    reportSlot: refSlot === undefined ? null : Number(refSlot),
    signers,
    transactions,
    finalizedBlock: block?.hash ?? null,
    confirmedBy: block?.confirmedBy ?? [],
  }
}

const toReason = (
  { code, short, long }: { readonly code: string; readonly short: string; readonly long: string },
  detail: string | null,
): ReasonView => ({ reason: code, meaning: short, remedy: long, detail })

const HELD = {
  code: 'held',
  short: 'HOLD_FILE exists',
  long: 'Nothing is submitted while HOLD_FILE exists. Remove that file to go on.',
}
const REHEARSED = {
  code: 'dry-run',
  short: 'DRY_RUN is on',
  long: 'With DRY_RUN=true the daemon only says what it would submit.',
}
const DUE = {
  code: 'due',
  short: 'submitted, and submitted again in the next cycle',
  long: 'The exit is submitted at every cycle until a node accepts it.',
}

function openOf(request: ExitRequest, now: number, limit: ExitLimit): OpenView {
  const seconds = Math.floor(now / 1_000)
  return {
    deadline: isoOf(deadlineOf(request, limit) * 1_000),
    secondsLeft: timeLeft(request, now, limit),
    passed: passedLimits(request, now, limit),
    limits: limitTimes(request, limit)
      .toSorted((a, b) => a.at - b.at)
      .map(({ name, at }) => ({ name, at: isoOf(at * 1_000), secondsLeft: at - seconds })),
    lateCost: lateCostView(request, limit),
  }
}

function lateCostView(request: ExitRequest, limit: ExitLimit): LateCostView | null {
  const cost = lateCostOf(request, limit)
  if (cost === undefined) return null
  const eth = formatEther(cost.wei)
  const share = cost.isForEach32Eth ? ' for each 32 ETH of its balance' : ''
  return {
    from: isoOf(cost.from * 1_000),
    eth,
    forEach32Eth: cost.isForEach32Eth,
    text: `${eth} ETH of your bond${share}`,
  }
}

export function happeningOf(fact: HistoryFact): HappeningView {
  const at = isoOf(fact.at)
  if (fact.kind === 'sighting') return { kind: 'seen', at, as: fact.seen }
  if (fact.kind === 'offer-intended') return { kind: 'offered', at }
  return { kind: fact.accepted ? 'accepted' : 'refused', at, answers: fact.answers }
}

/** The last moment that a date can say, unix ms: nodes may tell later ones. */
const LAST_MS = 8_640_000_000_000_000
export const isoOf = (unixMs: number) =>
  new Date(Math.max(0, Math.min(unixMs, LAST_MS))).toISOString()
