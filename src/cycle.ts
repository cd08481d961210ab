import { isDeepStrictEqual } from 'node:util'
import { actOn } from './exits/act.ts'
import { messageOf } from './lib/message-of.ts'
import { createAdmission } from './requests/admission.ts'
import { createBrake } from './requests/brake.ts'
import type { CycleParts, CycleReport, Proofs } from './requests/cycle-parts.ts'
import { createDecider } from './requests/decide.ts'
import { createReporter } from './requests/reporter.ts'
import { createRequestTimes } from './requests/request-times.ts'
import { isInScope } from './requests/scope.ts'
import { createStepTimes } from './requests/step-times.ts'
import { sumUpUnread } from './requests/unread.ts'
import { createValidatorLookUp } from './requests/validator-look-up.ts'

/**
 * The story of one poll: read → record → prove → look up → decide → act → record.
 *
 * Each step stands on its own: what one of them could not learn now is asked for again in the next
 * cycle, and the others go on with what is known.
 */
export function createCycle(parts: CycleParts) {
  const { journal, log, settings } = parts
  const stepTimes = createStepTimes(parts)
  const lookUp = createValidatorLookUp(parts, stepTimes)
  const times = createRequestTimes(journal.facts, parts.now)
  const decide = createDecider(parts, lookUp, times)
  const reporter = createReporter(parts, stepTimes)
  const admission = createAdmission(parts)
  const brake = createBrake(parts)
  /** By then the journal holds the submission. */
  const offer: CycleParts['offer'] = (request, ...more) => {
    brake.note(request.validatorIndex)
    return parts.offer(request, ...more)
  }
  /** What was proven stays proven, also when a later cycle cannot judge. */
  let proofs: Proofs | undefined
  let protocol: Pick<CycleReport, 'finalizedAt' | 'versionProblem'> = {
    finalizedAt: undefined,
    versionProblem: undefined,
  }

  return async function runCycle(signal: AbortSignal): Promise<CycleReport> {
    const failures: string[] = []
    const attempt = createAttempt(failures, signal)

    await attempt('check nodes', async () => {
      for (const problem of await parts.checkNodes(signal)) reporter.warnOnce(problem)
    })

    const isRead = await attempt('read exit requests', () => readAndRecord(failures, signal))
    const read = [...journal.facts.requests.values()]
      .map(({ request }) => request)
      .filter((request) => isInScope(settings.scope, request))

    const judged = await attempt('prove requests', () =>
      parts.prove(admission.inOrder(read, proofs), signal, admission.toldBy),
    )
    failures.push(...(judged?.problems ?? []))
    proofs = judged ?? proofs
    const requests = admission.forget(read, proofs)
    times.keepOnly(requests)

    const proven = requests.filter(({ key }) => proofs?.statusOf(key) === 'proven')
    await attempt('look up validators', () => lookUp.look(proven, signal))
    const wanted = proven.filter((request) => !lookUp.isOver(request))
    const messages = await attempt('read messages', () => parts.readMessages(wanted, signal))
    if (messages?.problem !== undefined) failures.push(`load messages: ${messages.problem}`)

    const chain = await attempt('read chain', () => parts.readChain(signal))
    const decided = await decide(requests, { proofs, messages, chain }, signal)
    journal.append(times.changed(decided.map(({ request }) => request)))
    const isHeld = await parts.isHeld()
    const cases = isHeld ? decided : brake.hold(decided)
    reporter.tell(cases, isRead === true)
    if (isHeld) reporter.tellHeld(cases)
    else await actOn(cases, { ...parts, offer }, reporter, signal)
    reporter.sumUp(cases, failures.length === 0)

    const { unread } = journal.facts
    const notReady = unread.length === 0 ? [] : [sumUpUnread(unread)]
    return { failures, cases, isHeld, notReady, ...protocol }
  }

  /** @returns whether all blocks of the look-back were read */
  async function readAndRecord(failures: string[], signal: AbortSignal): Promise<boolean> {
    const start = performance.now()
    const { contracts, exitBuses, cursor, cursorHash, coverage, unread } = journal.facts
    const known = { contracts, exitBuses, cursor, cursorHash, coverage, unread }
    const reading = await parts.readRequests(known, signal)
    const seconds = (performance.now() - start) / 1_000
    parts.metrics.observePolling(reading.requests.length, seconds)

    const at = parts.now()
    times.note(reading)
    const fresh = admission.admit(reading, proofs)
    journal.append([
      ...reading.contracts.map((found) => ({ kind: 'contracts' as const, ...found })),
      ...fresh.map((request) => ({ kind: 'request' as const, at, request })),
      ...(reading.cursor === undefined ? [] : [{ kind: 'cursor' as const, ...reading.cursor }]),
      ...(isDeepStrictEqual(unread, reading.unread)
        ? []
        : [{ kind: 'unread' as const, blocks: reading.unread }]),
    ])
    const { versionProblem } = reading
    if (versionProblem !== null) {
      parts.metrics.set('protocol_version_unknown', versionProblem !== undefined)
    }
    protocol = {
      finalizedAt: reading.finalizedAt ?? protocol.finalizedAt,
      versionProblem: versionProblem === null ? protocol.versionProblem : versionProblem,
    }
    reporter.tellUnread(reading.unread, unread)
    reporter.tellNew(fresh.map((request) => times.correct(request)))
    for (const alarm of reading.alarms) log.error(alarm)
    for (const problem of reading.problems) reporter.warnOnce(problem)
    if (reading.finalizedAt !== undefined) reporter.tellFinalized(reading.finalizedAt)
    if (!reading.complete) failures.push(`read exit requests: ${reading.problems.join('; ')}`)
    return reading.complete
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
