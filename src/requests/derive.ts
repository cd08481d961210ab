import { isExiting, type RegistryEntry } from '../consensus/registry.ts'
import type { Epoch, Pubkey } from '../lib/primitives.ts'

/** What one consensus node answered about one validator in one state. */
export type RegistryAnswer = {
  readonly host: string
  /** The node has not verified this state's execution payload: it settles and holds back nothing. */
  readonly optimistic: boolean
  /** `undefined`: the node answered, and does not know the validator. */
  readonly entry: RegistryEntry | undefined
}

/** Only nodes that answered, at the latest look-up. */
export type RegistryAnswers = {
  readonly head: readonly RegistryAnswer[]
  readonly finalized: readonly RegistryAnswer[]
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
 * keeps the submissions going. `settled`: the same at the finalized state. `lapsed`: settled, but
 * the validator left before we ever submitted.
 *
 * @param pubkey - of the request: what the index does under another key says nothing about it
 */
export function derive(
  proof: 'none' | 'unproven' | 'proven',
  pubkey: Pubkey,
  offers: OfferHistory | undefined,
  answers: RegistryAnswers | undefined,
): RequestState {
  if (proof === 'none') return 'seen'
  if (proof === 'unproven') return 'unproven'
  if (isAnotherKeys(pubkey, answers)) return 'proven'
  if (answers !== undefined && allExiting(pubkey, answers.head)) {
    if (!allExiting(pubkey, answers.finalized)) return 'exiting'
    return offers === undefined ? 'lapsed' : 'settled'
  }
  return offers === undefined ? 'proven' : 'submitted'
}

/** Every node that knows the index, and has verified its state, has it under another key. */
export function isAnotherKeys(pubkey: Pubkey, answers: RegistryAnswers | undefined): boolean {
  let isKnown = false
  for (const { optimistic, entry } of answers?.head ?? []) {
    if (optimistic || entry === undefined) continue
    if (entry.pubkey === pubkey) return false
    isKnown = true
  }
  return isKnown
}

/** What nodes know that have verified their head state. */
export const verifiedEntries = (answers: RegistryAnswers | undefined): readonly RegistryEntry[] =>
  (answers?.head ?? []).flatMap(({ optimistic, entry }) =>
    entry === undefined || optimistic ? [] : [entry],
  )

/** The protocol waits for this exit. What is not proven is not open: a node can invent it. */
export const isOpen = (state: RequestState) => state === 'proven' || state === 'submitted'

/** The state once more, where the exit may have been handed out since it was derived. */
export const stateAfterOffers = (
  state: RequestState,
  offers: OfferHistory | undefined,
): RequestState => (state === 'proven' && offers !== undefined ? 'submitted' : state)

/** States in which there is nothing left to do but to look again now and then. */
export const isOver = (state: RequestState) => state === 'settled' || state === 'lapsed'

const allExiting = (pubkey: Pubkey, answers: readonly RegistryAnswer[]) =>
  answers.length > 0 &&
  answers.every(
    ({ optimistic, entry }) => !optimistic && entry?.pubkey === pubkey && isExiting(entry),
  )

/** What the beacon chain allows, from the nodes. */
export type ChainView = {
  /** The latest epoch that any node, or the clock, knows. */
  readonly currentEpoch: Epoch
  /** Spec: phase0 `SHARD_COMMITTEE_PERIOD`, epochs. */
  readonly shardCommitteePeriod: bigint
  /** Unix seconds at which an epoch begins; absent where no node told. */
  readonly epochStart?: (epoch: Epoch) => number
  /** The same of a slot. */
  readonly slotStart?: (slot: bigint) => number
}
