import { createClockWatch } from '../../app/clock.ts'
import { createNodes, type Nodes } from '../../app/nodes.ts'
import type { Config } from '../../config.ts'
import { type ChainInfo, createChainInfoReader } from '../../consensus/chain-info.ts'
import { createRegistryReader, type RegistryReader } from '../../consensus/registry-reader.ts'
import { pause, withDeadline } from '../../lib/deadline.ts'
import type { Send } from '../../lib/http.ts'
import { onAbort } from '../../lib/on-abort.ts'
import { createMetrics, type Metrics } from '../../observe/metrics.ts'
import type { Log } from '../../requests/cycle-parts.ts'
import { debugLog } from '../configuration.ts'
import type { CommandContext } from '../context.ts'

/** Told how far long work is. */
export type Progress = (what: string, done: number, total: number) => void

/** The daemon's parts that read, and send nothing. */
export type Parts = {
  readonly config: Config
  readonly nodes: Nodes
  readonly metrics: Metrics
  readonly registry: RegistryReader
  readonly readChainInfo: (signal: AbortSignal) => Promise<ChainInfo>
  /** Seconds that this clock is ahead of the nodes'; `undefined`: no node told its time. */
  readonly clockSkew: () => number | undefined
  readonly isContainer: boolean
  readonly log: Log
  readonly send: Send
  readonly now: () => number
  readonly progress: Progress
}

export function createParts(config: Config, context: CommandContext, progress: Progress): Parts {
  const { now } = context
  const clock = createClockWatch(context.send, now)
  const metrics = createUnreadMetrics(config, progress)
  const nodes = createNodes(config, metrics, undefined, clock.send)
  return {
    config,
    nodes,
    metrics,
    registry: createRegistryReader(nodes.consensus.nodes, now),
    readChainInfo: createChainInfoReader(nodes.consensus.nodes, now),
    clockSkew: clock.skew,
    isContainer: context.isContainer,
    log: debugLog(context),
    send: context.send,
    now,
    progress,
  }
}

/** Metrics that nobody scrapes. Through them the load of the messages says how far it is. */
function createUnreadMetrics(config: Config, progress: Progress): Metrics {
  const metrics = createMetrics({
    prefix: config.promPrefix,
    version: '',
    mode: config.delivery.mode,
    scope: config.scope,
    dryRun: config.dryRun,
    trustMode: config.trustMode,
    nodeMetrics: false,
  })
  return {
    ...metrics,
    setLoadProgress(load) {
      metrics.setLoadProgress(load)
      progress('reading messages', load.done, load.files)
    },
  }
}

/** For one group of questions, ms: time for two calls of a slow node, one after the other. */
const GROUP_MS = 40_000

/** @throws DeadlineError when a group of questions takes longer than it may */
export const inTime = <Value>(
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<Value>,
): Promise<Value> => withDeadline(GROUP_MS, signal, work)

/** What one node answered, or why it did not. */
export type NodeAnswer<Value> =
  | { readonly host: string; readonly value: Value }
  | { readonly host: string; readonly error: unknown }

/** Asks each of these nodes the same, within the time of a group. */
export const askEach = <Value>(
  hosts: readonly string[],
  signal: AbortSignal,
  ask: (host: string, signal: AbortSignal) => Promise<Value>,
): Promise<readonly NodeAnswer<Value>[]> =>
  Promise.all(
    hosts.map(async (host): Promise<NodeAnswer<Value>> => {
      try {
        return { host, value: await inTime(signal, (deadline) => ask(host, deadline)) }
      } catch (error) {
        signal.throwIfAborted()
        return { host, error }
      }
    }),
  )

/** Rejects at once when `signal` fires, whatever the work is at. */
export async function untilInterrupted<Value>(
  signal: AbortSignal,
  work: (lifetime: AbortSignal) => Promise<Value>,
): Promise<Value> {
  signal.throwIfAborted()
  const lifetime = new AbortController()
  const stop = onAbort(signal, () => lifetime.abort(signal.reason))
  const interrupted = new Promise<never>((_, reject) => {
    lifetime.signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
  interrupted.catch(() => {})
  try {
    return await Promise.race([work(lifetime.signal), interrupted])
  } finally {
    stop()
    lifetime.abort(new Error('the command is over'))
  }
}

/** Threads may take this long to end, ms; then they end with the process. */
const CLOSE_MS = 1_000

export const closeQuietly = (close: () => Promise<unknown>) =>
  Promise.race([close().catch(() => {}), pause(CLOSE_MS, new AbortController().signal)])
