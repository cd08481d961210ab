import pLimit from 'p-limit'
import { DeadlineError, withDeadline } from '../lib/deadline.ts'
import type { ValidatorIndex } from '../lib/primitives.ts'
import type { Case, CycleParts, OfferResult } from '../requests/cycle-parts.ts'
import { deadlineOf } from '../requests/deadlines.ts'
import { hasBegun } from '../requests/facts.ts'

/** Told what became of one offer. */
type OfferTeller = {
  tellOffer(one: Case, served: readonly Case[], result: OfferResult): void
}

/** Exits under way at once: a report may ask for hundreds. */
const OFFERS_AT_ONCE = 32
/** Of the ten minutes that a cycle may take. What is left by then goes first in the next one. */
const OFFERS_MS = 4 * 60 * 1_000

/**
 * Hands out what is due, once per validator, however many requests ask for it.
 *
 * @param longestMs - for tests
 */
export async function actOn(
  cases: readonly Case[],
  parts: CycleParts,
  reporter: OfferTeller,
  signal: AbortSignal,
  longestMs: number = OFFERS_MS,
): Promise<void> {
  parts.metrics.set('submissions_on_hold', false)
  parts.metrics.set('exit_requests_held', 0)
  if (parts.settings.dryRun) return
  const due = longestUnofferedFirst([...dueByValidator(cases).values()], parts)
  let ended = 0
  try {
    await withDeadline(longestMs, signal, async (inner) => {
      const limit = pLimit(OFFERS_AT_ONCE)
      await Promise.all(
        due.map((served) =>
          limit(async () => {
            await offerOne(served, parts, reporter, inner)
            ended += 1
          }),
        ),
      )
    })
  } catch (error) {
    if (signal.aborted || !(error instanceof DeadlineError)) throw error
    parts.log.error(
      `exits: ${ended} of ${due.length} could be submitted in time, the rest follows in the next cycle`,
    )
  }
}

/** Where time ends before the work does, what was not tried for the longest is tried. */
function longestUnofferedFirst(
  due: readonly (readonly Case[])[],
  { journal }: CycleParts,
): readonly (readonly Case[])[] {
  const triedAt = (served: readonly Case[]) => {
    const history = journal.facts.history.get(served[0]?.request.validatorIndex as ValidatorIndex)
    return history?.findLast(({ kind }) => kind === 'offer-intended')?.at ?? 0
  }
  return due
    .map((served) => ({ served, at: triedAt(served) }))
    .sort((a, b) => a.at - b.at)
    .map(({ served }) => served)
}

/** The earliest request of each validator first. */
function dueByValidator(cases: readonly Case[]): ReadonlyMap<ValidatorIndex, readonly Case[]> {
  const due = new Map<ValidatorIndex, Case[]>()
  for (const one of cases) {
    if (one.next.kind !== 'offer') continue
    const { validatorIndex } = one.request
    due.set(validatorIndex, [...(due.get(validatorIndex) ?? []), one])
  }
  for (const served of due.values()) {
    served.sort((a, b) => a.request.blockNumber - b.request.blockNumber)
  }
  return due
}

async function offerOne(
  served: readonly Case[],
  { journal, now, offer, isHeld }: CycleParts,
  reporter: OfferTeller,
  signal: AbortSignal,
): Promise<void> {
  const [one] = served
  if (signal.aborted || one?.next.kind !== 'offer') return
  // The operator's stop may come while hundreds are handed out. The next cycle says so.
  if ((await isHeld()) || signal.aborted) return
  const validator = one.request.validatorIndex
  const isFirst = !hasBegun(journal.facts, validator)
  journal.append([{ kind: 'offer-intended', at: now(), validator, ...(isFirst && { isFirst }) }])
  const deadline = deadlineOf(one.request, one.limit)
  const result = await offer(one.request, one.next.exit, deadline, signal)
  const { accepted, answers } = result
  journal.append([{ kind: 'offer-answered', at: now(), validator, accepted, answers }])
  reporter.tellOffer(one, served, result)
}
