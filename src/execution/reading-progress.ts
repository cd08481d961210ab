import type { ModuleId } from '../lib/primitives.ts'
import type { EarlierReading } from '../requests/cycle-parts.ts'
import type { UnreadBlocks } from '../requests/facts.ts'
import { type Coverage, coversModule, type Scope } from '../requests/scope.ts'
import { type BlockRange, blocksIn, doOverlap, union, withoutAll } from './block-ranges.ts'
import { createNodeProgress, type NodeProgress, reachedIn } from './node-progress.ts'

/** A node that could not be read for so long holds the cursor back no more. */
const GIVEN_UP_AFTER_MS = 24 * 60 * 60 * 1_000

/**
 * What was read of each node, and what follows from all of them: the cursor, and the blocks that
 * nobody gave. Each node is read on its own, so that one that lags, or comes back, leaves no gap.
 *
 * @param hosts - every configured node
 */
export function createReadingProgress(hosts: readonly string[], scope: Scope, now: () => number) {
  const moduleIds = [...scope.keys()]
  const nodes = new Map(hosts.map((host) => [host, createNodeProgress(now)]))
  /** Blocks that some node gave, or that an earlier process had read. */
  const given = new Map<ModuleId, readonly BlockRange[]>()
  /** What an earlier process could not read. */
  let inherited: readonly UnreadBlocks[] = []
  /** Where this process began: a node that was not read yet was read up to there, earlier. */
  let floor: number | undefined
  /** The lowest block that is read, or was read by an earlier process for the same scope. */
  let lowest: number | undefined

  const reachedBy = (host: string, moduleId: ModuleId) => {
    const module = nodes.get(host)?.modules.get(moduleId)
    return module && reachedIn(module)
  }
  const isGiven = (moduleId: ModuleId) => given.get(moduleId) ?? []

  /** The lowest, over modules, of the highest block that any node was read up to. */
  function byAny(): number | undefined {
    const highest = moduleIds.map((moduleId) =>
      Math.max(...hosts.map((host) => reachedBy(host, moduleId) ?? -1)),
    )
    const lowest = Math.min(...highest)
    return lowest >= 0 ? lowest : undefined
  }

  function toldFor(moduleId: ModuleId): readonly UnreadBlocks[] {
    const found = [...nodes].flatMap(([host, { modules }]): readonly UnreadBlocks[] =>
      (modules.get(moduleId)?.unread.told() ?? []).map(({ fromBlock, toBlock, reason }) => ({
        fromBlock,
        toBlock,
        reason,
        hosts: [host],
      })),
    )
    // Another node that is being read may give them in a moment.
    const expected = [...nodes.values()].flatMap(({ busy, modules }) =>
      busy ? (modules.get(moduleId)?.unread.pending() ?? []) : [],
    )
    return [
      ...withoutAll(found, [...isGiven(moduleId), ...expected]),
      ...withoutAll(inherited, isGiven(moduleId)),
    ]
  }

  return {
    node: (host: string): NodeProgress => {
      const node = nodes.get(host)
      if (node === undefined) throw new Error(`no node is called ${host}`)
      return node
    },
    reachedBy,
    /**
     * The first call counts.
     *
     * @param known - what an earlier process has read: up to the cursor what its coverage says, but
     *   for `unread`
     * @param start - the first block that this process reads
     */
    beginAt({ cursor, coverage, unread }: EarlierReading, start: number): void {
      lowest ??= start
      if (floor !== undefined) return
      floor = cursor ?? start
      if (cursor === undefined) return
      inherited = unread
      if (coverage === undefined) return
      const read = withoutAll([{ fromBlock: coverage.from, toBlock: cursor }], unread)
      const covered = moduleIds.filter((moduleId) => coversModule(coverage, scope, moduleId))
      for (const moduleId of covered) given.set(moduleId, read)
      if (covered.length === moduleIds.length) lowest = Math.min(start, coverage.from)
    },
    /** What the cursor stands for from now on. */
    coverage: (): Coverage | undefined =>
      lowest === undefined ? undefined : { from: lowest, scope },
    /** What was read earlier was of another chain. */
    forgetEarlier(): void {
      inherited = []
      given.clear()
      lowest = undefined
    },
    read(moduleId: ModuleId, range: BlockRange): void {
      given.set(moduleId, union([...isGiven(moduleId), range]))
    },
    /** Blocks before this one are older than the look-back. */
    forgetBelow(block: number): void {
      inherited = withoutAll(inherited, [{ fromBlock: 0, toBlock: block - 1 }])
    },
    byAny,
    /** The lowest block that every node was read up to which was there lately. */
    byAll(): number | undefined {
      const any = byAny()
      if (any === undefined) return undefined
      const recent = hosts.filter(
        (host) => now() - (nodes.get(host)?.readAt ?? 0) < GIVEN_UP_AFTER_MS,
      )
      const reached = recent.flatMap((host) =>
        moduleIds.map((moduleId) => reachedBy(host, moduleId) ?? floor ?? any),
      )
      return Math.max(0, Math.min(any, ...reached))
    },
    /** Blocks that no node gave, of all modules together. */
    unread: (): readonly UnreadBlocks[] => joined(moduleIds.flatMap(toldFor)),
    remaining: () => remainingOf(moduleIds, [...nodes.values()]),
    /** Unix seconds of the newest finalized block that any of them told. */
    newestHead(): number | undefined {
      const times = [...nodes.values()].flatMap(({ head }) => head?.timestamp ?? [])
      return times.length === 0 ? undefined : Math.max(...times)
    },
  }
}

/** Blocks that the node that is nearest to the end has still to give; `undefined`: not known. */
function remainingOf(
  moduleIds: readonly ModuleId[],
  nodes: readonly NodeProgress[],
): number | undefined {
  const ofModule = moduleIds.map((moduleId) => {
    const remaining = nodes.flatMap(({ modules }) => {
      const module = modules.get(moduleId)
      return module?.end === undefined ? [] : blocksIn(module.unread.pending())
    })
    return Math.min(...remaining)
  })
  const most = Math.max(...ofModule)
  return Number.isFinite(most) ? most : undefined
}

/** Lowest first, without overlap; of several reasons one is told. */
const joined = (told: readonly UnreadBlocks[]): readonly UnreadBlocks[] =>
  union(told).map((range) => {
    const parts = told.filter((one) => doOverlap(one, range))
    const hosts = [...new Set(parts.flatMap((one) => one.hosts))]
    return { ...range, reason: parts.at(-1)?.reason ?? '', hosts }
  })

export type ReadingProgress = ReturnType<typeof createReadingProgress>
