import { messageOf } from '../lib/message-of.ts'
import type { Address } from '../lib/primitives.ts'
import type { EarlierReading } from '../requests/cycle-parts.ts'
import type { Collected } from './collected.ts'
import { type Contracts, resolveContracts } from './contracts.ts'
import type { CursorCheck } from './cursor-check.ts'
import type { ExecutionNode } from './execution-node.ts'
import type { LogReader } from './logs.ts'
import { createModuleReader, type ModuleTask } from './module-reader.ts'
import { type ModuleProgress, type NodeProgress, planReading, progressOf } from './node-progress.ts'
import type { VersionWatch } from './protocol-versions.ts'
import type { ReadingProgress } from './reading-progress.ts'
import type { ReadingSettings } from './request-reader.ts'

export type NodeReaderParts = {
  readonly readLogs: LogReader
  readonly settings: ReadingSettings
  readonly progress: ReadingProgress
  readonly cursorCheck: CursorCheck
  readonly versions: VersionWatch
  /** Where what is read now goes: the cycle takes away what is there. */
  readonly collected: () => Collected
  /** Unix ms. */
  readonly now: () => number
}

/** Blocks: two epochs, more than what the nodes of a balancer differ in. */
const FAR_BEHIND = 64
/** Exit buses beside the believed one that are told, so that a node which invents them ends. */
const MAX_DIFFERENCES = 32

/** Reads what is due of one node, for every module. */
export function createNodeReader(parts: NodeReaderParts) {
  const { settings, progress, cursorCheck, versions, collected, now } = parts
  const { scope, preloadBlocks, loopBlocks, locator } = settings
  const readModule = createModuleReader(parts, settings.chainId)

  const differences = new Set<string>()

  /** @throws when the node gave nothing for some module */
  return async function readNode(
    node: ExecutionNode,
    host: string,
    known: EarlierReading,
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
      const exitBuses = busesOf(contracts, known, settings.exitBus)
      compareBuses(host, contracts)
      const modules = [...scope].map(([moduleId, operatorIds]) => {
        const query = { exitBuses, moduleId, operatorIds }
        const task = { node, host, query, head, signal }
        return readModule(task, plan(task, state, known))
      })
      const failed = (await Promise.allSettled(modules)).find((run) => run.status === 'rejected')
      if (failed !== undefined) throw failed.reason
      state.readAt = now()
    } finally {
      state.busy = false
    }
  }

  /** Each difference once. */
  function compareBuses(host: string, { exitBus }: Contracts): void {
    const difference = `${host}:${exitBus}`
    if (settings.exitBus === undefined || settings.exitBus === exitBus) return
    if (differences.has(difference) || differences.size >= MAX_DIFFERENCES) return
    differences.add(difference)
    collected().alarms.push(
      `${host}: the Locator leads to the exit bus ${exitBus}, and EXIT_BUS_ADDRESS is ${settings.exitBus}: no event of the former is proven by finality. If the protocol announced a new exit bus, set EXIT_BUS_ADDRESS to it; otherwise the node lies, or LOCATOR_ADDRESS is wrong`,
    )
  }

  /** The last resolved addresses serve when the node cannot resolve them now. */
  async function contractsOf(
    node: ExecutionNode,
    host: string,
    state: NodeProgress,
    known: EarlierReading,
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

  function plan(task: ModuleTask, state: NodeProgress, known: EarlierReading): ModuleProgress {
    const { query, head, host } = task
    const { moduleId } = query
    const module = progressOf(state, moduleId, query.exitBuses[0], now)
    const before = progress.reachedBy(host, moduleId) ?? known.cursor ?? head.number
    const from = cursorCheck.isElsewhere(host) ? before - preloadBlocks : before
    const start = Math.max(0, Math.min(head.number - preloadBlocks, from))
    progress.beginAt(cursorCheck.isDisowned() ? { ...known, cursor: undefined } : known, start)
    progress.forgetBelow(head.number - preloadBlocks)
    const window = { head: head.number, start, preloadBlocks, loopBlocks }
    const planned = planReading(module, window, now)
    if (planned === 'elsewhere') {
      state.modules.delete(moduleId)
      cursorCheck.disown(host)
      if (cursorCheck.isDisowned()) progress.forgetEarlier()
      return plan(task, state, known)
    }
    const end = module.end ?? head.number
    if (planned === 'behind' && end - head.number > FAR_BEHIND) {
      collected().problems.push(
        `${host}: its finalized block is behind what it gave before (block ${end}): nothing new is read from it until it is there again`,
      )
    }
    return module
  }
}

/** What was asked for on an earlier exit bus, just before another one took its place, counts too. */
const busesOf = (
  { exitBus }: Contracts,
  { exitBuses }: EarlierReading,
  believed: Address | undefined,
): readonly [Address, ...Address[]] => {
  const others = new Set([...exitBuses, ...(believed === undefined ? [] : [believed])])
  others.delete(exitBus)
  return [exitBus, ...others]
}
