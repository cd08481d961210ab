import type { ExecutionNode } from '../execution/execution-node.ts'
import { createStakingModuleReader } from '../execution/staking-modules.ts'
import { pause } from '../lib/deadline.ts'
import type { Endpoint } from '../lib/endpoints.ts'
import type { Address, ModuleId, OperatorId } from '../lib/primitives.ts'
import type { Log } from '../requests/cycle-parts.ts'
import { DELINQUENT_AFTER_S, describeTimeLeft, type ModuleLimitOf } from '../requests/deadlines.ts'
import type { Scope } from '../requests/scope.ts'

export type ModuleLimitsParts = {
  readonly locator: Address
  readonly scope: Scope
  readonly nodes: readonly Endpoint<Pick<ExecutionNode, 'call'>>[]
  /** Hosts of the nodes that may be asked now, best first. */
  readonly healthy: () => readonly string[]
  readonly log: Log
  /** Unix ms. */
  readonly now: () => number
  /** Ends a look in hand with the daemon. */
  readonly lifetime: AbortSignal
}

export type ModuleLimits = {
  /** As read last; nothing before the first look. */
  readonly limitOf: ModuleLimitOf
  /**
   * Reads in the background what is due, one look at a time. Only the first one is waited for, a
   * moment, so that the first word about a request tells its deadline. Never rejects.
   */
  look(): Promise<void>
}

type Entry = {
  readonly moduleId: ModuleId
  readonly operatorId: OperatorId
  limit: number | undefined
  dueAt: number
}

type Found = { router: Address | undefined }

/** How long the first look may keep a cycle. */
const PATIENCE_MS = 1_000
const MINUTE_MS = 60_000
const AGAIN_AFTER_MS = 60 * MINUTE_MS
const AGAIN_AFTER_FAILURE_MS = 5 * MINUTE_MS
/** One call each. What is left over has its turn at the next look, before what was read already. */
const OPERATORS_AT_ONCE = 8

/**
 * The exit deadlines of the staking modules in scope, for each operator: at start and hourly. A
 * node can lie about them, so they only ever bring a deadline forward; one that cannot be read
 * leaves the protocol's own.
 */
export function createModuleLimits(parts: ModuleLimitsParts): ModuleLimits {
  const { scope, nodes, healthy, log, now, lifetime } = parts
  const reader = createStakingModuleReader(parts.locator)
  const entries: readonly Entry[] = [...scope].flatMap(([moduleId, operatorIds]) =>
    operatorIds.map((operatorId) => ({ moduleId, operatorId, limit: undefined, dueAt: 0 })),
  )
  const byOperator = new Map(
    entries.map((entry) => [keyOf(entry.moduleId, entry.operatorId), entry]),
  )
  let looking: Promise<void> | undefined
  let isFirst = true

  /** A time more than an hour ahead was set by a clock that has been set back since. */
  const isDue = ({ dueAt }: Entry) => now() >= dueAt || dueAt - now() > AGAIN_AFTER_MS

  async function look(): Promise<void> {
    const due = entries
      .filter(isDue)
      .toSorted((a, b) => a.dueAt - b.dueAt)
      .slice(0, OPERATORS_AT_ONCE)
    const found: Found = { router: undefined }
    for (const moduleId of new Set(due.map((entry) => entry.moduleId))) {
      const ours = due.filter((entry) => entry.moduleId === moduleId)
      try {
        await readModule(moduleId, ours, found)
      } catch (error) {
        if (lifetime.aborted) return
        for (const entry of ours) entry.dueAt = now() + AGAIN_AFTER_FAILURE_MS
        log.debug('deadlines of a staking module could not be read', { module: moduleId, error })
      }
    }
  }

  /** @param found - the router, once for all modules of one look */
  async function readModule(
    moduleId: ModuleId,
    ours: readonly Entry[],
    found: Found,
  ): Promise<void> {
    const limits = await askAny(async (node) => {
      const router = found.router ?? (await reader.router(node, lifetime))
      const { address } = await reader.module(node, router, moduleId, lifetime)
      // Only one that leads to a module: another node may know better.
      found.router = router
      const each: (number | undefined)[] = []
      for (const { operatorId } of ours) {
        each.push(await reader.exitLimit(node, address, operatorId, lifetime))
      }
      return each
    })
    ours.forEach((entry, at) => {
      entry.dueAt = now() + AGAIN_AFTER_MS
      set(entry, limits[at])
    })
  }

  /** The first answer is enough. A node that gives none is not set aside for it. */
  async function askAny<Value>(
    work: (node: Pick<ExecutionNode, 'call'>) => Promise<Value>,
  ): Promise<Value> {
    let last: unknown = new Error('no node may be asked')
    for (const host of healthy()) {
      const endpoint = nodes.find((one) => one.host === host)
      if (endpoint === undefined) continue
      try {
        return await work(endpoint.node)
      } catch (error) {
        lifetime.throwIfAborted()
        last = error
      }
    }
    throw last
  }

  function set(entry: Entry, limit: number | undefined): void {
    const before = shorterThanUsual(entry.limit)
    entry.limit = limit
    const after = shorterThanUsual(limit)
    if (before === after) return
    const { moduleId: module, operatorId: operator } = entry
    if (after === undefined) {
      log.info('the staking module has no deadline of its own any more', { module, operator })
    } else {
      const allows = describeTimeLeft(after)
      log.info('the staking module has an earlier deadline for exits', { module, operator, allows })
    }
  }

  return {
    limitOf: (moduleId, operatorId) => byOperator.get(keyOf(moduleId, operatorId))?.limit,
    async look() {
      looking ??= look().finally(() => {
        looking = undefined
      })
      if (!isFirst) return
      isFirst = false
      const patience = new AbortController()
      await Promise.race([looking, pause(PATIENCE_MS, patience.signal)])
      patience.abort()
    },
  }
}

const keyOf = (moduleId: ModuleId, operatorId: OperatorId) => `${moduleId}:${operatorId}`

const shorterThanUsual = (limit: number | undefined) =>
  limit !== undefined && limit < DELINQUENT_AFTER_S ? limit : undefined
