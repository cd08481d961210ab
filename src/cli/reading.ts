import { pause } from '../lib/deadline.ts'
import type { CycleParts, Reading } from '../requests/cycle-parts.ts'
import type { ExitRequest } from '../requests/exit-request.ts'

export type ReadToTheEnd = {
  readonly readRequests: CycleParts['readRequests']
  /** Last block that was read so far. */
  readonly readUpTo: () => number | undefined
  readonly first: number
  readonly last: number
  readonly progress: (done: number, total: number) => void
}

/** Between two looks at reading that goes on. */
const LOOK_EVERY_MS = 250
/** A node that gets nowhere for so long will not get there. */
const PATIENCE_MS = 60_000

/**
 * Reads every request of the window. The reader gives what there is after a while, for a cycle that
 * must go on; whoever only looks waits for the rest.
 */
export async function readToTheEnd(
  { readRequests, readUpTo, first, last, progress }: ReadToTheEnd,
  known: Parameters<CycleParts['readRequests']>[0],
  signal: AbortSignal,
): Promise<Reading> {
  const requests = new Map<string, ExitRequest>()
  const contracts = new Map<string, Reading['contracts'][number]>()
  let movedAt = performance.now()
  let before: number | undefined

  for (let round = 1; ; round += 1) {
    const reading = await readRequests(known, signal)
    for (const request of reading.requests) requests.set(request.key, request)
    for (const pair of reading.contracts) contracts.set(Object.values(pair).join(), pair)
    const upTo = readUpTo()
    if (upTo !== undefined) progress(Math.max(0, upTo - first), Math.max(1, last - first))
    const isComplete = upTo !== undefined && upTo >= last
    if (upTo !== before) movedAt = performance.now()
    // In later rounds a node that is at it still says so, and that is no failure.
    const hasFailed = round === 1 && upTo === undefined && reading.problems.length > 0
    const isStuck = hasFailed || performance.now() - movedAt > PATIENCE_MS
    if (isComplete || isStuck) {
      return {
        ...reading,
        requests: [...requests.values()],
        contracts: [...contracts.values()],
        problems: isComplete ? [] : reading.problems,
        complete: isComplete,
      }
    }
    before = upTo
    await pause(LOOK_EVERY_MS, signal)
    signal.throwIfAborted()
  }
}
