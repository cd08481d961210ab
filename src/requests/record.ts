import { isDeepStrictEqual } from 'node:util'
import type { Admission } from './admission.ts'
import type { BlocksReport } from './blocks-report.ts'
import type { CycleReport, FollowingParts, Proofs } from './cycle-parts.ts'
import type { ExitRequest } from './exit-request.ts'
import type { RequestTimes } from './request-times.ts'

type With = {
  readonly times: Pick<RequestTimes, 'note' | 'correct'>
  readonly admission: Pick<Admission, 'admit'>
  readonly reporter: BlocksReport & {
    /** Requests that were not known before. */
    tellNew(requests: readonly ExitRequest[]): void
  }
}

/** Reads exit requests into the journal, and tells what is new, and what could not be read. */
export function createRecorder(parts: FollowingParts, { times, admission, reporter }: With) {
  const { journal, log, metrics } = parts
  let protocol: Pick<CycleReport, 'finalizedAt' | 'versionProblem'> = {
    finalizedAt: undefined,
    versionProblem: undefined,
  }

  /**
   * @param failures - one is added where some part of the scope could not be read
   * @returns whether all blocks of the look-back were read
   */
  async function readAndRecord(
    proofs: Proofs | undefined,
    failures: string[],
    signal: AbortSignal,
  ): Promise<boolean> {
    const start = performance.now()
    const { contracts, exitBuses, cursor, cursorHash, coverage, unread } = journal.facts
    const known = { contracts, exitBuses, cursor, cursorHash, coverage, unread }
    const reading = await parts.readRequests(known, signal)
    const seconds = (performance.now() - start) / 1_000
    metrics.observePolling(reading.requests.length, seconds)

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
      metrics.set('protocol_version_unknown', versionProblem !== undefined)
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

  return {
    readAndRecord,
    /** What nodes said last of the protocol itself. */
    told: () => protocol,
  }
}
