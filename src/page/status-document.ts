import type { OperatorSummary } from '../requests/operator-summary.ts'
import type { LateCostView, RequestView } from '../requests/rendering.ts'

/**
 * What `/status` gives as JSON and the page shows: one document for both. Times are ISO 8601 in
 * UTC. It holds no signature, no password and no URL; lists end after a bounded number of rows.
 */
export type StatusDocument = {
  readonly version: string
  readonly startedAt: string
  readonly at: string
  readonly mode: {
    readonly delivery: 'message' | 'webhook' | 'watch'
    readonly dryRun: boolean
    readonly trustMode: boolean
    readonly onHold: boolean
    readonly network: string | null
    /** `all`: every operator of every module. */
    readonly scope: Readonly<Record<string, readonly number[]>> | 'all'
  }
  readonly lastCycle: {
    readonly endedAt: string
    readonly ok: boolean
    readonly failures: readonly string[]
  } | null
  readonly cycles: { readonly lastGoodAt: string | null; readonly failedWithinHour: number }
} & Partial<StatusParts>

/** What differs between who hands out exits, and `watch`. */
export type ModeParts = {
  /** One for each operator of the scope, or in `watch` that was asked: what the metrics say of it. */
  readonly operators: List<OperatorRow>
  /** In `watch`: every module of the scope, asked or not. */
  readonly modules?: readonly ModuleRow[]
  /** `null` before the first load, in webhook mode, and in `watch`. */
  readonly messages: MessagesView | null
  readonly nextExits: List<NextExitsRow>
  readonly drift: Drift | null
}

type Drift = {
  readonly at: string
  /** Host of the node that told. */
  readonly node: string
  readonly missing: readonly string[]
  /** `activeFrom` is in unix seconds. */
  readonly announced: readonly { readonly signer: string; readonly activeFrom: number }[]
  readonly stale: readonly string[]
  readonly kept: readonly string[]
  readonly vacant: readonly string[]
}

/** What is known once the nodes have been found. */
export type StatusParts = ModeParts & {
  readonly requests: {
    readonly open: List<OpenRow>
    readonly unproven: List<UnprovenRow>
    /** Due exits that HOLD_FILE holds back. */
    readonly held: number
    readonly rateLimited: { readonly total: number; readonly late: number }
    /** Answers of nodes or the webhook to exits within the last half hour. */
    readonly answers: { readonly accepted: number; readonly rejected: number }
  }
  readonly exits: List<ExitRow>
  readonly reading: {
    /** Of the newest finalized block that any node told. */
    readonly finalizedAt: string | null
    readonly unreadBlocks: number
    readonly versionProblem: string | null
  }
  readonly nodes: readonly {
    readonly layer: 'execution' | 'consensus'
    readonly host: string
    readonly up: boolean
    readonly synced: boolean
    readonly why: string | null
  }[]
  readonly journal: { readonly degraded: boolean }
}

/** The first rows, and how many there are in all. */
export type List<Row> = { readonly total: number; readonly rows: readonly Row[] }

type Names = Pick<
  RequestView,
  'validator' | 'pubkey' | 'module' | 'operator' | 'requestedAt' | 'state' | 'seenAt'
>
type Submission = {
  readonly at: string
  readonly accepted: boolean
  readonly answers: readonly string[]
}
type Story = {
  readonly proof: RequestView['proof']
  readonly firstOfferedAt: string | null
  readonly firstAcceptedAt: string | null
  /** The first, and the latest. */
  readonly offers: readonly Submission[]
}
type Found = Pick<RequestView, 'block' | 'transaction' | 'reason' | 'meaning' | 'remedy'>

export type OpenRow = Names &
  Found &
  Story &
  Pick<RequestView, 'detail' | 'notBefore' | 'file' | 'ageSeconds'> & {
    readonly deadline: string | null
    readonly timeLeftSeconds: number | null
    readonly passed: readonly string[]
    readonly lateCost: LateCostView | null
  }
export type UnprovenRow = Names & Found & Pick<RequestView, 'detail' | 'finding'>
export type ExitRow = Names &
  Story & { readonly exitingAt: string | null; readonly settledAt: string | null }

export type OperatorRow = Pick<OperatorSummary, 'states' | 'overdue' | 'withoutMessage'> & {
  readonly module: number
  readonly operator: number
  readonly name: string | null
  /** Of the oldest open request; 0 where none is open. */
  readonly oldestAgeSeconds: number
  /** Of the most urgent one. */
  readonly timeLeftSeconds: number | null
  /** In `watch` only. */
  readonly watched?: WatchedRow & {
    /** Median time from request to exit, of the exits that were seen to happen. */
    readonly secondsToExit: number | null
  }
}

/** Numbers of exits that `watch` tells of an operator, or of a module. */
export type WatchedRow = {
  /** Late ones included. */
  readonly open: number
  /** A block holds the exit. */
  readonly done: number
  readonly unproven: number
  /** Late exits that were proven late on chain, and that were made through the execution layer. */
  readonly reportedLate: number
  readonly triggered: number
  /** Of the open exit that is most urgent. */
  readonly deadline: string | null
}

export type ModuleRow = WatchedRow &
  Pick<OperatorSummary, 'overdue'> & {
    readonly module: number
    readonly name: string | null
    /** How many operators it has, and how many of them were asked within the look-back. */
    readonly operators: number | null
    readonly asked: number
    readonly timeLeftSeconds: number | null
  }

export type MessagesView = {
  readonly readAt: string | null
  readonly files: number
  readonly left: List<MessageRow>
  readonly used: List<MessageRow>
  readonly refused: List<{
    readonly file: string
    readonly entry: number | null
    readonly validator: number | null
    readonly reason: string
    readonly meaning: string
    readonly remedy: string
    readonly detail: string
  }>
  readonly superseded: List<MessageRow & { readonly by: string }>
}
type MessageRow = { readonly validator: number; readonly file: string; readonly entry: number }

/** `null` is what messages tell, before they are loaded and in webhook mode. */
export type NextExitsRow = {
  readonly module: number
  readonly operator: number
  readonly name: string | null
  readonly readAt: string | null
  readonly keys: number
  readonly overTarget: number
  readonly suggested: number | null
  readonly signed: number | null
  readonly runway: number | null
  readonly firstUnsigned: number | null
  /** The first ones without a message. */
  readonly missing: readonly { readonly validator: number; readonly pubkey: string }[]
}
