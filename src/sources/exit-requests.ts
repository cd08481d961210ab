import type { ExitRequest, RequestKey } from '../domain/exit-request.ts'
import type { Address, ModuleId, OperatorId } from '../domain/primitives.ts'
import { pause } from '../lib/deadline.ts'
import type { Endpoints } from '../lib/endpoints.ts'
import { messageOf } from '../lib/message-of.ts'
import { onAbort } from '../lib/on-abort.ts'
import { type Contracts, resolveContracts } from './contracts.ts'
import type { BlockHead, ExecutionNode } from './execution-node.ts'
import type { ExitEventReader, ExitEvents, Scope } from './exit-events.ts'
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
  /** Highest block read, if any. */
  readonly cursor: number | undefined
}

export type RequestReading = {
  readonly requests: readonly ExitRequest[]
  /** Contracts that nodes resolved, without repetition. */
  readonly contracts: readonly Contracts[]
  /** Every module was read up to this block, by some node. */
  readonly upTo: number | undefined
  /** The same, by every node that was there lately: a restart goes on from here. */
  readonly cursor: number | undefined
  /** Unix seconds of the newest finalized block that any node told. */
  readonly finalizedAt: number | undefined
  /** False when some module could be read from no node, and no node is at it. */
  readonly complete: boolean
  /** What went wrong, a sentence each. Nothing of it is lost: it is read again. */
  readonly problems: readonly string[]
}

export type RequestReader = (known: KnownSoFar, signal: AbortSignal) => Promise<RequestReading>

/** A node may leave logs out for a while: the whole window is read again this often. */
const WHOLE_WINDOW_EVERY_MS = 60 * 60 * 1_000
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
  const states = new Map<string, NodeState>()
  const hosts = nodes.states().map(({ host }) => host)
  const progress = createReadingProgress(hosts, [...scope.keys()], now)
  /** What nodes gave since the last call; a slow one may still add to it after a call returned. */
  let inbox = emptyInbox()

  return async function readRequests(known, signal) {
    const round = readAll(known)
    const patience = new AbortController()
    const stop = onAbort(signal, () => patience.abort())
    await Promise.race([round, pause(PATIENCE_MS, patience.signal)])
    stop()
    patience.abort()
    signal.throwIfAborted()

    const { requests, contracts, problems, modules } = inbox
    inbox = emptyInbox()
    return {
      requests: [...requests.values()],
      contracts: [...contracts.values()],
      upTo: progress.byAny(),
      cursor: laterOf(progress.byAll(), known.cursor),
      finalizedAt: newest(states),
      complete: [...scope.keys()].every((moduleId) => modules.has(moduleId)),
      problems,
    }
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
    const state = stateOf(host)
    if (state.busy) throw new Error('still reading earlier blocks')
    state.busy = true
    try {
      const head = await node.finalizedBlock(signal)
      state.head = head
      const contracts = await contractsOf(node, host, state, known, signal)
      inbox.contracts.set(`${contracts.exitBus}:${contracts.consensus}`, contracts)
      const modules = [...scope].map(([moduleId, operatorIds]) => {
        const query = { exitBus: contracts.exitBus, moduleId, operatorIds }
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
    const module = moduleOf(state, query)
    const { cursor } = module
    // A node behind what it had read before has nothing new to say.
    if (cursor !== undefined && head.number < cursor) {
      throw new Error(`behind what it gave before (block ${head.number}, before ${cursor})`)
    }
    const before = progress.reachedBy(host, query.moduleId) ?? known.cursor ?? head.number
    const windowStart = Math.max(0, Math.min(head.number - preloadBlocks, before))
    progress.beginAt(known.cursor ?? windowStart)
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
      for (const request of events.requests) inbox.requests.set(request.key, request)
      for (const why of events.dropped) {
        inbox.problems.push(`${host}: dropped what was not asked for: ${why}`)
      }
      inbox.modules.add(query.moduleId)
      onRead(events.upTo)
    }
    await readEvents(node, { ...query, fromBlock, toBlock: head.number }, onPart, signal)
  }

  /** A cursor counts for the contract that it was read from, and for no other. */
  function moduleOf(state: NodeState, { moduleId, exitBus }: ModuleQuery): ModuleState {
    const known = state.modules.get(moduleId)
    if (known?.exitBus === exitBus) return known
    const module = { exitBus, cursor: undefined, wholeAt: now(), rereadFrom: undefined }
    state.modules.set(moduleId, module)
    return module
  }

  function stateOf(host: string): NodeState {
    const state = states.get(host) ?? {
      busy: false,
      head: undefined,
      contracts: undefined,
      modules: new Map(),
    }
    states.set(host, state)
    return state
  }
}

type ModuleQuery = {
  readonly exitBus: Address
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

type ModuleState = {
  readonly exitBus: Address
  /** Blocks up to this one were read, from the start of the window. */
  cursor: number | undefined
  /** When the latest look at the whole window began, unix ms. */
  wholeAt: number
  /** Where that look goes on, while it has not ended. */
  rereadFrom: number | undefined
}

type NodeState = {
  busy: boolean
  head: BlockHead | undefined
  contracts: Contracts | undefined
  readonly modules: Map<ModuleId, ModuleState>
}

const emptyInbox = () => ({
  requests: new Map<RequestKey, ExitRequest>(),
  contracts: new Map<string, Contracts>(),
  /** Of which something was read. */
  modules: new Set<ModuleId>(),
  problems: [] as string[],
})

function newest(states: ReadonlyMap<string, NodeState>): number | undefined {
  const times = [...states.values()].flatMap(({ head }) => head?.timestamp ?? [])
  return times.length === 0 ? undefined : Math.max(...times)
}

/** The cursor never goes back: a node that is far behind would make it. */
const laterOf = (a: number | undefined, b: number | undefined) =>
  a === undefined || b === undefined ? (a ?? b) : Math.max(a, b)
