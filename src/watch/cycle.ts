import { createAdmission } from '../requests/admission.ts'
import { createAttempt } from '../requests/attempt.ts'
import type { Case, CycleReport, FollowingParts, Proofs } from '../requests/cycle-parts.ts'
import { createStandingReader } from '../requests/decide.ts'
import { isOpen } from '../requests/derive.ts'
import type { ExitRequest } from '../requests/exit-request.ts'
import { isLate, type OperatorOverview, overviewOf } from '../requests/protocol.ts'
import { createRecorder } from '../requests/record.ts'
import { createRequestTimes } from '../requests/request-times.ts'
import { isInScope } from '../requests/scope.ts'
import { createStepTimes } from '../requests/step-times.ts'
import { sumUpUnread } from '../requests/unread.ts'
import { createValidatorLookUp } from '../requests/validator-look-up.ts'
import { createWatchReporter } from './reporter.ts'
import type { WatchedModules } from './status.ts'

/** Requests that a node may bring, or that lack a proof: the protocol asks for twenty thousand in a window. */
export const MOST_REQUESTS = 50_000
const NOTHING = { kind: 'nothing' } as const
/** How long an overview serves, ms: scrapes and `/status` ask for it, too. */
const OVERVIEW_MS = 1_000

export type WatchParts = FollowingParts & {
  readonly modules: WatchedModules
  /** BLOCKS_PRELOAD: what is done and older is forgotten. */
  readonly windowBlocks: number
}

/**
 * The story of one look: read → record → prove → look up → tell. It begins as that of `cycle.ts`,
 * and hands out nothing.
 */
export function createWatchCycle(parts: WatchParts) {
  const { journal, log, settings, modules, now } = parts
  const { facts } = journal
  const stepTimes = createStepTimes(parts)
  // Twenty thousand validators: what becomes of each one is told with --debug.
  const lookUp = createValidatorLookUp({ ...parts, log: { ...log, info: log.debug } }, stepTimes)
  const times = createRequestTimes(facts, now)
  const standingOf = createStandingReader(parts, lookUp, times)
  const reporter = createWatchReporter(parts)
  const admission = createAdmission(parts, MOST_REQUESTS)
  const { readAndRecord, told } = createRecorder(parts, { times, admission, reporter })
  let proofs: Proofs | undefined
  let cases: readonly Case[] = []
  let made: { readonly at: number; readonly of: readonly OperatorOverview[] } | undefined
  function overview(): readonly OperatorOverview[] {
    const at = performance.now()
    if (made === undefined || at - made.at > OVERVIEW_MS) {
      made = { at, of: overviewOf(cases, facts, modules, now()) }
    }
    return made.of
  }
  parts.metrics.setExitRequests(overview)

  async function runCycle(signal: AbortSignal): Promise<CycleReport> {
    const failures: string[] = []
    const attempt = createAttempt(failures, signal)

    await attempt('check nodes', async () => {
      for (const problem of await parts.checkNodes(signal)) reporter.warnOnce(problem)
    })
    await attempt('read exit requests', () => readAndRecord(proofs, failures, signal))
    const read = [...facts.requests.values()]
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
    const chain = await attempt('read chain', () => parts.readChain(signal))
    // Those with open requests first: theirs are the deadlines that matter.
    const open = proven.filter((request) => !lookUp.isOver(request))
    await modules.refresh([...open, ...proven])

    const all = requests.map((one): Case => {
      const { request, limit, state, verdict } = standingOf(one, { proofs, chain })
      return { request, limit, state, verdict, message: undefined, next: NOTHING }
    })
    journal.append(times.changed(all.map(({ request }) => request)))
    const past = new Set(all.filter(isPast))
    cases = past.size === 0 ? all : all.filter((one) => !past.has(one))
    forget([...past].map(({ request }) => request))
    modules.setLate(cases.filter((one) => isLate(one, facts, now())).map(({ request }) => request))
    made = undefined
    reporter.tell(overview())

    const { unread } = facts
    const notReady = unread.length === 0 ? [] : [sumUpUnread(unread)]
    return { failures, cases, isHeld: false, notReady, ...told() }
  }

  /** Nothing is to come of it, and it is older than what is read. */
  function isPast({ request, state }: Case): boolean {
    const windowStart = (facts.cursor ?? 0) - parts.windowBlocks
    return !isOpen(state) && state !== 'exiting' && request.blockNumber < windowStart
  }

  function forget(requests: readonly ExitRequest[]): void {
    if (requests.length === 0) return
    journal.append(
      requests.map(({ key, validatorIndex: validator }) => ({ kind: 'forgotten', key, validator })),
    )
    for (const request of requests) {
      lookUp.forget(request.validatorIndex)
      stepTimes.forget(request)
    }
  }

  return { runCycle, overview }
}
