import type { ExecutionNode } from '../execution/execution-node.ts'
import { readLateFees } from '../execution/late-fees.ts'
import { createStakingModuleReader } from '../execution/staking-modules.ts'
import type { Endpoints } from '../lib/endpoints.ts'
import type { Address, ModuleId, OperatorId } from '../lib/primitives.ts'
import type { Log } from '../requests/cycle-parts.ts'
import {
  allowedSeconds,
  describeTimeLeft,
  type LateFee,
  type ModuleTermsOf,
} from '../requests/deadlines.ts'
import { operatorKey } from '../requests/operator-summary.ts'
import type { Scope } from '../requests/scope.ts'
import {
  AGAIN_AFTER_FAILURE_MS,
  createBackgroundReading,
  HOUR_MS,
  isDueAt,
} from './background-reading.ts'

export type ModuleLimitsParts = {
  readonly locator: Address
  readonly scope: Scope
  readonly nodes: Pick<Endpoints<Pick<ExecutionNode, 'call'>>, 'firstUncounted'>
  readonly log: Log
  /** Unix ms. */
  readonly now: () => number
  /** Ends a reading with the daemon. */
  readonly lifetime: AbortSignal
}

export type ModuleLimits = {
  /** As read last; nothing before the first reading. */
  readonly termsOf: ModuleTermsOf
  /**
   * Reads in the background what is due, one reading at a time. Only the first one is waited for, a
   * moment, so that the first word about a request tells its deadline. Never rejects.
   */
  refresh(): Promise<void>
}

type Entry = {
  readonly moduleId: ModuleId
  readonly operatorId: OperatorId
  /** Seconds, as the module gave it. */
  limit: number | undefined
  lateFee: LateFee | undefined
  /** Unix ms. */
  dueAt: number
}

/** How long the first reading may keep a cycle. */
const PATIENCE_MS = 1_000
/** One call each. What is left over has its turn next, before what was read already. */
const OPERATORS_AT_ONCE = 8

/**
 * The exit deadlines of the staking modules in scope, and what lateness costs, for each operator: at
 * start and hourly. The deadline of an operator whose module gives none is the usual one.
 */
export function createModuleLimits(parts: ModuleLimitsParts): ModuleLimits {
  const { scope, nodes, log, now, lifetime } = parts
  const reader = createStakingModuleReader(parts.locator)
  const entries = new Map<string, Entry>(
    [...scope].flatMap(([moduleId, operatorIds]) =>
      operatorIds.map((operatorId) => [
        operatorKey({ moduleId, operatorId }),
        { moduleId, operatorId, limit: undefined, lateFee: undefined, dueAt: 0 },
      ]),
    ),
  )

  const isDue = ({ dueAt }: Entry) => isDueAt(dueAt, now())

  async function readDue(): Promise<void> {
    const due = [...entries.values()]
      .filter(isDue)
      .toSorted((a, b) => a.dueAt - b.dueAt)
      .slice(0, OPERATORS_AT_ONCE)
    for (const moduleId of new Set(due.map((entry) => entry.moduleId))) {
      const ours = due.filter((entry) => entry.moduleId === moduleId)
      try {
        await readModule(moduleId, ours)
      } catch (error) {
        if (lifetime.aborted) return
        for (const entry of ours) entry.dueAt = now() + AGAIN_AFTER_FAILURE_MS
        log.debug('staking module: its deadlines, or what lateness costs, could not be read', {
          module: moduleId,
          error,
        })
      }
    }
  }

  const askAny = <Value>(ask: (node: Pick<ExecutionNode, 'call'>) => Promise<Value>) =>
    nodes.firstUncounted(ask, lifetime)

  async function readModule(moduleId: ModuleId, ours: readonly Entry[]): Promise<void> {
    const { address, limits } = await askAny(async (node) => {
      const router = await reader.router(node, lifetime)
      const { address } = await reader.module(node, router, moduleId, lifetime)
      const limits: (number | undefined)[] = []
      for (const { operatorId } of ours) {
        limits.push(await reader.exitLimit(node, address, operatorId, lifetime))
      }
      return { address, limits }
    })
    ours.forEach((entry, at) => {
      entry.dueAt = now() + HOUR_MS
      set(entry, limits[at])
    })
    const operators = ours.map(({ operatorId }) => operatorId)
    const fees = await askAny((node) => readLateFees(node, address, operators, lifetime))
    ours.forEach((entry, at) => {
      entry.lateFee = fees[at]
    })
  }

  function set(entry: Entry, limit: number | undefined): void {
    const before = allowedSeconds(entry.limit)
    entry.limit = limit
    if (allowedSeconds(limit) === before) return
    log.info('staking module: its deadline for exits is another one than the daemon assumed', {
      module: entry.moduleId,
      operator: entry.operatorId,
      allows: describeTimeLeft(allowedSeconds(limit)),
      assumed: describeTimeLeft(before),
    })
  }

  return {
    termsOf(moduleId, operatorId) {
      const entry = entries.get(operatorKey({ moduleId, operatorId }))
      return { moduleSeconds: entry?.limit, lateFee: entry?.lateFee }
    },
    refresh: createBackgroundReading(readDue, PATIENCE_MS),
  }
}
