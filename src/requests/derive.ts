import { isExiting, type RegistryEntry } from '../consensus/registry.ts'
import type { Epoch } from '../lib/primitives.ts'
import type { VerifiedExit } from '../messages/exit-message.ts'
import type { ExitRequest } from './exit-request.ts'
import type { WaitReasonCode } from './wait-reasons.ts'

/** What one consensus node answered about one validator in one state. */
export type Sighting = {
  readonly host: string
  /** The node has not verified this state's execution payload: it settles and holds back nothing. */
  readonly optimistic: boolean
  /** `undefined`: the node answered, and does not know the validator. */
  readonly entry: RegistryEntry | undefined
}

/** Only nodes that answered, at the latest look-up. */
export type Sightings = {
  readonly head: readonly Sighting[]
  readonly finalized: readonly Sighting[]
}

/** What was offered for one validator, by this daemon. */
export type OfferHistory = {
  /** Unix ms of the first and the latest offer that a node or the webhook took. */
  readonly firstAcceptedAt: number
  readonly lastAcceptedAt: number
  /** Accepted offers since the first, or since a reorg took the exit out again. */
  readonly acceptedInARow: number
}

export const requestStates = [
  'seen',
  'unproven',
  'proven',
  'submitted',
  'exiting',
  'settled',
  'lapsed',
] as const
export type RequestState = (typeof requestStates)[number]

/**
 * The state of a request follows from facts alone.
 *
 * `exiting`: every node that answered sees an exit epoch at head. One that still says active
 * keeps the offer going. `settled`: the same at the finalized state. `lapsed`: settled, but the
 * validator left before we ever submitted.
 */
export function derive(
  proof: 'none' | 'unproven' | 'proven',
  offers: OfferHistory | undefined,
  sightings: Sightings | undefined,
): RequestState {
  if (proof === 'none') return 'seen'
  if (proof === 'unproven') return 'unproven'
  if (sightings !== undefined && allExiting(sightings.head)) {
    if (!allExiting(sightings.finalized)) return 'exiting'
    return offers === undefined ? 'lapsed' : 'settled'
  }
  return offers === undefined ? 'proven' : 'submitted'
}

/** The protocol waits for this exit. What is not proven is not open: a node can invent it. */
export const isOpen = (state: RequestState) => state === 'proven' || state === 'submitted'

/** The state once more, where the exit may have been handed out since it was derived. */
export const stateAfterOffers = (
  state: RequestState,
  offers: OfferHistory | undefined,
): RequestState => (state === 'proven' && offers !== undefined ? 'submitted' : state)

/** States in which there is nothing left to do but to look again now and then. */
export const isOver = (state: RequestState) => state === 'settled' || state === 'lapsed'

const allExiting = (sightings: readonly Sighting[]) =>
  sightings.length > 0 &&
  sightings.every(({ optimistic, entry }) => !optimistic && entry !== undefined && isExiting(entry))

/** What the beacon chain allows, from the nodes. */
export type ChainView = {
  /** The latest epoch that any node, or the clock, knows. */
  readonly currentEpoch: Epoch
  /** Spec: phase0 `SHARD_COMMITTEE_PERIOD`, epochs. */
  readonly shardCommitteePeriod: bigint
  /** True when every node that could tell sees a pending partial withdrawal of this validator. */
  readonly hasPendingPartialWithdrawal: boolean
}

/** How an exit is carried out: by a message of ours, or by a webhook that has its own. */
export type Means =
  | { readonly kind: 'message'; readonly exit: VerifiedExit | undefined; readonly loaded: boolean }
  | { readonly kind: 'webhook' }

export type Next =
  | { readonly kind: 'offer'; readonly exit: VerifiedExit | undefined }
  | { readonly kind: 'wait'; readonly code: WaitReasonCode; readonly detail?: string }
  | { readonly kind: 'nothing' }

/**
 * What to do for one request now. Once a request is proven, doubt means: send. So a node's word
 * holds an exit back only where every node that answered, and has verified its state, agrees.
 *
 * @param nextOfferAt - unix ms before which an accepted offer is not repeated
 */
export function next(
  request: ExitRequest,
  state: RequestState,
  sightings: Sightings | undefined,
  means: Means,
  chain: ChainView,
  nextOfferAt: number | undefined,
  now: number,
): Next {
  if (!isOpen(state)) return { kind: 'nothing' }
  const known = knownEntries(sightings)
  if (known.length > 0 && known.every((entry) => entry.pubkey !== request.pubkey)) {
    return { kind: 'wait', code: 'pubkey-mismatch' }
  }
  if (nextOfferAt !== undefined && now < nextOfferAt) return { kind: 'wait', code: 'accepted' }
  if (means.kind === 'webhook') return { kind: 'offer', exit: undefined }

  const { exit, loaded } = means
  if (exit === undefined) return { kind: 'wait', code: loaded ? 'no-message' : 'messages-loading' }
  if (exit.pubkey !== request.pubkey) return { kind: 'wait', code: 'pubkey-mismatch' }
  return notYet(exit, known, chain) ?? { kind: 'offer', exit }
}

const knownEntries = (sightings: Sightings | undefined) =>
  (sightings?.head ?? []).flatMap(({ optimistic, entry }) =>
    entry === undefined || optimistic ? [] : [entry],
  )

/**
 * Conditions that a block must meet to include the exit.
 *
 * @see https://github.com/ethereum/consensus-specs (electra/beacon-chain, `process_voluntary_exit`)
 */
function notYet(
  exit: VerifiedExit,
  known: readonly RegistryEntry[],
  chain: ChainView,
): Next | undefined {
  const { currentEpoch, shardCommitteePeriod } = chain
  if (exit.epoch > currentEpoch) {
    const detail = `valid from epoch ${exit.epoch}, now ${currentEpoch}`
    return { kind: 'wait', code: 'message-epoch', detail }
  }
  if (known.length === 0) return undefined
  if (known.every((entry) => entry.activationEpoch > currentEpoch)) {
    return { kind: 'wait', code: 'not-active' }
  }
  const exitFrom = known.map((entry) => entry.activationEpoch + shardCommitteePeriod)
  if (exitFrom.every((epoch) => epoch > currentEpoch)) {
    const detail = `may exit from epoch ${exitFrom[0]}, now ${currentEpoch}`
    return { kind: 'wait', code: 'shard-committee-period', detail }
  }
  if (chain.hasPendingPartialWithdrawal) {
    return { kind: 'wait', code: 'pending-partial-withdrawal' }
  }
  return undefined
}

/** Intervals to wait after the n-th accepted offer in a row: 1, 2, 4, 8, then 16. */
const MAX_BACKOFF_INTERVALS = 16
/** Cycles start a little early or late; a tenth of an interval must not cost a whole one. */
const SLACK = 0.1

/** @returns unix ms from which an accepted exit is offered to the pool again */
export function nextPoolOfferAt(offers: OfferHistory, intervalMs: number): number {
  const intervals = Math.min(2 ** (offers.acceptedInARow - 1), MAX_BACKOFF_INTERVALS)
  return offers.lastAcceptedAt + (intervals - SLACK) * intervalMs
}
