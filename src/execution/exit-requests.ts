import { pause } from '../lib/deadline.ts'
import type { Endpoints } from '../lib/endpoints.ts'
import { messageOf } from '../lib/message-of.ts'
import { onAbort } from '../lib/on-abort.ts'
import type { Address, Bytes32, ModuleId, OperatorId } from '../lib/primitives.ts'
import type { ExitRequest, RequestKey } from '../requests/exit-request.ts'
import type { UnreadBlocks } from '../requests/facts.ts'
import type { Scope } from '../requests/scope.ts'
import { type Contracts, resolveContracts } from './contracts.ts'
import { type Cursor, createCursorCheck, createHeadHashes } from './cursor-check.ts'
import type { BlockHead, ExecutionNode } from './execution-node.ts'
import type { ExitEventReader, ExitEvents } from './exit-events.ts'
import { createNodeStates, type NodeState } from './node-states.ts'
import { createInbox } from './reading.ts'
import { createReadingProgress } from './reading-progress.ts'

export type ReadingSettings = {
  readonly locator: Address
  readonly scope: Scope
  /** Blocks before the finalized one that are read at start and again each hour. */
  readonly preloadBlocks: number
  /** Blocks that each poll reads again. */
  readonly loopBlocks: number
  /** Ends reading that goes on in the background. */
  readonly lifetime: AbortSignal
}

/** What was known before: from the journal, or from an earlier reading. */
export type KnownSoFar = {
  readonly contracts: Contracts | undefined
  /** Every exit bus that any node ever named. */
  readonly exitBuses?: Iterable<Address>
  /** Highest block read, if any, and its hash, if a node told it. */
  readonly cursor: number | undefined
  readonly cursorHash?: Bytes32 | undefined
}

export type RequestReading = {
  readonly requests: readonly ExitRequest[]
  /** Nodes that gave each of them. */
  readonly reportedBy: ReadonlyMap<RequestKey, readonly string[]>
  /** Contracts that nodes resolved, without repetition. */
  readonly contracts: readonly Contracts[]
  /** Every module was read up to this block, by some node. */
  readonly upTo: number | undefined
  /** The same, by every node that was there lately: a restart goes on from here. */
  readonly cursor: Cursor | undefined
  /** Unix seconds of the newest finalized block that any node told. */
  readonly finalizedAt: number | undefined
  /** Blocks that no node gave, and no earlier reading either; lowest first. */
  readonly unread: readonly UnreadBlocks[]
  /** Blocks that are still to be read; `undefined` before any node was asked for some. */
  readonly remaining: number | undefined
  /** False when some module could be read from no node, and no node is at it. */
  readonly complete: boolean
  /** What went wrong, a sentence each. Nothing of it is lost: it is read again. */
  readonly problems: readonly string[]
  /** What the operator must know at once: a node lies, or is on another chain. */
  readonly alarms: readonly string[]
}

export type RequestReader = (known: KnownSoFar, signal: AbortSignal) => Promise<RequestReading>

/** A node may leave logs out for a while: the whole window is read again this often. */
const WHOLE_WINDOW_EVERY_MS = 60 * 60 * 1_000
/** A node that stays behind what it gave is on another chain now, or had lied: it starts over. */
const START_OVER_AFTER_MS = WHOLE_WINDOW_EVERY_MS
/** A slow node reads on in the background, while the cycle acts on what is there. */
const PATIENCE_MS = 20_000

/**
 * Reads the finalized requests of the scope from every execution node that is up. Each node has a
 * cursor of its own for each module, so that a node that lags, or comes back, leaves no gap. The
 * union counts: the proof makes that safe.
 */
