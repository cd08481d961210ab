import { isHeldTooLong, sumUpRateLimited } from './brake.ts'
import type { Case, CycleParts, OfferResult } from './cycle-parts.ts'
import { deadlineOf, describeTimeLeft, timeLeft } from './deadlines.ts'
import { isOver } from './derive.ts'
import type { RequestKey } from './exit-request.ts'
import { createNews } from './news.ts'
import { summarizeCases } from './operator-summary.ts'
import { createReadingReport } from './reading-report.ts'
import { openNamesOf } from './rendering.ts'
import type { StepTimes } from './step-times.ts'
import { waitReasons } from './wait-reasons.ts'

/** Tells the operator, once per change and again each hour, and counts a request once. */
export function createReporter(parts: CycleParts, stepTimes: StepTimes) {
  const { log, metrics, now, settings, journal } = parts
  const { isNews, forgetOld } = createNews(now)
  const { tellUntold, ...reading } = createReadingReport(parts, isNews)
  const counted = new Set<string>()
  let lastSummary = ''
  const openNames = ({ request, limit }: Case) => openNamesOf(request, now(), limit)

  function countOnce(key: RequestKey, result: 'success' | 'error'): void {
    const id = `${result}:${key}`
    if (counted.has(id)) return
    counted.add(id)
    metrics.countExit(result)
  }

  function tellRehearsal(one: Case): void {
    const { request, limit, message } = one
    const deadline = deadlineOf(request, limit)
    const would = message === undefined ? 'would call the webhook' : 'would send'
    if (!isNews(`case:${request.key}`, `${would} ${message?.file}`)) return
    const details = { ...openNames(one), file: message?.file, ...parts.rehearse(request, deadline) }
    log.info(`dry run: ${would}`, details)
  }

  function tellCase(one: Case): void {
    const { request, next } = one
    if (next.kind === 'offer' && settings.dryRun) tellRehearsal(one)
    if (next.kind !== 'wait' || next.code === 'accepted') return
    const isMissing = next.code === 'no-message'
    if (isMissing || next.code === 'pubkey-mismatch') countOnce(request.key, 'error')
    // The detail of a wait may change each epoch; that alone is no news.
    const isTooLong = isHeldTooLong(one)
    const news = isMissing ? `${next.code} ${next.detail}` : `${next.code} ${isTooLong}`
    if (!isNews(`case:${request.key}`, news)) return
    const details = { ...openNames(one), reason: next.code, detail: next.detail }
    const { short, long } = waitReasons[next.code]
    if (isMissing || next.code === 'pubkey-mismatch') {
      log.error(`exit cannot be submitted: ${short}`, { ...details, remedy: long })
    } else if (isTooLong) {
      log.error(`exit is held back past its deadline: ${short}`, { ...details, remedy: long })
    } else {
      log.info(`exit is pending: ${short}`, details)
    }
  }

  function measure(cases: readonly Case[]): void {
    const held = sumUpRateLimited(cases, now())
    metrics.set('exit_requests_rate_limited', held.requests)
    metrics.set('exit_requests_rate_limited_late', held.late)
    metrics.set('exit_rate_limit_wait_seconds', held.seconds)
    for (const finding of ['finalized', 'invented']) {
      const found = cases.filter(
        ({ verdict }) => verdict?.kind === 'unproven' && verdict.finding?.kind === finding,
      )
      metrics.set('unproven_requests', found.length, { finding })
    }
    metrics.setExitRequests(() => summarizeCases(cases, journal.facts, settings.scope, now()))
  }

  return {
    ...reading,

    /** @param isComplete - all blocks of the look-back were read */
    tell(cases: readonly Case[], isComplete: boolean): void {
      tellUntold(cases, isComplete)
      for (const one of cases) tellCase(one)
      measure(cases)
    },

    /** Each time: nobody may forget that the daemon stands still. */
    tellHeld(cases: readonly Case[]): void {
      const held = cases.filter(({ next }) => next.kind === 'offer')
      metrics.set('submissions_on_hold', true)
      metrics.set('exit_requests_held', held.length)
      const left = Math.min(...held.map(({ request, limit }) => timeLeft(request, now(), limit)))
      log.warn(
        `nothing is submitted while HOLD_FILE exists: ${held.length} held`,
        held.length === 0 ? {} : { mostUrgent: describeTimeLeft(left) },
      )
    },

    /** @param served - every request that this one submission serves */
    tellOffer(one: Case, served: readonly Case[], result: OfferResult): void {
      const { accepted, answers } = result
      const { validatorIndex } = one.request
      // Some clients reject what is in their pool already: Nimbus with 400, Lodestar with 500.
      const wasAccepted = (journal.facts.offers.get(validatorIndex)?.acceptedInARow ?? 0) > 0
      for (const { request } of served) {
        if (accepted || !wasAccepted) countOnce(request.key, accepted ? 'success' : 'error')
        if (accepted) stepTimes.accepted(request)
      }
      const details = { ...openNames(one), file: one.message?.file, answers }
      if (accepted) log.info('exit submitted', details)
      else if (!wasAccepted) {
        log.warn('exit was not accepted, it is submitted again in the next cycle', details)
      } else if (isNews(`again:${validatorIndex}`, 'rejected')) {
        log.info('exit was accepted before, and no node accepted it again', details)
      }
    },

    /**
     * One line at the end of a cycle: in a rehearsal always, otherwise when it changed.
     *
     * @param isWhole - nothing of the cycle failed; otherwise what is counted may not be all
     */
    sumUp(cases: readonly Case[], isWhole: boolean): void {
      measure(cases)
      forgetOld()
      if (!isWhole && cases.length === 0) return
      const summary = summaryOf(cases, settings.dryRun, isWhole)
      const isQuiet = !settings.dryRun && summary === lastSummary
      log[isQuiet ? 'debug' : 'info'](summary)
      lastSummary = summary
    },
  }
}

function summaryOf(cases: readonly Case[], isDryRun: boolean, isWhole: boolean): string {
  const count = (test: (one: Case) => boolean) => cases.filter(test).length
  const ready = count(({ next }) => next.kind === 'offer')
  const missing = count(({ next }) => next.kind === 'wait' && next.code === 'no-message')
  const pending = count(({ next }) => next.kind === 'wait') - missing
  const exiting = count(({ state }) => state === 'exiting' || isOver(state))
  const unproven = count(({ state }) => state === 'unproven' || state === 'seen')
  const rest = unproven > 0 ? `, ${unproven} unproven` : ''
  const doubt = isWhole ? '' : ', as far as could be read'
  if (isDryRun) {
    return `dry run: ${ready} ready, ${missing} missing, ${pending} pending, ${exiting} already exiting${rest}${doubt}`
  }
  // What was submitted in this cycle is pending from now on.
  return `requests: ${missing} missing, ${ready + pending} pending, ${exiting} exiting${rest}${doubt}`
}
