import type { ExitRequest, RequestKey } from '../domain/exit-request.ts'
import type { Address, ModuleId, OperatorId } from '../domain/primitives.ts'
import type { Endpoints } from '../lib/endpoints.ts'
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
  /** False when some module could be read from no node. */
  readonly complete: boolean
  /** What went wrong, a sentence each. Nothing of it is lost: it is read again. */
  readonly problems: readonly string[]
}

export type RequestReader = (known: KnownSoFar, signal: AbortSignal) => Promise<RequestReading>

/** A node may leave logs out for a while: the whole window is read again this often. */
const WHOLE_WINDOW_EVERY_MS = 60 * 60 * 1_000

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
  const { scope, preloadBlocks, loopBlocks, locator } = settings
  const states = new Map<string, NodeState>()
  const hosts = nodes.states().map(({ host }) => host)
  const progress = createReadingProgress(hosts, [...scope.keys()], now)
  /** What nodes gave since the last call; a slow one may still add to it after a call returned. */
  let inbox = emptyInbox()
  let wholeWindowAt = now()

  return async function readRequests(known, signal) {
    if (now() - wholeWindowAt >= WHOLE_WINDOW_EVERY_MS) {
      for (const state of states.values()) state.cursors.clear()
      wholeWindowAt = now()
    }
    const answers = await nodes.every(
      (node, host, deadline) => readNode(node, host, known, deadline),
      signal,
    )
    for (const answer of answers) {
      if (!answer.ok) inbox.problems.push(`${answer.host}: ${messageOf(answer.error)}`)
    }
    if (answers.length === 0) inbox.problems.push('no execution node is up and synced')
    const { requests, contracts, problems, modules } = inbox
    inbox = emptyInbox()
    return {
      requests: [...requests.values()],
      contracts: [...contracts.values()],
      upTo: progress.byAny(),
      cursor: laterOf(progress.byAll(), known.cursor),
      complete: [...scope.keys()].every((moduleId) => modules.has(moduleId)),
      problems,
    }
  }

  async function readNode(
    node: ExecutionNode,
    host: string,
    known: KnownSoFar,
    signal: AbortSignal,
  ): Promise<void> {
    const state = stateOf(host)
    if (state.busy) throw new Error('still reading the previous range')
    state.busy = true
    try {
      state.head = await node.finalizedBlock(signal)
      const contracts = await contractsOf(node, host, state, known, signal)
      inbox.contracts.set(`${contracts.exitBus}:${contracts.consensus}`, contracts)
      const modules = [...scope].map(([moduleId, operatorIds]) =>
        readModule(
          node,
          host,
          { state, head: state.head as BlockHead, contracts, known },
          moduleId,
          operatorIds,
          signal,
        ),
      )
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
      const contracts = await resolveContracts(node, locator, signal)
      if (state.contracts !== undefined && state.contracts.exitBus !== contracts.exitBus) {
        state.cursors.clear()
      }
      state.contracts = contracts
      return contracts
    } catch (error) {
      const last = state.contracts ?? known.contracts
      if (last === undefined) throw error
      inbox.problems.push(`${host}: using the last known contracts: ${messageOf(error)}`)
      return last
    }
  }

  async function readModule(
    node: ExecutionNode,
    host: string,
    from: { state: NodeState; head: BlockHead; contracts: Contracts; known: KnownSoFar },
    moduleId: ModuleId,
    operatorIds: readonly OperatorId[],
    signal: AbortSignal,
  ): Promise<void> {
    const { state, head, contracts, known } = from
    const cursor = state.cursors.get(moduleId)
    // A node behind what it had read before has nothing new to say.
    if (cursor !== undefined && head.number < cursor) {
      throw new Error(`behind what it gave before (block ${head.number}, before ${cursor})`)
    }
    const before = progress.reachedBy(host, moduleId) ?? known.cursor ?? head.number
    const windowStart = Math.min(head.number - preloadBlocks, before)
    progress.beginAt(known.cursor ?? windowStart)
    const start = cursor === undefined ? windowStart : cursor - loopBlocks + 1
    const query = { exitBus: contracts.exitBus, moduleId, operatorIds }
    const onPart = (events: ExitEvents) => {
      for (const request of events.requests) inbox.requests.set(request.key, request)
      for (const why of events.dropped) {
        inbox.problems.push(`${host}: dropped what was not asked for: ${why}`)
      }
      // While older blocks are read again the cursor stays where it was.
      state.cursors.set(moduleId, Math.max(events.upTo, cursor ?? 0))
      progress.reach(host, moduleId, events.upTo)
    }
    const range = { fromBlock: Math.max(0, start), toBlock: head.number }
    await readEvents(node, { ...query, ...range }, onPart, signal)
    inbox.modules.add(moduleId)
  }

  function stateOf(host: string): NodeState {
    const state = states.get(host) ?? {
      busy: false,
      head: undefined,
      contracts: undefined,
      cursors: new Map(),
    }
    states.set(host, state)
    return state
  }
}

type NodeState = {
  busy: boolean
  head: BlockHead | undefined
  contracts: Contracts | undefined
  readonly cursors: Map<ModuleId, number>
}

const emptyInbox = () => ({
  requests: new Map<RequestKey, ExitRequest>(),
  contracts: new Map<string, Contracts>(),
  modules: new Set<ModuleId>(),
  problems: [] as string[],
})

/** The cursor never goes back: a node that is far behind would make it. */
const laterOf = (a: number | undefined, b: number | undefined) =>
  a === undefined || b === undefined ? (a ?? b) : Math.max(a, b)

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error))
