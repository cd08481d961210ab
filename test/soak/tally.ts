/** Counts by name, and the worst of what was measured. */
export function createTally() {
  const counts = new Map<string, number>()
  const worst = new Map<string, number>()
  const entries = () => ({ counts: [...counts], worst: [...worst] })
  return {
    counts,
    worst,
    count(name: string, by = 1): void {
      counts.set(name, (counts.get(name) ?? 0) + by)
    },
    measure(name: string, value: number): void {
      worst.set(name, Math.max(worst.get(name) ?? 0, value))
    },
    /** As it goes from one process to another. */
    entries,
    add(other: ReturnType<typeof entries>): void {
      for (const [name, value] of other.counts) this.count(name, value)
      for (const [name, value] of other.worst) this.measure(name, value)
    },
  }
}
export type Tally = ReturnType<typeof createTally>
