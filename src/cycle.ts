import { isDeepStrictEqual } from 'node:util'
import { actOn } from './exits/act.ts'
import { messageOf } from './lib/message-of.ts'
import type { Epoch, ValidatorIndex } from './lib/primitives.ts'
import { createAdmission } from './requests/admission.ts'
import type { Case, CycleParts, CycleReport, Messages, Proofs } from './requests/cycle-parts.ts'
import { type ChainView, derive, next } from './requests/derive.ts'
import type { ExitRequest } from './requests/exit-request.ts'
import { createLookOut } from './requests/registry-watch.ts'
import { createReporter } from './requests/report.ts'
import { isInScope } from './requests/scope.ts'
import { createStopwatch } from './requests/step-times.ts'
import { sumUpUnread } from './requests/unread.ts'

/**
 * The story of one poll: read → record → prove → look up → decide → act → record.
 *
 * Each step stands on its own: what one of them could not learn now is asked for again in the next
 * cycle, and the others go on with what is known.
 */
export function createCycle(parts: CycleParts) {
  const { journal, log, settings } = parts
  const stopwatch = createStopwatch(parts)
  const lookOut = createLookOut(parts, stopwatch)
  const reporter = createReporter(parts, stopwatch)
  const admission = createAdmission(parts)
  /** What was proven stays proven, also when a later cycle cannot judge. */
  let proofs: Proofs | undefined

  return async function runCycle(signal: AbortSignal): Promise<CycleReport> {
    const failures: string[] = []
    const attempt = createAttempt(failures, signal)

    await attempt('check nodes', async () => {
      for (const problem of await parts.checkNodes(signal)) reporter.warnOnce(problem)
    })

    await attempt('read exit requests', () => readAndRecord(failures, signal))
    const read = [...journal.facts.requests.values()]
      .map(({ request }) => request)
      .filter((request) => isInScope(settings.scope, request))

    const judged = await attempt('prove requests', () =>
      parts.prove(admission.inOrder(read, proofs), signal),
    )
    failures.push(...(judged?.problems ?? []))
    proofs = judged ?? proofs
    const requests = admission.forget(read, proofs)

    const proven = requests.filter(({ key }) => proofs?.statusOf(key) === 'proven')
    await attempt('look up validators', () => lookOut.look(proven, signal))
    const wanted = proven.filter(({ validatorIndex }) => !lookOut.isOver(validatorIndex))
    const messages = await attempt('read messages', () => parts.readMessages(wanted, signal))
    if (messages?.problem !== undefined) failures.push(`load messages: ${messages.problem}`)

    const cases = await decide(requests, proofs, messages, signal, attempt)
    reporter.tell(cases, messages)
    const isHeld = await parts.isHeld()
    if (isHeld) reporter.tellHeld(cases)
    else await actOn(cases, parts, reporter, signal)
    reporter.sumUp(cases)

    const { unread } = journal.facts
    return { failures, cases, isHeld, notReady: unread.length === 0 ? [] : [sumUpUnread(unread)] }
  }

  async function readAndRecord(failures: string[], signal: AbortSignal): Promise<void> {
    const start = performance.now()
    const { contracts, exitBuses, cursor, cursorHash, unread } = journal.facts
    const known = { contracts, exitBuses, cursor, cursorHash, unread }
    const reading = await parts.readRequests(known, signal)
    const seconds = (performance.now() - start) / 1_000
    parts.metrics.observePolling(reading.requests.length, seconds)

    const at = parts.now()
    const fresh = admission.admit(reading, proofs)
    journal.append([
      ...reading.contracts.map((found) => ({ kind: 'contracts' as const, ...found })),
      ...fresh.map((request) => ({ kind: 'request' as const, at, request })),
      ...(reading.cursor === undefined ? [] : [{ kind: 'cursor' as const, ...reading.cursor }]),
      ...(isDeepStrictEqual(unread, reading.unread)
        ? []
        : [{ kind: 'unread' as const, blocks: reading.unread }]),
    ])
    reporter.tellUnread(reading.unread, unread)
    for (const request of fresh) reporter.tellNew(request)
    for (const alarm of reading.alarms) log.error(alarm)
    for (const problem of reading.problems) reporter.warnOnce(problem)
    if (reading.finalizedAt !== undefined) reporter.tellFinalized(reading.finalizedAt)
    if (!reading.complete) failures.push(`read exit requests: ${reading.problems.join('; ')}`)
  }

  /** What each request is, and what is to be done about it now. */
  async function decide(
    requests: readonly ExitRequest[],
    proofs: Proofs | undefined,
    messages: Messages | undefined,
    signal: AbortSignal,
    attempt: Attempt,
  ): Promise<readonly Case[]> {
    const chain = await attempt('read chain', () => parts.readChain(signal))
    const view: ChainView = {
      // Unknown holds nothing back: an exit that is too early is refused, and offered again.
      currentEpoch: chain?.currentEpoch ?? ((2n ** 64n - 1n) as Epoch),
      shardCommitteePeriod: chain?.shardCommitteePeriod ?? 0n,
      hasPendingPartialWithdrawal: false,
    }
    const decideWith = (withdrawals: ReadonlySet<ValidatorIndex>) =>
      requests.map((request) => decideOne(request, proofs, messages, view, withdrawals))

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
    request: ExitRequest,
    proofs: Proofs | undefined,
    messages: Messages | undefined,
    view: ChainView,
    withdrawals: ReadonlySet<ValidatorIndex>,
  ): Case {
    const { validatorIndex, key } = request
    const offers = journal.facts.offers.get(validatorIndex)
    const sightings = lookOut.sightingsOf(validatorIndex)
    const status = proofs?.statusOf(key) ?? 'none'
    const proof = status === 'duplicate' ? 'none' : status
    const derived = derive(proof, offers, sightings)
    // After a restart, until a node answers, what the journal saw settled is settled. That holds too
    // where its signers have left the allowlist since: nobody need prove what is over.
    const wasSettled =
      sightings === undefined && journal.facts.sightings.get(validatorIndex) === 'settled'
    const state = wasSettled ? 'settled' : derived
    const message = messages?.find(validatorIndex)
    const means =
      settings.mode === 'webhook'
        ? ({ kind: 'webhook' } as const)
        : ({ kind: 'message', exit: message?.exit, loaded: messages?.loaded ?? false } as const)
    const chain = { ...view, hasPendingPartialWithdrawal: withdrawals.has(validatorIndex) }
    const now = parts.now()
    // A clock that was set back must not hold an exit until it is where it was.
    const isDatedAhead = offers !== undefined && offers.lastAcceptedAt > now
    const nextOfferAt = offers === undefined || isDatedAhead ? undefined : parts.nextOfferAt(offers)
    return {
      request,
      state,
      message,
      verdict: proofs?.verdictOf(key),
      next: next(request, state, sightings, means, chain, nextOfferAt, now),
    }
  }
}

type Attempt = <Value>(what: string, work: () => Promise<Value>) => Promise<Value | undefined>

/** A step that fails is noted and does not stop the others; only the end of the cycle does. */
function createAttempt(failures: string[], signal: AbortSignal): Attempt {
  return async function attempt(what, work) {
    try {
      return await work()
    } catch (error) {
      signal.throwIfAborted()
      failures.push(`${what}: ${messageOf(error)}`)
      return undefined
    }
  }
}
