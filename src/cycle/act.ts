import pLimit from 'p-limit'
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
  parts.metrics.setExitRequestsHeld(0)
  if (parts.settings.dryRun) return
  const due = new Map<number, Case>()
  for (const one of cases) {
    if (one.next.kind !== 'offer') continue
    const earlier = due.get(one.request.validatorIndex)
    if (earlier === undefined || one.request.blockNumber < earlier.request.blockNumber) {
      due.set(one.request.validatorIndex, one)
    }
  }
  const limit = pLimit(OFFERS_AT_ONCE)
  await Promise.all(
    [...due.values()].map((one) => limit(() => offerOne(one, parts, reporter, signal))),
  )
}

async function offerOne(
  one: Case,
  { journal, now, offer }: CycleParts,
  reporter: Reporter,
  signal: AbortSignal,
): Promise<void> {
  if (signal.aborted || one.next.kind !== 'offer') return
  const validator = one.request.validatorIndex
  journal.append([{ kind: 'offer-intended', at: now(), validator }])
  const result = await offer(one.request, one.next.exit, signal)
  journal.append([{ kind: 'offer-answered', at: now(), validator, accepted: result.accepted }])
  reporter.tellOffer(one, result)
}
