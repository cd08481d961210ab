import pLimit from 'p-limit'
import type { ExecutionNode } from '../execution/execution-node.ts'
import { type LateExit, readLateExit } from '../execution/late-exits.ts'
import type { LogReader } from '../execution/logs.ts'
import { createStakingModuleReader, type StakingModule } from '../execution/staking-modules.ts'
import type { Endpoints } from '../lib/endpoints.ts'
import type { Address, ModuleId } from '../lib/primitives.ts'
import type { Log } from '../requests/cycle-parts.ts'
import type { ModuleTermsOf } from '../requests/deadlines.ts'
import type { ExitRequest, RequestKey } from '../requests/exit-request.ts'
import { type Operator, operatorKey } from '../requests/operator-summary.ts'
import {
  AGAIN_AFTER_FAILURE_MS,
  createBackgroundReading,
  HOUR_MS,
  isDueAt,
} from './background-reading.ts'
import { createTriggeredExits } from './triggered-exits.ts'

export type WatchedOperatorsParts = {
  readonly locator: Address
  readonly nodes: Pick<Endpoints<ExecutionNode>, 'firstUncounted'>
  readonly readLogs: LogReader
  /** The last finalized block that is read. */
  readonly head: () => number | undefined
  readonly log: Log
  /** Unix ms. */
  readonly now: () => number
  /** Ends a reading with the daemon. */
  readonly lifetime: AbortSignal
}

/** A module of the protocol, whether it was asked for exits or not. */
export type WatchedModule = StakingModule & {
  /** How many operators it has; `undefined` where it does not tell. */
  readonly operators: number | undefined
}

/** Unix ms from which it is read again. */
type Due = { dueAt: number }
type OperatorEntry = Operator & Due & { limit: number | undefined; name: string | undefined }
type LateEntry = Due & { readonly request: ExitRequest; found: LateExit | undefined }

export type WatchedOperators = ReturnType<typeof createWatchedOperators>

/** How long the first reading may keep a cycle. */
const PATIENCE_MS = 5_000
/** In one reading, so that a cycle asks a bounded number of calls: two calls each, and three. */
const OPERATORS_AT_ONCE = 128
const LATE_AT_ONCE = 64
const CALLS_AT_ONCE = 8

/**
 * What staking modules say of the operators that were asked for exits, and of exits that are late:
 * hourly, in the background, so many at once.
 */
