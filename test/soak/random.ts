/** The same seed gives the same numbers. Mulberry32: 32 bits of state, good enough for play. */
export function createRandom(seed: number) {
  let state = seed >>> 0

  function next(): number {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }

  return {
    /** 0 or more, below 1. */
    next,
    /** A whole number from 0, below `count`. */
    int: (count: number) => Math.floor(next() * count),
    /** @param probability - 0 never, 1 always */
    chance: (probability: number) => next() < probability,
    pick: <T>(list: readonly T[]): T => list[Math.floor(next() * list.length)] as T,
  }
}
export type Random = ReturnType<typeof createRandom>
