import { pause } from '../lib/deadline.ts'

/** Milliseconds from one good reading to the next. */
export const HOUR_MS = 60 * 60 * 1_000
/** And from one that failed. */
export const AGAIN_AFTER_FAILURE_MS = 5 * 60 * 1_000

/** @param dueAt - unix ms; a time more than an hour ahead was set by a clock that has been set back since */
export const isDueAt = (dueAt: number, now: number): boolean =>
  now >= dueAt || dueAt - now > HOUR_MS

/**
 * One reading at a time, in the background. The first one is waited for, a moment, so that the first
 * word about a request tells its deadline. Never rejects.
 *
 * @param read - never rejects
 */
export function createBackgroundReading(read: () => Promise<void>, patienceMs: number) {
  let reading: Promise<void> | undefined
  let isFirst = true

  return async function refresh(): Promise<void> {
    reading ??= read().finally(() => {
      reading = undefined
    })
    if (!isFirst) return
    isFirst = false
    const patience = new AbortController()
    await Promise.race([reading, pause(patienceMs, patience.signal)])
    patience.abort()
  }
}
