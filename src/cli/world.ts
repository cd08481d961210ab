import { createNodes, type Nodes } from '../app/nodes.ts'
import type { Config } from '../config.ts'
import { type ChainInfo, createChainInfoReader } from '../consensus/chain-info.ts'
import { createRegistryReader, type RegistryReader } from '../consensus/registry-reader.ts'
import { pause, withDeadline } from '../lib/deadline.ts'
import type { Send } from '../lib/http.ts'
import { onAbort } from '../lib/on-abort.ts'
import type { Metrics } from '../observe/metrics.ts'
import type { Log } from '../requests/cycle-parts.ts'
import { type ClockWatch, createClockWatch } from './check/clock.ts'
import { debugLog } from './configuration.ts'
import type { CommandContext } from './context.ts'
import { createQuietMetrics } from './quiet-metrics.ts'

/** The daemon's parts that look at the world, and send nothing. */
export type World = {
  readonly config: Config
  readonly nodes: Nodes
  readonly metrics: Metrics
  readonly registry: RegistryReader
  readonly readChainInfo: (signal: AbortSignal) => Promise<ChainInfo>
  readonly clockWatch: ClockWatch
  readonly log: Log
  readonly send: Send
  readonly now: () => number
  readonly workers: URL
  /** Told how far long work is. */
  readonly progress: (what: string, done: number, total: number) => void
}

/** For one group of checks, ms: time for two calls of a slow node, one after the other. */
const GROUP_MS = 40_000

export function createWorld(
  config: Config,
  context: CommandContext,
  progress: World['progress'],
): World {
  const { now, workers } = context
  const clockWatch = createClockWatch(context.send, now)
  const metrics = createQuietMetrics(config, progress)
  const nodes = createNodes(config, metrics, undefined, clockWatch.send)
  return {
    config,
    nodes,
    metrics,
    registry: createRegistryReader(nodes.consensus.nodes, now),
    readChainInfo: createChainInfoReader(nodes.consensus.nodes, now),
    clockWatch,
    log: debugLog(context),
    send: context.send,
    now,
    workers,
    progress,
  }
}

/** Runs a group of checks within its time. */
export const inTime = <Value>(
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<Value>,
): Promise<Value> => withDeadline(GROUP_MS, signal, work)

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
