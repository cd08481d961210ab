import { pause } from '../lib/deadline.ts'
import type { Endpoints } from '../lib/endpoints.ts'
import { messageOf } from '../lib/message-of.ts'
import { onAbort } from '../lib/on-abort.ts'
import type { Address } from '../lib/primitives.ts'
import type { EarlierReading, Reading } from '../requests/cycle-parts.ts'
import type { ExitRequest } from '../requests/exit-request.ts'
import type { Scope } from '../requests/scope.ts'
import { createCollected } from './collected.ts'
import { createCursorCheck } from './cursor-check.ts'
import type { ExecutionNode } from './execution-node.ts'
import type { LogReader } from './logs.ts'
import { createNodeReader } from './node-reader.ts'
import { createVersionWatch } from './protocol-versions.ts'
import { createReadingProgress } from './reading-progress.ts'

export type ReadingSettings = {
  readonly chainId: bigint
  readonly locator: Address
  readonly scope: Scope
  /** Whose events are believed when they are final, where that is known: it is read as well. */
  readonly exitBus?: Address | undefined
  /** Blocks before the finalized one that are read at start and again each hour. */
  readonly preloadBlocks: number
  /** Blocks that each poll reads again. */
  readonly loopBlocks: number
  /** Requests that one node may bring at once; ten thousand unless given. */
  readonly mostAtOnce?: number | undefined
  /** Ends reading that goes on in the background. */
  readonly lifetime: AbortSignal
}

export type RequestReading = Reading & {
  /** Every module was read up to this block, by some node, but for `unread`. */
  readonly upTo: number | undefined
}

export type RequestReader = (known: EarlierReading, signal: AbortSignal) => Promise<RequestReading>

/** A slow node reads on in the background, while the cycle acts on what is there. */
const PATIENCE_MS = 20_000

/**
 * Reads the finalized requests of the scope from every execution node that is up, the newest blocks
 * first. The union counts: the proof makes that safe.
 */
export function createRequestReader(
  nodes: Endpoints<ExecutionNode>,
  readLogs: LogReader,
  settings: ReadingSettings,
  now: () => number = Date.now,
): RequestReader {
  const { scope, lifetime } = settings
  const hosts = nodes.states().map(({ host }) => host)
  const progress = createReadingProgress(hosts, scope, now)
  /** What nodes gave since the last call; a slow one may still add to it after a call returned. */
  let collected = createCollected(settings.mostAtOnce)
  const cursorCheck = createCursorCheck(
    (alarm) => collected.alarms.push(alarm),
    (warning) => collected.problems.push(warning),
  )
  const versions = createVersionWatch(now)
  const readNode = createNodeReader({
    readLogs,
    settings,
    progress,
    cursorCheck,
    versions,
    collected: () => collected,
    now,
  })

  return async function readRequests(known, signal) {
    const round = readAll(known)
    const patience = new AbortController()
    const stop = onAbort(signal, () => patience.abort())
    await Promise.race([round, pause(PATIENCE_MS, patience.signal)])
    stop()
    patience.abort()
    signal.throwIfAborted()

    const { requests, reportedBy, contracts, problems, alarms, modules } = collected
    collected = createCollected(settings.mostAtOnce)
    return {
      requests: [...requests.values()].toSorted(inOrder),
      reportedBy,
      contracts: [...contracts.values()],
      versionProblem: versions.hasLooked() ? versions.problem() : null,
      upTo: progress.byAny(),
      cursor: cursorCheck.cursorAfter(known, progress.byAll(), progress.coverage()),
      finalizedAt: progress.newestHead(),
      unread: progress.unread(),
      remaining: progress.remaining(),
      complete: [...scope.keys()].every((moduleId) => modules.has(moduleId)),
      problems,
      alarms: [...alarms, ...[versions.alarm()].flatMap((text) => text ?? [])],
    }
  }

  /** Never rejects: what went wrong is among the problems. */
  async function readAll(known: EarlierReading): Promise<void> {
    try {
      const answers = await nodes.every(
        (node, deadline, host) => readNode(node, host, known, deadline),
        lifetime,
      )
      for (const answer of answers) {
        if (!answer.ok) collected.problems.push(`${answer.host}: ${messageOf(answer.error)}`)
      }
      if (answers.length === 0) collected.problems.push('no execution node is up and synced')
    } catch (error) {
      collected.problems.push(messageOf(error))
    }
  }
}

const inOrder = (a: ExitRequest, b: ExitRequest) =>
  a.blockNumber - b.blockNumber || a.logIndex - b.logIndex
