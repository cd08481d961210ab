import { setTimeout as delay } from 'node:timers/promises'

/** Long: it is used up only by what fails, and a busy machine may be ten times slower. */
const PATIENCE_MS = 60_000

/**
 * Polls until the check gives something else than `undefined` or `false`. No test sleeps to wait.
 *
 * @throws when the deadline passes, with what was waited for and the last error of the check
 */
export async function until<T>(
  what: string,
  check: () => T | Promise<T>,
  timeoutMs = PATIENCE_MS,
): Promise<Exclude<T, undefined | false>> {
  const deadline = Date.now() + timeoutMs
  let last: unknown
  for (;;) {
    try {
      const value = await check()
      if (value !== undefined && value !== false) return value as Exclude<T, undefined | false>
      last = undefined
    } catch (error) {
      last = error
    }
    if (Date.now() > deadline) {
      throw new Error(`waited ${timeoutMs} ms for: ${what}`, { cause: last })
    }
    await delay(10)
  }
}
