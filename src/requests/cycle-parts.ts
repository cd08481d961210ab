import type { Address, ValidatorIndex } from '../lib/primitives.ts'
import type { VerifiedExit } from '../messages/exit-message.ts'
import type { Proven, Unproven } from '../proof/judge.ts'
import type { Asked, ExitLimit, ModuleTermsOf } from './deadlines.ts'
import type { ChainView, OfferHistory, RegistryAnswers, RequestState } from './derive.ts'
import type { ExitRequest, RequestKey } from './exit-request.ts'
import type { Cursor, Fact, Facts, UnreadBlocks } from './facts.ts'
import type { Next } from './next.ts'
import type { OperatorSummary } from './operator-summary.ts'
import type { Scope } from './scope.ts'

/** The log as the cycle uses it: `details` are shown behind the message. */
export type Log = Readonly<
  Record<
    'error' | 'warn' | 'info' | 'debug',
    (message: string, details?: Readonly<Record<string, unknown>>) => void
  >
>

/** `duplicate`: another log of the same exit in the same transaction is proven already. */
export type ProofStatus = 'none' | 'unproven' | 'proven' | 'duplicate'

/** A verified message in memory, and the file that an operator would look for. */
export type HeldMessage = { readonly exit: VerifiedExit; readonly file: string }

export type Messages = {
  /** False until the first load has ended. */
  readonly loaded: boolean
  /** Also before the first load has ended: a message is usable once it is verified. */
  find(validator: ValidatorIndex): HeldMessage | undefined
  /** Why the latest load failed, if it did. What was loaded before stays in use. */
  readonly problem: string | undefined
  /** Why no message is held, in words that name file and reason, if one was refused. */
  whyMissing(validator: ValidatorIndex): string | undefined
}

export type Reading = {
  /** In the order of the chain. */
  readonly requests: readonly ExitRequest[]
  /** Nodes that gave each of them. */
  readonly reportedBy: ReadonlyMap<RequestKey, readonly string[]>
  readonly contracts: readonly { readonly exitBus: Address; readonly consensus: Address }[]
  /** What is wrong with the versions of the exit bus; `null` where nobody was asked yet. */
  readonly versionProblem: string | undefined | null
  /** Blocks up to this one were read of every node that was there lately: a restart goes on from here. */
  readonly cursor: Cursor | undefined
  /** Unix seconds of the newest finalized block that any node told. */
  readonly finalizedAt: number | undefined
  /** Blocks that no node gave, and no earlier reading either; lowest first. */
  readonly unread: readonly UnreadBlocks[]
  /** Blocks that are still to be read; `undefined` before any node was asked for some. */
  readonly remaining: number | undefined
  /** False when some part of the scope could be read from no node. */
  readonly complete: boolean
  readonly problems: readonly string[]
  /** What the operator must know at once, a sentence each. */
  readonly alarms: readonly string[]
}

/** What earlier cycles, or an earlier process, have read. */
export type EarlierReading = Readonly<
  Pick<Facts, 'contracts' | 'exitBuses' | 'cursor' | 'cursorHash' | 'coverage' | 'unread'>
>

export type OfferResult = { readonly accepted: boolean; readonly answers: readonly string[] }

/** What a cycle measures beside its requests: names of `observe/metric-table.ts`. */
type ReadingGauge =
  | 'finalized_block_timestamp_seconds'
  | 'protocol_version_unknown'
  | 'unread_blocks'
  | 'unproven_requests'
type Labels = Readonly<Record<string, string>>
type HoldingGauge =
  | 'submissions_on_hold'
  | 'exit_requests_held'
  | 'exit_requests_rate_limited'
  | 'exit_requests_rate_limited_late'
  | 'exit_rate_limit_wait_seconds'

