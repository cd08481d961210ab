import { pause } from '../lib/deadline.ts'
import { messageOf } from '../lib/message-of.ts'
import { onAbort } from '../lib/on-abort.ts'
import type { ValidatorIndex } from '../lib/primitives.ts'
import type { MessageLoader } from '../messages/loader.ts'
import { type MessageSnapshot, whyMissing } from '../messages/snapshot.ts'
import type { Metrics } from '../observe/metrics.ts'
import type { Log, Messages } from '../requests/cycle-parts.ts'
import { createLoadReport } from './load-report.ts'

/** How long a cycle waits for a load that it started. */
const PATIENCE_MS = 5_000
/** No pass takes so long, whatever a key derivation costs: its disk or bucket does not answer. */
const STALLED_AFTER_MS = 5 * 60 * 1_000

export type LoadTaskParts = {
  readonly loader: MessageLoader
  readonly log: Log
  readonly metrics: Pick<
    Metrics,
    'setMessages' | 'setMessagesLeft' | 'setLoadProgress' | 'timeMessageReload'
  >
  readonly intervalMs: number
  readonly lifetime: AbortSignal
  /** Starts a cycle soon: something that a request waits for has been loaded. */
  readonly wake: () => void
  /** Told the end of each good load. */
  readonly onLoaded?: (() => void) | undefined
  /** Milliseconds; for tests. */
  readonly patienceMs?: number
  readonly stalledAfterMs?: number
  /** Milliseconds that only go forward; for tests. */
  readonly clock?: () => number
}

type Load = {
  readonly ended: Promise<void>
  /** When the pass under way began. */
  passBeganAt: number
  /** Open requests that had no message when a cycle went on without this load. */
  awaited?: readonly ValidatorIndex[]
}

/**
 * Loading is a task of its own, at most one at a time, that publishes whole snapshots. A cycle
 * starts it and reads what is there: exits never wait for ten thousand files.
 */
export function createLoadTask(parts: LoadTaskParts) {
  const { loader, metrics, intervalMs, lifetime, clock = () => performance.now() } = parts
  const report = createLoadReport(parts.log, metrics, clock)
  let running: Load | undefined
  /** Why the latest load failed, if it did. */
  let problem: string | undefined
  let isLoaded = false

  async function run(load: Omit<Load, 'ended'>): Promise<void> {
    const stop = metrics.timeMessageReload(intervalMs)
    const isFirst = !isLoaded
    const startedAt = clock()
    try {
      for (;;) {
        load.passBeganAt = clock()
        const snapshot = await loader.load(lifetime)
        report.progress(snapshot, startedAt)
        if (snapshot.pending === 0) break
      }
      stop('success')
      problem = undefined
      isLoaded = true
      report.loaded(loader.current())
      parts.onLoaded?.()
    } catch (error) {
      if (lifetime.aborted) return
      stop('error')
      problem = messageOf(error)
    }
    const { awaited } = load
    if (awaited === undefined) return
    // What is missing is said at the end of the first load, and not before.
    const isNews = isFirst
      ? problem !== undefined || awaited.length > 0
      : awaited.some((index) => loader.current()?.exits.has(index))
    if (isNews) parts.wake()
  }

  function start(): Load {
    if (running !== undefined) return running
    const load: Omit<Load, 'ended'> = { passBeganAt: clock() }
    const ended = run(load).finally(() => {
      running = undefined
    })
    running = Object.assign(load, { ended })
    return running
  }

  /** Says so at every cycle; what was loaded before stays in use. */
  function stalled(): string | undefined {
    const silentMs = running === undefined ? 0 : clock() - running.passBeganAt
    if (silentMs < (parts.stalledAfterMs ?? STALLED_AFTER_MS)) return undefined
    return `no progress for ${Math.floor(silentMs / 60_000)} minutes: does MESSAGES_LOCATION answer?`
  }

  return {
    /** Starts the first load before any cycle asks for it. */
    begin: () => void start(),
    /**
     * Starts a load unless one runs, waits a moment for it, and gives what is there. When more
     * turns up at its end, the loop is woken.
     *
     * @param wanted - validators whose exits are requested
     */
    async read(wanted: readonly ValidatorIndex[], signal: AbortSignal): Promise<Messages> {
      const load = start()
      const patience = new AbortController()
      const stop = onAbort(signal, () => patience.abort())
      await Promise.race([load.ended, pause(parts.patienceMs ?? PATIENCE_MS, patience.signal)])
      stop()
      patience.abort()
      signal.throwIfAborted()
      const messages = toMessages(loader.current(), isLoaded, stalled() ?? problem)
      if (running === load) {
        load.awaited = wanted.filter((index) => messages.find(index) === undefined)
      }
      return messages
    },
    isLoaded: () => isLoaded,
    snapshot: () => loader.current(),
  }
}

const toMessages = (
  snapshot: MessageSnapshot | undefined,
  loaded: boolean,
  problem: string | undefined,
): Messages => ({
  loaded,
  problem,
  find: (validator) => snapshot?.exits.get(validator),
  whyMissing: (validator) => snapshot && whyMissing(snapshot, validator),
})
