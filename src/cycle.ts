import { actOn } from './exits/act.ts'
import { createAdmission } from './requests/admission.ts'
import { createAttempt } from './requests/attempt.ts'
import { createBrake } from './requests/brake.ts'
import type { CycleParts, CycleReport, Proofs } from './requests/cycle-parts.ts'
import { createDecider } from './requests/decide.ts'
import { createRecorder } from './requests/record.ts'
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
  const { journal, settings } = parts
  const stepTimes = createStepTimes(parts)
  const lookUp = createValidatorLookUp(parts, stepTimes)
  const times = createRequestTimes(journal.facts, parts.now)
  const decide = createDecider(parts, lookUp, times)
  const reporter = createReporter(parts, stepTimes)
  const admission = createAdmission(parts)
  const brake = createBrake(parts)
  const { readAndRecord, told } = createRecorder(parts, { times, admission, reporter })
  /** By then the journal holds the submission. */
  const offer: CycleParts['offer'] = (request, ...more) => {
    brake.note(request.validatorIndex)
    return parts.offer(request, ...more)
  }
  /** What was proven stays proven, also when a later cycle cannot judge. */
  let proofs: Proofs | undefined

  return async function runCycle(signal: AbortSignal): Promise<CycleReport> {
    const failures: string[] = []
    const attempt = createAttempt(failures, signal)

    await attempt('check nodes', async () => {
      for (const problem of await parts.checkNodes(signal)) reporter.warnOnce(problem)
    })

    const isRead = await attempt('read exit requests', () =>
      readAndRecord(proofs, failures, signal),
    )
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
    const cases = isHeld ? decided : brake.hold(decided, told().finalizedAt)
    reporter.tell(cases, isRead === true)
    if (isHeld) reporter.tellHeld(cases)
    else await actOn(cases, { ...parts, offer }, reporter, signal)
    reporter.sumUp(cases, failures.length === 0)

    const { unread } = journal.facts
    const notReady = unread.length === 0 ? [] : [sumUpUnread(unread)]
    return { failures, cases, isHeld, notReady, ...told() }
  }
}