/** Everything that it takes to follow requests, as functions. None of it hands out an exit. */
export type FollowingParts = {
  readonly log: Log
  readonly now: () => number
  readonly settings: {
    /** Whose requests are followed. */
    readonly scope: Scope
  }
  /** What staking modules say of an operator's exits, as far as it is known. */
  readonly termsOf: ModuleTermsOf
  readonly journal: { readonly facts: Facts; append(facts: readonly Fact[]): void }
  /** Looks at every node; the sentences say which is down, behind or on another chain. */
  checkNodes(signal: AbortSignal): Promise<readonly string[]>
  readRequests(known: EarlierReading, signal: AbortSignal): Promise<Reading>
  /**
   * Judges what is due and gives the latest verdict on each.
   *
   * @param toldBy - nodes that told of a request, for the log
   */
  prove(
    requests: readonly ExitRequest[],
    signal: AbortSignal,
    toldBy?: (key: RequestKey) => readonly string[],
  ): Promise<Proofs>
  readSightings(
    validators: readonly ValidatorIndex[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<ValidatorIndex, RegistryAnswers>>
  readChain(signal: AbortSignal): Promise<ChainView>
  readonly metrics: {
    observePolling(events: number, seconds: number): void
    /** Sets a gauge; booleans as 1 or 0. */
    set(name: ReadingGauge, value: number | boolean, labels?: Labels): void
    /** @param summaries - as they are when they are asked for: times go on between cycles */
    setExitRequests(summaries: () => readonly OperatorSummary[]): void
    /** Each step of a request once. */
    observeStep(step: 'submission' | 'exiting' | 'settled', request: Asked, seconds: number): void
  }
}

/** Everything that a cycle does to the world, as functions. */
export type CycleParts = FollowingParts & {
  /** Milliseconds that only go forward, whatever becomes of the clock. */
  readonly elapsed: () => number
  readonly settings: {
    readonly mode: 'message' | 'webhook'
    readonly dryRun: boolean
    /** Validators that may be submitted for the first time within any hour. */
    readonly maxExitsPerHour: number | undefined
  }
  /**
   * What is loaded, after a load that just began had a moment to end.
   *
   * @param wanted - proven requests whose validators have not left yet
   */
  readMessages(
    wanted: readonly Pick<ExitRequest, 'validatorIndex' | 'pubkey'>[],
    signal: AbortSignal,
  ): Promise<Messages>
  /** Validators whose pending partial withdrawal every node sees that could tell. */
  readPendingWithdrawals(signal: AbortSignal): Promise<ReadonlySet<ValidatorIndex>>
  /** True while the operator wants nothing to be submitted. */
  isHeld(): Promise<boolean>
  /** What a rehearsal tells of an exit beside its names, for the log. */
  rehearse(request: ExitRequest, deadline: number): Readonly<Record<string, unknown>>
  /** When an accepted offer may be repeated, unix ms. */
  nextOfferAt(offers: OfferHistory): number
  /** @param deadline - unix seconds by which a block must hold the exit */
  offer(
    request: ExitRequest,
    exit: VerifiedExit | undefined,
    deadline: number,
    signal: AbortSignal,
  ): Promise<OfferResult>
  readonly metrics: {
    countExit(result: 'success' | 'error'): void
    set(name: HoldingGauge, value: number | boolean, labels?: Labels): void
  }
}

export type Proofs = {
  readonly statusOf: (key: RequestKey) => ProofStatus
  /** What the status follows from; `undefined` where nothing is judged, as in trust mode. */
  readonly verdictOf: (key: RequestKey) => Proven | Unproven | undefined
  /** Another log of the same exit in the same transaction is proven: this one adds nothing. */
  readonly isDuplicate: (request: ExitRequest) => boolean
  /** Look-ups that brought no answer, a sentence each. */
  readonly problems: readonly string[]
}

/** One request with what the cycle found about it. */
export type Case = {
  readonly request: ExitRequest
  /** What its deadline follows from. */
  readonly limit: ExitLimit
  readonly state: RequestState
  readonly next: Next
  readonly message: HeldMessage | undefined
  /** What proves it, or why it is not proven; `undefined` where nothing was judged. */
  readonly verdict: Proven | Unproven | undefined
}

/** What a cycle amounts to. It was good when nothing failed. */
export type CycleReport = {
  readonly failures: readonly string[]
  /** Every request that is known, as it was before anything was handed out. */
  readonly cases: readonly Case[]
  /** The operator's stop was there: nothing was handed out. */
  readonly isHeld: boolean
  /** What the operator must correct although the cycle did its work: for `/readyz`. */
  readonly notReady: readonly string[]
  /** Unix seconds of the newest finalized block that any node ever told. */
  readonly finalizedAt: number | undefined
  /** What is wrong with the versions of the exit bus, as it was last told. */
  readonly versionProblem: string | undefined
}