export function createRequestReader(
  nodes: Endpoints<ExecutionNode>,
  readEvents: ExitEventReader,
  settings: ReadingSettings,
  now: () => number = Date.now,
): RequestReader {
  const { scope, preloadBlocks, loopBlocks, locator, lifetime } = settings
  const states = createNodeStates(now)
  const hosts = nodes.states().map(({ host }) => host)
  const progress = createReadingProgress(hosts, [...scope.keys()], now)
  /** What nodes gave since the last call; a slow one may still add to it after a call returned. */
  let inbox = createInbox()
  const hashes = createHeadHashes()
  const cursorCheck = createCursorCheck(
    (alarm) => inbox.alarms.push(alarm),
    (warning) => inbox.problems.push(warning),
  )

  return async function readRequests(known, signal) {
    const round = readAll(known)
    const patience = new AbortController()
    const stop = onAbort(signal, () => patience.abort())
    await Promise.race([round, pause(PATIENCE_MS, patience.signal)])
    stop()
    patience.abort()
    signal.throwIfAborted()

    const { requests, reportedBy, contracts, problems, alarms, modules } = inbox
    inbox = createInbox()
    return {
      requests: [...requests.values()],
      reportedBy,
      contracts: [...contracts.values()],
      upTo: progress.byAny(),
      cursor: cursorAfter(known),
      finalizedAt: states.newestHead(),
      unread: [],
      remaining: undefined,
      complete: [...scope.keys()].every((moduleId) => modules.has(moduleId)),
      problems,
      alarms,
    }
  }

  /**
   * It never goes back, since a node that is far behind would make it; except where no node stands
   * by what an earlier process left.
   */
  function cursorAfter({ cursor, cursorHash }: KnownSoFar): Cursor | undefined {
    const reached = progress.byAll()
    const keeps = cursor !== undefined && !cursorCheck.isDisowned()
    if (keeps && cursor > (reached ?? -1)) return { block: cursor, hash: cursorHash }
    if (reached === undefined) return undefined
    const told = hashes.hashOf(reached)
    return { block: reached, hash: told ?? (reached === cursor ? cursorHash : undefined) }
  }

  /** Never rejects: what went wrong is in the inbox. */
  async function readAll(known: KnownSoFar): Promise<void> {
    try {
      const answers = await nodes.every(
        (node, host, deadline) => readNode(node, host, known, deadline),
        lifetime,
      )
      for (const answer of answers) {
        if (!answer.ok) inbox.problems.push(`${answer.host}: ${messageOf(answer.error)}`)
      }
      if (answers.length === 0) inbox.problems.push('no execution node is up and synced')
    } catch (error) {
      inbox.problems.push(messageOf(error))
    }
  }

  async function readNode(
    node: ExecutionNode,
    host: string,
    known: KnownSoFar,
    signal: AbortSignal,
  ): Promise<void> {
    const state = states.of(host)
    if (state.busy) throw new Error('still reading earlier blocks')
    state.busy = true
    try {
      const head = await node.finalizedBlock(signal)
      state.head = head
      hashes.note(head)
      await cursorCheck.look(node, host, head, cursorOf(known), signal)
      const contracts = await contractsOf(node, host, state, known, signal)
      inbox.contracts.set(`${contracts.exitBus}:${contracts.consensus}`, contracts)
      const exitBuses = busesOf(contracts, known)
      const modules = [...scope].map(([moduleId, operatorIds]) => {
        const query = { exitBuses, moduleId, operatorIds }
        return readModule({ node, host, query, head, known, signal }, state)
      })
      const failed = (await Promise.allSettled(modules)).find((run) => run.status === 'rejected')
      if (failed !== undefined) throw failed.reason
      progress.finish(host)
    } finally {
      state.busy = false
    }
  }

  /** The last resolved addresses serve when the node cannot resolve them now. */
  async function contractsOf(
    node: ExecutionNode,
    host: string,
    state: NodeState,
    known: KnownSoFar,
    signal: AbortSignal,
  ): Promise<Contracts> {
    try {
      state.contracts = await resolveContracts(node, locator, signal)
      return state.contracts
    } catch (error) {
      const last = state.contracts ?? known.contracts
      if (last === undefined) throw error
      inbox.problems.push(`${host}: using the last known contracts: ${messageOf(error)}`)
      return last
    }
  }

  /** The latest blocks first, then what is left of the hourly look at the whole window. */
  async function readModule(task: ModuleTask, state: NodeState): Promise<void> {
    const { query, head, host, known } = task
    const module = states.moduleOf(state, query.moduleId, query.exitBuses[0])
    const { cursor } = module
    if (cursor !== undefined && head.number < cursor) {
      // A time ahead was set by a clock that has been set back since.
      module.behindSince = Math.min(module.behindSince ?? now(), now())
      // A node behind what it had read before has nothing new to say.
      if (now() - module.behindSince < START_OVER_AFTER_MS) {
        throw new Error(`behind what it gave before (block ${head.number}, before ${cursor})`)
      }
      state.modules.delete(query.moduleId)
      progress.forget(host, query.moduleId)
      cursorCheck.disown(host)
      return readModule(task, state)
    }
    module.behindSince = undefined
    const before = progress.reachedBy(host, query.moduleId) ?? known.cursor ?? head.number
    const from = cursorCheck.isElsewhere(host) ? before - preloadBlocks : before
    const windowStart = Math.max(0, Math.min(head.number - preloadBlocks, from))
    progress.beginAt(cursorCheck.isDisowned() ? windowStart : (known.cursor ?? windowStart))
    const start = cursor === undefined ? windowStart : Math.max(0, cursor - loopBlocks + 1)
    await readRange(task, start, (upTo) => {
      module.cursor = Math.max(upTo, cursor ?? 0)
      progress.reach(host, query.moduleId, upTo)
    })
    inbox.modules.add(query.moduleId)
    if (cursor === undefined) {
      module.wholeAt = now()
      return
    }
    const age = now() - module.wholeAt
    // A time ahead was set by a clock that has been set back since.
    if (age >= WHOLE_WINDOW_EVERY_MS || age < 0) {
      module.wholeAt = now()
      module.rereadFrom = Math.max(0, head.number - preloadBlocks)
    }
    if (module.rereadFrom === undefined) return
    await readRange(task, module.rereadFrom, (upTo) => {
      module.rereadFrom = upTo + 1
    })
    module.rereadFrom = undefined
  }

  async function readRange(
    { node, host, query, head, signal }: ModuleTask,
    fromBlock: number,
    onRead: (upTo: number) => void,
  ): Promise<void> {
    const onPart = (events: ExitEvents) => {
      for (const request of events.requests) inbox.add(host, request)
      for (const why of events.dropped) {
        inbox.problems.push(`${host}: dropped what was not asked for: ${why}`)
      }
      inbox.modules.add(query.moduleId)
      onRead(events.upTo)
    }
    await readEvents(node, { ...query, fromBlock, toBlock: head.number }, onPart, signal)
  }
}

type ModuleQuery = {
  /** That of now comes first. */
  readonly exitBuses: readonly [Address, ...Address[]]
  readonly moduleId: ModuleId
  readonly operatorIds: readonly OperatorId[]
}

/** What one node is asked about one module in one round. */
type ModuleTask = {
  readonly node: ExecutionNode
  readonly host: string
  readonly query: ModuleQuery
  readonly head: BlockHead
  readonly known: KnownSoFar
  readonly signal: AbortSignal
}

/** What was asked for on an earlier exit bus, just before another one took its place, counts too. */
const busesOf = (
  { exitBus }: Contracts,
  { exitBuses = [] }: KnownSoFar,
): readonly [Address, ...Address[]] => [
  exitBus,
  ...[...exitBuses].filter((earlier) => earlier !== exitBus),
]

const cursorOf = ({ cursor, cursorHash }: KnownSoFar): Cursor | undefined =>
  cursor === undefined ? undefined : { block: cursor, hash: cursorHash }
