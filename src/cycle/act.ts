import pLimit from 'p-limit'
import type { ValidatorIndex } from '../domain/primitives.ts'
import type { Reporter } from './report.ts'
import type { Case, CycleParts } from './types.ts'

/** Exits under way at once: a report may ask for hundreds. */
const OFFERS_AT_ONCE = 32

/** Hands out what is due, once per validator, however many requests ask for it. */
export async function actOn(
  cases: readonly Case[],
  parts: CycleParts,
  reporter: Reporter,
  signal: AbortSignal,
): Promise<void> {
  parts.metrics.setHold(false, 0)
  if (parts.settings.dryRun) return
  const limit = pLimit(OFFERS_AT_ONCE)
  await Promise.all(
    [...dueByValidator(cases).values()].map((served) =>
      limit(() => offerOne(served, parts, reporter, signal)),
    ),
  )
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
  { journal, now, offer }: CycleParts,
  reporter: Reporter,
  signal: AbortSignal,
): Promise<void> {
  const [one] = served
  if (signal.aborted || one?.next.kind !== 'offer') return
  const validator = one.request.validatorIndex
  journal.append([{ kind: 'offer-intended', at: now(), validator }])
  const result = await offer(one.request, one.next.exit, signal)
  const { accepted, answers } = result
  journal.append([{ kind: 'offer-answered', at: now(), validator, accepted, answers }])
  reporter.tellOffer(one, served, result)
}
