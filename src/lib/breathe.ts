/** Long work on the main thread gives way to timers and sockets after this long. */
const SLICE_MS = 4

/**
 * Returns a function to be awaited between the steps of long synchronous work: it lets the event
 * loop turn once the current slice of time is used up, and costs nothing before that.
 */
export function createBreather(sliceMs = SLICE_MS): () => Promise<void> | undefined {
  let startedAt = performance.now()
  return () => {
    if (performance.now() - startedAt < sliceMs) return undefined
    return new Promise((resolve) => {
      setImmediate(() => {
        startedAt = performance.now()
        resolve()
      })
    })
  }
}
