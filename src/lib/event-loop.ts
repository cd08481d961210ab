/** The main thread serves timers and sockets after this much work in one go. */
const SLICE_MS = 1
/** Reading the clock costs more than many a step. */
const STEPS_PER_LOOK = 4

let sliceBeganAt = 0
let steps = 0
let nextTurn: Promise<void> | undefined

/**
 * To be called between the steps of long synchronous work, each well under a millisecond. Gives a
 * promise, to be awaited, once the current slice of time is used up: it lets the event loop turn.
 * All work of the process shares one slice, so that ten tasks do not take ten in a row.
 */
export function yieldIfDue(): Promise<void> | undefined {
  if (nextTurn !== undefined) return nextTurn
  steps += 1
  if (steps % STEPS_PER_LOOK !== 0) return undefined
  if (performance.now() - sliceBeganAt < SLICE_MS) return undefined
  nextTurn = eventLoopTurn().then(() => {
    sliceBeganAt = performance.now()
    nextTurn = undefined
  })
  return nextTurn
}

/** Between two pieces of synchronous work that take long each. */
export const eventLoopTurn = () => new Promise<void>((resolve) => void setImmediate(resolve))
