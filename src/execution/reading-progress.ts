import type { ModuleId } from '../lib/primitives.ts'

/** A node that could not be read for so long holds the cursor back no more. */
const GIVEN_UP_AFTER_MS = 24 * 60 * 60 * 1_000

/**
 * How far each node was read without a gap. One node alone may have left something out, so what
 * is remembered across restarts is how far all of them were read that were there lately.
 *
 * @param hosts - every configured node
 */
export function createReadingProgress(
  hosts: readonly string[],
  modules: readonly ModuleId[],
  now: () => number,
) {
  const nodes = new Map(
    hosts.map((host) => [host, { reached: new Map<ModuleId, number>(), readAt: now() }]),
  )
  /** Where this process began: a node that was not read yet was read up to there, earlier. */
  let floor: number | undefined

  const reachedBy = (host: string, moduleId: ModuleId) => nodes.get(host)?.reached.get(moduleId)

  return {
    reachedBy,
    /** @param block - all before it was read by an earlier process, or is of no interest */
    beginAt(block: number): void {
      floor ??= block
    },
    /** Blocks up to this one were read, all before it included. */
    reach(host: string, moduleId: ModuleId, block: number): void {
      const node = nodes.get(host)
      node?.reached.set(moduleId, Math.max(block, node.reached.get(moduleId) ?? 0))
    },
    /** What this node gave was not of its chain. */
    forget(host: string, moduleId: ModuleId): void {
      nodes.get(host)?.reached.delete(moduleId)
    },
    /** All there is to read of this node was read. */
    finish(host: string): void {
      const node = nodes.get(host)
      if (node !== undefined) node.readAt = now()
    },
    /** The lowest, over modules, of the highest block that any node was read up to. */
    byAny(): number | undefined {
      const highest = modules.map((moduleId) =>
        Math.max(...hosts.map((host) => reachedBy(host, moduleId) ?? -1)),
      )
      const lowest = Math.min(...highest)
      return lowest >= 0 ? lowest : undefined
    },
    /** The lowest block that every node was read up to which was there lately. */
    byAll(): number | undefined {
      const any = this.byAny()
      if (any === undefined) return undefined
      const recent = hosts.filter((host) => {
        const readAt = nodes.get(host)?.readAt ?? 0
        return now() - readAt < GIVEN_UP_AFTER_MS
      })
      const reached = recent.flatMap((host) =>
        modules.map((moduleId) => reachedBy(host, moduleId) ?? floor ?? any),
      )
      return Math.max(0, Math.min(any, ...reached))
    },
  }
}