export function createWatchedOperators(parts: WatchedOperatorsParts) {
  const { now, lifetime } = parts
  const reader = createStakingModuleReader(parts.locator)
  const inTurn = pLimit(CALLS_AT_ONCE)
  const modules: Due & { all: readonly WatchedModule[] } = { dueAt: 0, all: [] }
  let operators = new Map<string, OperatorEntry>()
  let late = new Map<RequestKey, LateEntry>()
  const triggered = { dueAt: 0, ...createTriggeredExits(parts.readLogs, lifetime) }

  const isDue = ({ dueAt }: Due) => isDueAt(dueAt, now())
  const dueOf = <Entry extends Due>(entries: ReadonlyMap<unknown, Entry>): readonly Entry[] =>
    [...entries.values()].filter(isDue)
  const dueTriggered = () => (late.size === 0 ? [] : [triggered].filter(isDue))
  const addressOf = (id: ModuleId) => modules.all.find((one) => one.id === id)?.address

  const each = <Entry, Value>(entries: readonly Entry[], ask: (one: Entry) => Promise<Value>) =>
    Promise.all(entries.map((entry) => inTurn(() => ask(entry))))

  async function readModules(node: ExecutionNode): Promise<void> {
    const router = await reader.router(node, lifetime)
    const found = await reader.modules(node, router, lifetime)
    modules.all = await each(found, async (one) => ({
      ...one,
      operators: await reader.operatorCount(node, one.address, lifetime),
    }))
  }

  const readOperators = (due: readonly OperatorEntry[]) => async (node: ExecutionNode) => {
    await each(due, async (entry) => {
      const address = addressOf(entry.moduleId)
      if (address === undefined) return
      entry.limit = await reader.exitLimit(node, address, entry.operatorId, lifetime)
      entry.name = await reader.operatorName(node, address, entry.operatorId, lifetime)
    })
  }

  const readLate = (due: readonly LateEntry[]) => async (node: ExecutionNode) => {
    await each(due, async (entry) => {
      const address = addressOf(entry.request.moduleId)
      if (address === undefined) return
      entry.found = await readLateExit(node, address, entry.request, lifetime)
    })
  }

  const readTriggered = (head: number) => async (node: ExecutionNode) => {
    const oldest = Math.min(...[...late.values()].map(({ request }) => request.blockNumber))
    const addresses = modules.all.map(({ address }) => address)
    await triggered.read(node, addresses, oldest, head)
  }

  async function readDue(): Promise<void> {
    const some = dueOf(operators).slice(0, OPERATORS_AT_ONCE)
    const isNew = some.some(({ moduleId }) => addressOf(moduleId) === undefined)
    if (isDue(modules) || isNew) await attempt(parts, 'their list', [modules], readModules)
    if (modules.all.length === 0) return
    await attempt(parts, 'deadlines and names', some, readOperators(some))
    const few = dueOf(late).slice(0, LATE_AT_ONCE)
    await attempt(parts, 'late exits', few, readLate(few))
    // On its own: logs that no node gives must not hide what the modules say.
    const head = parts.head()
    if (head === undefined) return
    const before = late
    await attempt(parts, 'exits through the execution layer', dueTriggered(), readTriggered(head))
    // What became late meanwhile need not wait for an hour.
    if ([...late.keys()].some((key) => !before.has(key))) triggered.dueAt = 0
  }

  const read = createBackgroundReading(readDue, PATIENCE_MS)

  return {
    termsOf: ((moduleId, operatorId) => ({
      moduleSeconds: operators.get(operatorKey({ moduleId, operatorId }))?.limit,
    })) satisfies ModuleTermsOf,
    nameOf: (operator: Operator) => operators.get(operatorKey(operator))?.name,
    modules: () => modules.all,
    /** What the modules know of late exits. */
    late: (): readonly (LateExit & { readonly request: ExitRequest })[] =>
      [...late.values()].map(({ request, found }) => ({
        request,
        reportedLate: found?.reportedLate ?? false,
        triggered: found?.triggered === true || triggered.has(request.pubkey),
      })),
    /** How much is still to be read. */
    pending: () =>
      [[modules].filter(isDue), dueOf(operators), dueOf(late), dueTriggered()].flat().length,
    /** Exits past their deadline, those that are done since too. Others are forgotten. */
    setLate(requests: readonly ExitRequest[]): void {
      if (requests.some(({ key }) => !late.has(key))) triggered.dueAt = 0
      late = new Map(
        requests.map((request) => [
          request.key,
          late.get(request.key) ?? { request, found: undefined, dueAt: 0 },
        ]),
      )
      if (late.size === 0) triggered.forget()
    },
    /**
     * Reads in the background what is due. Never rejects.
     *
     * @param asked - the most urgent first; others are forgotten
     */
    async refresh(asked: readonly Operator[]): Promise<void> {
      operators = entriesOf(asked, operators)
      await read()
    },
  }
}

/** One question, to the first node that answers. Without an answer it is due again soon. */
async function attempt(
  { nodes, log, now, lifetime }: WatchedOperatorsParts,
  what: string,
  due: readonly Due[],
  ask: (node: ExecutionNode) => Promise<void>,
): Promise<void> {
  if (due.length === 0) return
  try {
    await nodes.firstUncounted(ask, lifetime)
    for (const entry of due) entry.dueAt = now() + HOUR_MS
  } catch (error) {
    if (lifetime.aborted) return
    for (const entry of due) entry.dueAt = now() + AGAIN_AFTER_FAILURE_MS
    log.debug(`staking modules: ${what} could not be read`, { error })
  }
}

/** One for each of these, in their order: what is known stays. */
function entriesOf(
  asked: readonly Operator[],
  known: ReadonlyMap<string, OperatorEntry>,
): Map<string, OperatorEntry> {
  const entries = new Map<string, OperatorEntry>()
  for (const operator of asked) {
    const { moduleId, operatorId } = operator
    const key = operatorKey(operator)
    if (entries.has(key)) continue
    const fresh = { moduleId, operatorId, limit: undefined, name: undefined, dueAt: 0 }
    entries.set(key, known.get(key) ?? fresh)
  }
  return entries
}
