import { NoAnswerError } from '../lib/http.ts'
import { messageOf } from '../lib/message-of.ts'
import type { Address, ModuleId, OperatorId } from '../lib/primitives.ts'
import type { BlockRange } from './block-ranges.ts'
import type { Collected } from './collected.ts'
import { type Contracts, resolveContracts } from './contracts.ts'
import type { CursorCheck } from './cursor-check.ts'
import type { BlockHead, ExecutionNode } from './execution-node.ts'
import type { ExitEventReader } from './exit-events.ts'
import { type ModuleProgress, type NodeProgress, planReading, progressOf } from './node-progress.ts'
import type { VersionWatch } from './protocol-versions.ts'
import type { ReadingProgress } from './reading-progress.ts'
import type { KnownSoFar, ReadingSettings } from './request-reader.ts'
import type { FailedRange } from './unread-blocks.ts'

export type NodeReaderParts = {
  readonly readEvents: ExitEventReader
  readonly settings: ReadingSettings
  readonly progress: ReadingProgress
  readonly cursorCheck: CursorCheck
  readonly versions: VersionWatch
  /** Where what is read now goes: the cycle takes away what is there. */
  readonly collected: () => Collected
  /** Unix ms. */
  readonly now: () => number
}

/** What one node is asked about one module in one round. */
type ModuleTask = {
  readonly node: ExecutionNode
  readonly host: string
  readonly query: {
    /** That of now comes first. */
    readonly exitBuses: readonly [Address, ...Address[]]
    readonly moduleId: ModuleId
    readonly operatorIds: readonly OperatorId[]
  }
  readonly head: BlockHead
  readonly known: KnownSoFar
  readonly signal: AbortSignal
}

/** Blocks: two epochs, more than what the nodes of a balancer differ in. */
const FAR_BEHIND = 64

