import { setFlagsFromString } from 'node:v8'

/**
 * Garbage is collected once the heap has doubled, and not later: files and answers of nodes by the ten
 * thousand pass through it, and little of them stays.
 */
const HEAP_GROWTH = '--heap-growing-percent=100'
const SLOW_HEAP_GROWTH = '--heap-growing-percent=30'

/**
 * The nursery is looked through in one go, which takes tens of milliseconds for a large one: it
 * stays as small as it is at first.
 */
const SMALL_NURSERY = '--semi-space-growth-factor=1'

/**
 * Only what runs for long is compiled for speed. By default a tenth of all work of a start is to
 * compile what is hardly needed any more once that is done. From V8 12 on it is chosen more carefully.
 */
const LATE_COMPILING = '--interrupt-budget=1000000'
const V8_OF_NODE_20 = 11

/** For the whole process. Node.js 20 to 26 know these; an unknown one would be complained of. */
export function settleV8(): void {
  setFlagsFromString(HEAP_GROWTH)
  keepNurserySmall()
  if (Number.parseInt(process.versions.v8, 10) === V8_OF_NODE_20) setFlagsFromString(LATE_COMPILING)
}

/**
 * Where so much stays that as much again is a hundred MiB. Each collection holds up whoever asks
 * meanwhile: a small heap is better off without.
 */
export const growHeapSlowly = () => setFlagsFromString(SLOW_HEAP_GROWTH)

/** To be said by each thread as it starts, since that sets it back for all (seen with Node.js 20, not with 24). */
export const keepNurserySmall = () => setFlagsFromString(SMALL_NURSERY)
