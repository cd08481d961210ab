import type { Epoch, ValidatorIndex } from '../lib/primitives.ts'
import type { Case, CycleParts, FollowingParts, Messages, Proofs } from './cycle-parts.ts'
import { exitPossibleFrom } from './deadlines.ts'
import { type ChainView, derive, type RegistryAnswers } from './derive.ts'
import type { ExitRequest } from './exit-request.ts'
import { next } from './next.ts'
import type { RequestTimes } from './request-times.ts'
import type { ValidatorLookUp } from './validator-look-up.ts'

/** What one cycle has learnt; what is missing could not be learnt in it. */
export type Learnt = {
  readonly proofs: Proofs | undefined
  readonly messages: Messages | undefined
  readonly chain: ChainView | undefined
}

/** Unknown holds nothing back: an exit that is too early is rejected, and submitted again. */
const UNKNOWN_CHAIN: ChainView = {
  currentEpoch: (2n ** 64n - 1n) as Epoch,
  shardCommitteePeriod: 0n,
}

/** What a request is, whatever is done about it. */
export type Standing = Pick<Case, 'request' | 'limit' | 'state' | 'verdict'> & {
  /** The latest of the nodes on its validator. */
  readonly answers: RegistryAnswers | undefined
}

/** What each request is: its state and its deadline follow from what one cycle has learnt. */
export const createStandingReader =
  (
    { journal, termsOf, now }: Pick<FollowingParts, 'journal' | 'termsOf' | 'now'>,
    { answersOf }: Pick<ValidatorLookUp, 'answersOf'>,
    times: Pick<RequestTimes, 'correct'>,
  ) =>
  (read: ExitRequest, { proofs, chain }: Omit<Learnt, 'messages'>): Standing => {
    const { validatorIndex, pubkey, key, moduleId, operatorId } = read
    const verdict = proofs?.verdictOf(key)
    const request = times.correct(read, verdict, chain)
    const answers = answersOf(validatorIndex)
    const offers = journal.facts.offers.get(validatorIndex)
    const status = proofs?.statusOf(key) ?? 'none'
    const derived = derive(status === 'duplicate' ? 'none' : status, pubkey, offers, answers)
    // After a restart, until a node answers, what the journal saw settled is settled. That holds too
    // where its signers have left the allowlist since: nobody need prove what is over.
    const wasSettled =
      answers === undefined && journal.facts.sightings.get(validatorIndex) === 'settled'
    return {
      request,
      limit: {
        ...termsOf(moduleId, operatorId),
        possibleFrom: exitPossibleFrom(pubkey, answers, chain, now()),
      },
      state: wasSettled ? 'settled' : derived,
      verdict,
      answers,
    }
  }

/** What each request is, and what is to be done about it now. */
export function createDecider(
  parts: CycleParts,
  lookUp: Pick<ValidatorLookUp, 'answersOf'>,
  times: Pick<RequestTimes, 'correct'>,
) {
  const { journal, log, settings } = parts
  const standingOf = createStandingReader(parts, lookUp, times)

  async function decide(
    requests: readonly ExitRequest[],
    learnt: Learnt,
    signal: AbortSignal,
  ): Promise<readonly Case[]> {
    const decideWith = (withdrawals: ReadonlySet<ValidatorIndex>) =>
      requests.map((request) => decideOne(request, learnt, withdrawals))

    const cases = decideWith(new Set())
    if (settings.mode === 'webhook' || !cases.some((one) => one.next.kind === 'offer')) return cases
    const withdrawals = await parts.readPendingWithdrawals(signal).catch((error: unknown) => {
      signal.throwIfAborted()
      log.debug('pending withdrawals are unknown, so they hold nothing back', { error })
      return new Set<ValidatorIndex>()
    })
    return withdrawals.size === 0 ? cases : decideWith(withdrawals)
  }

  function decideOne(
    read: ExitRequest,
    learnt: Learnt,
    withdrawals: ReadonlySet<ValidatorIndex>,
  ): Case {
    const { answers, ...standing } = standingOf(read, learnt)
    const { request, state } = standing
    const { messages, chain } = learnt
    const { validatorIndex } = request
    const now = parts.now()
    const offers = journal.facts.offers.get(validatorIndex)
    const message = messages?.find(validatorIndex)
    const means =
      settings.mode === 'webhook'
        ? ({ kind: 'webhook' } as const)
        : ({ kind: 'message', exit: message?.exit, loaded: messages?.loaded ?? false } as const)
    const view = {
      ...(chain ?? UNKNOWN_CHAIN),
      hasPendingPartialWithdrawal: withdrawals.has(validatorIndex),
    }
    // A clock that was set back must not hold an exit until it is where it was.
    const isDatedAhead = offers !== undefined && offers.lastAcceptedAt > now
    const nextOfferAt = offers === undefined || isDatedAhead ? undefined : parts.nextOfferAt(offers)
    const step = next(request, state, answers, means, view, nextOfferAt, now)
    const isMissing = step.kind === 'wait' && step.code === 'no-message'
    const why = isMissing ? messages?.whyMissing(validatorIndex) : undefined
    return {
      ...standing,
      message,
      next: isMissing && why !== undefined ? { ...step, detail: why } : step,
    }
  }

  return decide
}