/** Reads what is due of one node, for every module. */
export function createNodeReader(parts: NodeReaderParts) {
  const { readEvents, settings, progress, cursorCheck, versions, collected, now } = parts
  const { scope, preloadBlocks, loopBlocks, locator } = settings

  /** @throws when the node gave nothing for some module */
  return async function readNode(
    node: ExecutionNode,
    host: string,
    known: KnownSoFar,
    signal: AbortSignal,
  ): Promise<void> {
    const state = progress.node(host)
    if (state.busy) throw new Error('still reading earlier blocks')
    state.busy = true
    try {
      const head = await node.finalizedBlock(signal)
      state.head = head
      await cursorCheck.look(node, host, head, known, signal)
      const contracts = await contractsOf(node, host, state, known, signal)
      collected().contracts.set(`${contracts.exitBus}:${contracts.consensus}`, contracts)
      const exitBuses = busesOf(contracts, known)
      const modules = [...scope].map(([moduleId, operatorIds]) => {
        const query = { exitBuses, moduleId, operatorIds }
        return readModule({ node, host, query, head, known, signal }, state)
      })
      const failed = (await Promise.allSettled(modules)).find((run) => run.status === 'rejected')
      if (failed !== undefined) throw failed.reason
      state.readAt = now()
    } finally {
      state.busy = false
    }
  }

  /** The last resolved addresses serve when the node cannot resolve them now. */
  async function contractsOf(
    node: ExecutionNode,
    host: string,
    state: NodeProgress,
    known: KnownSoFar,
    signal: AbortSignal,
  ): Promise<Contracts> {
    try {
      state.contracts = await resolveContracts(node, locator, signal)
      await versions.look(node, host, state.contracts.exitBus, signal).catch((error: unknown) => {
        signal.throwIfAborted()
        collected().problems.push(`${host}: versions of the exit bus: ${messageOf(error)}`)
      })
      return state.contracts
    } catch (error) {
      const last = state.contracts ?? known.contracts
      if (last === undefined) throw error
      collected().problems.push(`${host}: using the last known contracts: ${messageOf(error)}`)
      return last
    }
  }

  /** Blocks that are new or were left out come first, then what is left of the hourly look. */
  async function readModule(task: ModuleTask, state: NodeProgress): Promise<void> {
    const { query, head } = task
    const module = plan(task, state)
    try {
      await readDue(task, module)
      if (module.reread !== undefined) await readAgain(task, module, module.reread)
    } finally {
      if (!module.unread.has(head.number)) collected().modules.add(query.moduleId)
    }
  }

  function plan(task: ModuleTask, state: NodeProgress): ModuleProgress {
    const { query, head, host, known } = task
    const { moduleId } = query
    const module = progressOf(state, moduleId, query.exitBuses[0], now)
    const before = progress.reachedBy(host, moduleId) ?? known.cursor ?? head.number
    const from = cursorCheck.isElsewhere(host) ? before - preloadBlocks : before
    const start = Math.max(0, Math.min(head.number - preloadBlocks, from))
    const earlier = cursorCheck.isDisowned() ? undefined : known.cursor
    progress.beginAt(earlier, start, known.unread ?? [])
    progress.forgetBelow(head.number - preloadBlocks)
    const window = { head: head.number, start, preloadBlocks, loopBlocks }
    const planned = planReading(module, window, now)
    if (planned === 'elsewhere') {
      state.modules.delete(moduleId)
      cursorCheck.disown(host)
      if (cursorCheck.isDisowned()) progress.forgetEarlier()
      return plan(task, state)
    }
    const end = module.end ?? head.number
    if (planned === 'behind' && end - head.number > FAR_BEHIND) {
      collected().problems.push(
        `${host}: its finalized block is behind what it gave before (block ${end}): nothing new is read from it until it is there again`,
      )
    }
    return module
  }

  async function readDue(task: ModuleTask, module: ModuleProgress): Promise<void> {
    const { host, head } = task
    let isAnswered = false
    // A node that is behind would say that there is nothing in blocks it does not have.
    const due = module.unread.due().filter(({ toBlock }) => toBlock <= head.number)
    for (const range of due) {
      try {
        const onFailed = (failed: FailedRange) => module.unread.fail(failed)
        await readRange(task, range, onFailed, (read) => {
          isAnswered = true
          module.unread.read(read)
        })
      } catch (error) {
        if (!(isAnswered && error instanceof NoAnswerError)) {
          module.answers = isAnswered
          throw error
        }
        // The node is there: these blocks are asked for again, and told if that goes on.
        collected().problems.push(`${host}: some blocks are not read yet: ${error.message}`)
        break
      }
    }
    if (isAnswered && !module.answers) module.unread.retryUnanswered()
    if (due.length > 0) module.answers = isAnswered
  }

  /** What it does not give now it gave before: no harm is done. */
  async function readAgain(
    task: ModuleTask,
    module: ModuleProgress,
    range: BlockRange,
  ): Promise<void> {
    const startedAt = performance.now()
    const onPassed = ({ fromBlock }: BlockRange) => {
      module.reread = { ...range, toBlock: fromBlock - 1 }
      module.rereadMs = performance.now() - startedAt
    }
    await readRange(task, range, onPassed, (read) => {
      module.unread.read(read)
      onPassed(read)
    })
    module.reread = undefined
  }

  async function readRange(
    { node, host, query, signal }: ModuleTask,
    range: BlockRange,
    onFailed: (range: FailedRange) => void,
    onRead: (range: BlockRange) => void,
  ): Promise<void> {
    const asked = { ...query, ...range }
    await readEvents(
      node,
      asked,
      ({ requests, dropped, fromBlock, toBlock }) => {
        for (const request of requests) collected().add(host, request)
        for (const why of dropped) {
          collected().problems.push(`${host}: dropped what was not asked for: ${why}`)
        }
        progress.read(query.moduleId, { fromBlock, toBlock })
        onRead({ fromBlock, toBlock })
      },
      signal,
      onFailed,
    )
  }
}

/** What was asked for on an earlier exit bus, just before another one took its place, counts too. */
const busesOf = (
  { exitBus }: Contracts,
  { exitBuses = [] }: KnownSoFar,
): readonly [Address, ...Address[]] => [
  exitBus,
  ...[...exitBuses].filter((earlier) => earlier !== exitBus),
]
