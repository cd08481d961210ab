import { setMaxListeners } from 'node:events'
import { onAbort } from './on-abort.ts'

/** The work did not end within its time. A transient fault: it says nothing about the answer. */
export class DeadlineError extends Error {
  override readonly name = 'DeadlineError'

  constructor(milliseconds: number) {
    super(`no answer within ${milliseconds} ms`)
  }
}

/**
 * Runs `work` with a signal that fires at the deadline or when `signal` does, and rejects at that
 * moment even if the work ignores its signal.
 *
 * One controller and one held timer per call: on Node 20 `AbortSignal.any` with
 * `AbortSignal.timeout` may lose its time-out to garbage collection, and leaks on signals that
 * live long.
 *
 * @param milliseconds - covers the whole work, reading a body included
 * @throws DeadlineError at the deadline; the reason of `signal` when that fired
 */
export async function withDeadline<T>(
  milliseconds: number,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted()
  const controller = new AbortController()
  // Much of the work below waits on one signal at once: a count of listeners warns of no leak here.
  setMaxListeners(0, controller.signal)
  const timer = setTimeout(() => controller.abort(new DeadlineError(milliseconds)), milliseconds)
  const stop = onAbort(signal, () => controller.abort(signal.reason))
  try {
    return await Promise.race([work(controller.signal), rejection(controller.signal)])
  } finally {
    clearTimeout(timer)
    stop()
  }
}

function rejection(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}

/** Resolves after `milliseconds`, or at once when `signal` fires: callers look at the signal. */
export function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve()
      return
    }
    const done = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, milliseconds)
    signal.addEventListener('abort', done, { once: true })
  })
}

const LONGEST_PAUSE_MS = 10_000
const FIRST_PAUSE_MS = 1_000

/** 1, 2, 4, 8, then 10 s. */
export const pauseBefore = (attempt: number) =>
  Math.min(FIRST_PAUSE_MS * 2 ** attempt, LONGEST_PAUSE_MS)
