import { DeadlineError, pauseBefore, pause as realPause, withDeadline } from '../lib/deadline.ts'
import type { CycleReport, Log } from '../requests/cycle-parts.ts'

export type LoopParts = {
  readonly runCycle: (signal: AbortSignal) => Promise<Pick<CycleReport, 'failures'>>
  readonly intervalMs: number
  readonly log: Log
  /** Told the end of each cycle, failed ones too. */
  readonly onCycle: (ok: boolean, failures: readonly string[]) => void
  /** Starts the clock of a cycle; the function returned stops it. */
  readonly timeCycle: () => (result: 'success' | 'error') => void
  /** Milliseconds that a cycle may take; for tests. */
  readonly deadlineMs?: number
  /** Ends the rest between cycles. */
  readonly waker?: Waker
  /** The rest between cycles; for tests. */
  readonly pause?: typeof realPause
}

/** Ends the rest between two cycles. During a cycle, at most one wake-up is remembered. */
export function createWaker() {
  let rest = new AbortController()
  return {
    wake: () => rest.abort(),
    /** Fires when the rest that comes next shall end. */
    nextRest(): AbortSignal {
      rest = new AbortController()
      return rest.signal
    },
  }
}

export type Waker = ReturnType<typeof createWaker>

/** Longest a cycle may take; a first look-back over a slow node needs minutes. */
const CYCLE_DEADLINE_MS = 10 * 60 * 1_000

/**
 * Runs cycle after cycle, never two at once. After a good one it rests until the interval is over
 * or somebody wakes it; after a failed one it tries again soon.
 *
 * @param stopping - ends the loop after the cycle that runs
 * @param aborting - ends the cycle that runs
 */
export function createLoop(parts: LoopParts) {
  const { runCycle, intervalMs, log, onCycle, timeCycle, pause = realPause } = parts
  const { waker = createWaker() } = parts
  const deadlineMs = parts.deadlineMs ?? CYCLE_DEADLINE_MS

  async function runOne(aborting: AbortSignal, failedBefore: number): Promise<boolean> {
    const stop = timeCycle()
    const failures = await outcome(aborting)
    if (aborting.aborted) return false
    const ok = failures.length === 0
    stop(ok ? 'success' : 'error')
    // A fault that lasts is said less and less often: after 1, 2, 4, 8 … failed cycles.
    const isSaid = Number.isInteger(Math.log2(failedBefore + 1))
    for (const failure of failures) {
      log[isSaid ? 'error' : 'debug'](`cycle failed: ${failure}`, { inARow: failedBefore + 1 })
    }
    onCycle(ok, failures)
    return ok
  }

  async function outcome(aborting: AbortSignal): Promise<readonly string[]> {
    try {
      return (await withDeadline(deadlineMs, aborting, runCycle)).failures
    } catch (error) {
      if (error instanceof DeadlineError) {
        return [`stuck for ${deadlineMs / 60_000} minutes: aborted, the next one follows`]
      }
      if (!aborting.aborted) log.error('cycle: unexpected error', { error })
      return ['unexpected error']
    }
  }

  return {
    async run(stopping: AbortSignal, aborting: AbortSignal): Promise<void> {
      let failedInARow = 0
      while (!stopping.aborted) {
        const rest = waker.nextRest()
        const start = performance.now()
        failedInARow = (await runOne(aborting, failedInARow)) ? 0 : failedInARow + 1
        const left = intervalMs - (performance.now() - start)
        const rested =
          failedInARow > 0 ? Math.min(pauseBefore(failedInARow - 1), intervalMs) : Math.max(0, left)
        stopping.addEventListener('abort', waker.wake, { once: true })
        if (!stopping.aborted) await pause(rested, rest)
        stopping.removeEventListener('abort', waker.wake)
      }
    },
    wake: waker.wake,
  }
}
