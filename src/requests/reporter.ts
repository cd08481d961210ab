import { isHeldTooLong, sumUpRateLimited } from './brake.ts'
import type { Case, CycleParts, OfferResult } from './cycle-parts.ts'
import { deadlineOf, describeTimeLeft, moduleLimit, timeLeft } from './deadlines.ts'
import { isOver } from './derive.ts'
import type { ExitRequest, RequestKey } from './exit-request.ts'
import type { UnreadBlocks } from './facts.ts'
import { summarizeCases } from './operator-summary.ts'
import { openNamesOf } from './rendering.ts'
import type { StepTimes } from './step-times.ts'
import { countBlocks, sumUpUnread, UNREAD_REMEDY } from './unread.ts'
import { waitReasons } from './wait-reasons.ts'

/** Seconds. A healthy chain finalizes every 13 minutes. */
const STALE_AFTER_S = 60 * 60
/** What stays true is said again this often. */
const SAY_AGAIN_MS = 60 * 60 * 1_000

/** Tells the operator, once per change and again each hour, and counts a request once. */
export function createReporter(parts: CycleParts, stepTimes: StepTimes) {
  const { log, metrics, now, settings, journal } = parts
  const { isNews, forgetOld } = createNews(now)
  const isNewlyProven = createProofNews()
  const counted = new Set<string>()
  /** Requests that were read and not told yet. */
  const untold = new Map<RequestKey, ExitRequest>()
  /** The whole look-back was read and told: what is read from now on is new. */
  let isCaughtUp = false
  let lastSummary = ''
  const openNames = ({ request, limit }: Case) => openNamesOf(request, now(), limit)

  function countOnce(key: RequestKey, result: 'success' | 'error'): void {
    const id = `${result}:${key}`
    if (counted.has(id)) return
    counted.add(id)
    metrics.countExit(result)
  }

  function tellRequested(request: ExitRequest): void {
    log.info('exit requested', {
      ...openNamesOf(request, now(), moduleLimit(request, parts.termsOf)),
      block: request.blockNumber,
      transaction: request.transactionHash,
      requestedAt: new Date(request.timestamp * 1_000).toISOString(),
    })
  }

  /** What is new of requests; of the look-back, exits that are over get one line together. */
  function tellUntold(cases: readonly Case[]): void {
    const over = new Set(
      cases.filter(({ state }) => isOver(state)).map(({ request }) => request.key),
    )
    for (const [key, request] of untold) if (!over.has(key)) tellRequested(request)
    const proven = cases.filter(isNewlyProven)
    for (const one of proven) if (!over.has(one.request.key)) tellProven(one, openNames(one), log)
    const past = new Set([...untold.keys(), ...proven.map(({ request }) => request.key)])
    const count = [...past].filter((key) => over.has(key)).length
    untold.clear()
    if (count > 0)
      log.info(`exit requests: validators of ${count} earlier ones have exited already`)
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
    metrics.setRateLimited(sumUpRateLimited(cases, now()))
    metrics.setExitRequests(() => summarizeCases(cases, journal.facts, settings.scope, now()))
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

    /** Those of the look-back are told once it is known whose validators have left already. */
    tellNew(requests: readonly ExitRequest[]): void {
      for (const request of requests) {
        if (isCaughtUp) tellRequested(request)
        else untold.set(request.key, request)
      }
    },

    /** @param isComplete - all blocks of the look-back were read */
    tell(cases: readonly Case[], isComplete: boolean): void {
      tellUntold(cases)
      isCaughtUp ||= isComplete
      for (const one of cases) tellCase(one)
      measure(cases)
    },

    /** Each time: nobody may forget that the daemon stands still. */
    tellHeld(cases: readonly Case[]): void {
      const held = cases.filter(({ next }) => next.kind === 'offer')
      metrics.setHold(true, held.length)
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

/** True of a request that is proven, once; of several logs of one exit for one of them. */
function createProofNews() {
  const told = new Set<string>()
  return ({ request, verdict }: Case): boolean => {
    const { transactionHash, moduleId, operatorId, validatorIndex, pubkey } = request
    const id = [transactionHash, moduleId, operatorId, validatorIndex, pubkey].join()
    if (verdict?.kind !== 'proven' || told.has(id)) return false
    told.add(id)
    return true
  }
}

function tellProven({ verdict }: Case, names: object, log: CycleParts['log']): void {
  if (verdict?.kind !== 'proven') return
  const { by, block, refSlot, transactions, signers, notes } = verdict
  log.info('exit request proven', {
    ...names,
    by,
    ...(block === undefined ? {} : { finalizedBlock: block.hash, confirmedBy: block.confirmedBy }),
    ...(refSlot === undefined ? {} : { reportSlot: refSlot }),
    transactions,
    signers,
    ...(notes.length === 0 ? {} : { notes }),
  })
}

/** Remembers what was said. */
function createNews(now: () => number) {
  const said = new Map<string, { readonly text: string; readonly at: number }>()
  return {
    /** True when this is news about the subject, or an hour has passed since it was said. */
    isNews(subject: string, text: string): boolean {
      const before = said.get(subject)
      if (before?.text === text && now() - before.at < SAY_AGAIN_MS) return false
      said.set(subject, { text, at: now() })
      return true
    },
    forgetOld(): void {
      for (const [subject, { at }] of said) if (now() - at >= SAY_AGAIN_MS) said.delete(subject)
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
