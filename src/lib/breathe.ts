/** Long work on the main thread gives way to timers and sockets after this long. */
const SLICE_MS = 4
/** Reading the clock and awaiting nothing cost more than many a step. */
const STEPS_PER_LOOK = 16

/**
 * Returns a function to be called between the steps of long synchronous work, each well under a
 * millisecond. Once the current slice of time is used up it gives a promise, to be awaited, that
 * lets the event loop turn.
 */
export function createBreather(): () => Promise<void> | undefined {
  let startedAt = performance.now()
  let steps = 0

  return function breathe() {
    steps += 1
    if (steps % STEPS_PER_LOOK !== 0) return undefined
    if (performance.now() - startedAt < SLICE_MS) return undefined
    return new Promise((resolve) => {
      setImmediate(() => {
        startedAt = performance.now()
        resolve()
      })
    })
  }
}
