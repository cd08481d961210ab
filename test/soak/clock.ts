/** A time that passes only when somebody says so. */
export function createClock(start: number) {
  let now = start
  return {
    /** Unix ms. */
    now: () => now,
    pass(milliseconds: number): void {
      now += Math.max(1, Math.round(milliseconds))
    },
  }
}
export type Clock = ReturnType<typeof createClock>
