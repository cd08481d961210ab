import { messageOf } from '../lib/message-of.ts'
import type { ModuleId, OperatorId } from '../lib/primitives.ts'
import type { MessageSnapshot } from '../messages/snapshot.ts'
import type { CycleReport, Log } from '../requests/cycle-parts.ts'
import {
  type OperatorOrder,
  provenRequests,
  type Runway,
  runwayOf,
  withoutAsked,
} from '../requests/next-exits.ts'
import type { Scope } from '../requests/scope.ts'
import { HOUR_MS, isDueAt } from './background-reading.ts'
import {
  createOrderReader,
  type FinalizedState,
  type OrderReaderParts,
} from './next-exits-reader.ts'

export type NextExitsParts = OrderReaderParts & {
  readonly scope: Scope
  /** `undefined` before the first load has ended, and in webhook mode. */
  readonly messages: () => MessageSnapshot | undefined
  readonly log: Log
  /** Ends a reading with the daemon. */
  readonly lifetime: AbortSignal
}

/** What was read of one operator, and how far its messages reach, once they are loaded. */
export type NextExitsOfOperator = {
  readonly order: OperatorOrder
  readonly runway: Runway | undefined
}

type Entry = {
  readonly moduleId: ModuleId
  readonly operatorId: OperatorId
  /** Unix ms. */
  dueAt: number
  order: OperatorOrder | undefined
  /** Why the latest reading failed. */
  problem: string | undefined
  /** Proven requests when it was read. */
  asked: number
}

/**
 * Which validators of the scope will be asked for next: read beside the cycle, after the first one,
 * hourly, and when requests were proven; each cycle until it succeeds. An operator that cannot be
 * read costs its own numbers only, and keeps those that it had.
 */
export function createNextExits(parts: NextExitsParts) {
  const { scope, messages, log, now, lifetime } = parts
  const reader = createOrderReader(parts)
  const entries: readonly Entry[] = [...scope].flatMap(([moduleId, operatorIds]) =>
    operatorIds.map((operatorId) => ({
      moduleId,
      operatorId,
      dueAt: 0,
      order: undefined,
      problem: undefined,
      asked: 0,
    })),
  )
  let proven: ReturnType<typeof provenRequests> = []
  let isReading = false

  const askedOf = ({ moduleId, operatorId }: Entry) =>
    proven.filter((one) => one.moduleId === moduleId && one.operatorId === operatorId).length

  const isDue = (entry: Entry) => isDueAt(entry.dueAt, now()) || askedOf(entry) > entry.asked

  async function readDue(): Promise<void> {
    const due = entries.filter(isDue)
    if (due.length === 0) return
    try {
      const state = await reader.state(lifetime)
      for (const moduleId of new Set(due.map((entry) => entry.moduleId))) {
        const ours = due.filter((entry) => entry.moduleId === moduleId)
        await readModule(moduleId, ours, state)
      }
    } catch (error) {
      for (const entry of due) failed(entry, error)
    }
  }

  async function readModule(
    moduleId: ModuleId,
    ours: readonly Entry[],
    state: FinalizedState,
  ): Promise<void> {
    try {
      const module = await reader.module(moduleId, lifetime)
      for (const entry of ours) await readOperator(module, entry, state)
    } catch (error) {
      for (const entry of ours) failed(entry, error)
    }
  }

  async function readOperator(
    module: Awaited<ReturnType<typeof reader.module>>,
    entry: Entry,
    state: FinalizedState,
  ): Promise<void> {
    const asked = askedOf(entry)
    try {
      entry.order = await reader.operator(module, entry.operatorId, state, lifetime)
    } catch (error) {
      failed(entry, error)
      return
    }
    entry.asked = asked
    entry.dueAt = now() + HOUR_MS
    entry.problem = undefined
    const { moduleId, operatorId, order } = entry
    log.debug('next exits: the order was read', {
      module: moduleId,
      operator: operatorId,
      keys: order.keys.length,
    })
  }

  function failed(entry: Entry, error: unknown): void {
    if (lifetime.aborted) return
    entry.dueAt = 0
    const problem = messageOf(error)
    const { moduleId: module, operatorId: operator } = entry
    log[entry.problem === undefined ? 'warn' : 'debug'](
      'next exits: the keys of an operator could not be read; it is tried again at each cycle',
      { module, operator, reason: problem },
    )
    entry.problem = problem
  }

  /** As they are now: what was asked for since the reading, and messages that came since, count. */
  function current(): readonly NextExitsOfOperator[] {
    const exits = messages()?.exits
    return entries.flatMap(({ order: read }) => {
      if (read === undefined) return []
      const order = withoutAsked(read, proven)
      const runway = exits && runwayOf(order.keys, (index) => exits.has(index))
      return [{ order, runway }]
    })
  }

  return {
    current,
    /** Reads in the background what is due, one reading at a time. */
    cycleEnded({ cases }: Pick<CycleReport, 'cases'>): void {
      proven = provenRequests(cases)
      if (isReading) return
      isReading = true
      void readDue().finally(() => {
        isReading = false
      })
    },
  }
}
