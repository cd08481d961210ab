import type { RegistryEntry } from '../consensus/registry.ts'
import type { VerifiedExit } from '../messages/exit-message.ts'
import {
  type ChainView,
  isAnotherKeys,
  isOpen,
  type OfferHistory,
  type RegistryAnswers,
  type RequestState,
  verifiedEntries,
} from './derive.ts'
import type { ExitRequest } from './exit-request.ts'
import type { WaitReasonCode } from './wait-reasons.ts'

type PendingWithdrawal = {
  /** True when every node that could tell sees a pending partial withdrawal of this validator. */
  readonly hasPendingPartialWithdrawal: boolean
}

/** How an exit is carried out: by a message of ours, or by a webhook that has its own. */
export type Means =
  | { readonly kind: 'message'; readonly exit: VerifiedExit | undefined; readonly loaded: boolean }
  | { readonly kind: 'webhook' }

export type Next =
  | { readonly kind: 'offer'; readonly exit: VerifiedExit | undefined }
  | {
      readonly kind: 'wait'
      readonly code: WaitReasonCode
      readonly detail?: string
      /** Unix ms before which the wait does not end, where that is known. */
      readonly until?: number
    }
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
  answers: RegistryAnswers | undefined,
  means: Means,
  chain: ChainView & PendingWithdrawal,
  nextOfferAt: number | undefined,
  now: number,
): Next {
  if (!isOpen(state)) return { kind: 'nothing' }
  if (isAnotherKeys(request.pubkey, answers)) return { kind: 'wait', code: 'pubkey-mismatch' }
  if (nextOfferAt !== undefined && now < nextOfferAt) return { kind: 'wait', code: 'accepted' }
  if (means.kind === 'webhook') return { kind: 'offer', exit: undefined }

  const { exit, loaded } = means
  if (exit === undefined) return { kind: 'wait', code: loaded ? 'no-message' : 'messages-loading' }
  if (exit.pubkey !== request.pubkey) return { kind: 'wait', code: 'pubkey-mismatch' }
  const known = verifiedEntries(answers).filter(({ pubkey }) => pubkey === exit.pubkey)
  return notYet(exit, known, chain) ?? { kind: 'offer', exit }
}

/**
 * Conditions that a block must meet to include the exit.
 *
 * @see https://github.com/ethereum/consensus-specs (electra/beacon-chain, `process_voluntary_exit`)
 */
function notYet(
  exit: VerifiedExit,
  known: readonly RegistryEntry[],
  chain: ChainView & PendingWithdrawal,
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
