import { setTimeout as sleep } from 'node:timers/promises'

/** Often enough that nobody notices the wait, seldom enough to leave two cores to the nodes. */
const POLL_INTERVAL_MS = 250

/**
 * Asks again until `probe` no longer throws; its last complaint is told when time is up.
 *
 * @param withinMs - deadline in milliseconds
 * @throws the signal's reason when it is aborted meanwhile
 */
export async function until<T>(
  what: string,
  withinMs: number,
  signal: AbortSignal,
  probe: () => Promise<T>,
): Promise<T> {
  const deadline = Date.now() + withinMs
  for (;;) {
    signal.throwIfAborted()
    try {
      return await probe()
    } catch (cause) {
      if (Date.now() > deadline) {
        const message = `${what}: not within ${withinMs / 1000} s: ${describe(cause)}`
        throw new Error(message, { cause })
      }
    }
    // An abort cuts the nap short; the next turn of the loop throws its reason.
    await sleep(POLL_INTERVAL_MS, undefined, { signal }).catch(() => undefined)
  }
}

/** On one line, with the cause: `fetch` keeps in it what happened. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const words = error.message.replaceAll(/\s+/g, ' ').trim()
  return error.cause instanceof Error ? `${words} (${error.cause.message})` : words
}
