import type { Case, CycleParts, Messages, OfferResult } from './cycle-parts.ts'
import { describeTimeLeft, timeLeft } from './deadlines.ts'
import { stateAfterOffers } from './derive.ts'
import type { ExitRequest, RequestKey } from './exit-request.ts'
import type { UnreadBlocks } from './facts.ts'
import { openNamesOf } from './names.ts'
import { summarize } from './operator-summary.ts'
import type { Stopwatch } from './step-times.ts'
import { countBlocks, sumUpUnread, UNREAD_REMEDY } from './unread.ts'
import { waitReasons } from './wait-reasons.ts'

/** Seconds. A healthy chain finalizes every 13 minutes. */
const STALE_AFTER_S = 60 * 60
/** What stays true is said again this often. */
const SAY_AGAIN_MS = 60 * 60 * 1_000

/** Tells the operator, once per change and again each hour, and counts a request once. */
export function createReporter(parts: CycleParts, stopwatch: Stopwatch) {
  const { log, metrics, now, settings, limitOf, journal } = parts
  const said = new Map<string, { readonly text: string; readonly at: number }>()
  const counted = new Set<string>()
  let lastSummary = ''
  const openNames = (request: ExitRequest) => openNamesOf(request, now(), limitOf)

  /** True when this is news about the subject, or an hour has passed since it was said. */
  function isNews(subject: string, text: string): boolean {
    const before = said.get(subject)
    if (before !== undefined && before.text === text && now() - before.at < SAY_AGAIN_MS) {
      return false
    }
    said.set(subject, { text, at: now() })
    return true
  }

  function countOnce(key: RequestKey, result: 'success' | 'error'): void {
    const id = `${result}:${key}`
    if (counted.has(id)) return
    counted.add(id)
    metrics.countExit(result)
  }

  function tellCase({ request, next, message }: Case, messages: Messages | undefined): void {
    const subject = `case:${request.key}`
    if (next.kind === 'offer') {
      if (!settings.dryRun) return
      const would = message === undefined ? 'would call the webhook' : 'would send'
      if (isNews(subject, `${would} ${message?.file}`)) {
        const details = { ...openNames(request), file: message?.file, ...parts.rehearse(request) }
        log.info(`dry run: ${would}`, details)
      }
      return
    }
    if (next.kind !== 'wait' || next.code === 'accepted') return
    const reason = waitReasons[next.code]
    if (next.code === 'no-message') countOnce(request.key, 'error')
    const detail =
      next.code === 'no-message' ? messages?.whyMissing(request.validatorIndex) : next.detail
    // The detail of a wait may change each epoch; that alone is no news.
    if (!isNews(subject, next.code === 'no-message' ? `${next.code} ${detail}` : next.code)) return
    const details = { ...openNames(request), reason: next.code, detail }
    if (next.code === 'no-message' || next.code === 'pubkey-mismatch') {
      log.error(`exit cannot be submitted: ${reason.short}`, details)
    } else {
      log.info(`exit waits: ${reason.short}`, details)
    }
  }

  function measure(cases: readonly Case[]): void {
    metrics.setExitRequests(() => {
      const counted = cases.map(({ request, state, next }) => ({
        request,
        state: stateAfterOffers(state, journal.facts.offers.get(request.validatorIndex)),
        lacksMessage: next.kind === 'wait' && next.code === 'no-message',
      }))
      return summarize(counted, settings.scope, now(), limitOf)
    })
  }

  return {
    warnOnce(problem: string): void {
      if (isNews(`problem:${problem}`, problem)) log.warn(problem)
    },

    /** A node that stands still says nothing new, and nothing wrong either. */
    tellFinalized(unixSeconds: number): void {
      const age = Math.floor(now() / 1_000) - unixSeconds
      metrics.setFinalizedBlock(unixSeconds)
      if (age < STALE_AFTER_S || !isNews('finalized', 'stale')) return
      log.warn('the newest finalized block is old: requests after it are not seen', {
        age: describeTimeLeft(age),
        remedy: 'check the execution nodes, and whether the chain finalizes',
      })
    },

    /** @param before - those that the cycle before found */
    tellUnread(blocks: readonly UnreadBlocks[], before: readonly UnreadBlocks[]): void {
      metrics.setUnreadBlocks(countBlocks(blocks))
      if (blocks.length === 0) {
        if (before.length > 0)
          log.info('blocks that could not be read have been read, or are older than BLOCKS_PRELOAD')
        return
      }
      // The oldest ones leave the look-back with each block, and that is no news.
      const ends = blocks.map(({ toBlock, hosts }) => [toBlock, ...hosts].join()).join(';')
      if (isNews('unread', ends)) log.error(sumUpUnread(blocks), { remedy: UNREAD_REMEDY })
    },

    tellNew(request: ExitRequest): void {
      log.info('exit requested', {
        ...openNames(request),
        block: request.blockNumber,
        transaction: request.transactionHash,
        requestedAt: new Date(request.timestamp * 1_000).toISOString(),
      })
    },

    tell(cases: readonly Case[], messages: Messages | undefined): void {
      for (const one of cases) tellCase(one, messages)
      measure(cases)
    },

    /** Each time: nobody may forget that the daemon stands still. */
    tellHeld(cases: readonly Case[]): void {
      const held = cases.filter(({ next }) => next.kind === 'offer')
      metrics.setHold(true, held.length)
      const left = Math.min(...held.map(({ request }) => timeLeft(request, now(), limitOf)))
      log.warn(
        `nothing is submitted while HOLD_FILE exists: ${held.length} held`,
        held.length === 0 ? {} : { mostUrgent: describeTimeLeft(left) },
      )
    },

    /** @param served - every request that this one offer serves */
    tellOffer({ request, message }: Case, served: readonly Case[], result: OfferResult): void {
      const { accepted, answers } = result
      const { validatorIndex } = request
      // Some clients refuse what is in their pool already.
      const wasAccepted = (journal.facts.offers.get(validatorIndex)?.acceptedInARow ?? 0) > 0
      for (const { request: one } of served) {
        if (accepted || !wasAccepted) countOnce(one.key, accepted ? 'success' : 'error')
        if (accepted) stopwatch.accepted(one)
      }
      const details = { ...openNames(request), file: message?.file, answers }
      if (accepted) log.info('exit submitted', details)
      else if (!wasAccepted) {
        log.warn('exit was not accepted, it is offered again in the next cycle', details)
      } else if (isNews(`again:${validatorIndex}`, 'refused')) {
        log.info('exit was accepted before, and nobody took it again', details)
      }
    },

    /** One line at the end of a cycle: in a rehearsal always, otherwise when it changed. */
    sumUp(cases: readonly Case[]): void {
      measure(cases)
      for (const [subject, { at }] of said) if (now() - at >= SAY_AGAIN_MS) said.delete(subject)
      const count = (test: (one: Case) => boolean) => cases.filter(test).length
      const ready = count(({ next }) => next.kind === 'offer')
      const missing = count(({ next }) => next.kind === 'wait' && next.code === 'no-message')
      const waiting = count(({ next }) => next.kind === 'wait') - missing
      const exiting = count(({ state }) => ['exiting', 'settled', 'lapsed'].includes(state))
      const unproven = count(({ state }) => state === 'unproven' || state === 'seen')
      const rest = unproven > 0 ? `, ${unproven} unproven` : ''
      if (settings.dryRun) {
        log.info(
          `dry run: ${ready} ready, ${missing} missing, ${waiting} waiting, ${exiting} already exiting${rest}`,
        )
        return
      }
      // What was offered in this cycle waits from now on.
      const summary = `${missing} missing, ${ready + waiting} waiting, ${exiting} exiting${rest}`
      log[summary === lastSummary ? 'debug' : 'info'](`requests: ${summary}`)
      lastSummary = summary
    },
  }
}
