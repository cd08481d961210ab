import { pause } from '../lib/deadline.ts'
import { messageOf } from '../lib/message-of.ts'
import { onAbort } from '../lib/on-abort.ts'
import type { ValidatorIndex } from '../lib/primitives.ts'
import type { Wanted } from '../messages/hints.ts'
import type { MessageLoader } from '../messages/loader.ts'
import type { LoadProgress, MessageSnapshot, RefusedMessage } from '../messages/snapshot.ts'
import type { Metrics } from '../observe/metrics.ts'
import type { Log, Messages } from '../requests/cycle-parts.ts'

/** How long a cycle waits for a load that it started. */
const PATIENCE_MS = 5_000
/** No file takes so long, whatever its key derivation costs: its disk or bucket does not answer. */
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

/** A long load says how far it is this often. */
const PROGRESS_EVERY_MS = 5_000

/**
 * Loading is a task of its own, at most one at a time, that publishes whole snapshots. A cycle
 * starts it and reads what is there: exits never wait for ten thousand files.
 */
export function createLoadTask(parts: LoadTaskParts) {
  const { loader, metrics, intervalMs, lifetime } = parts
  const teller = createTeller(parts.log)
  let running: Promise<void> | undefined
  let problem: string | undefined
  /** When the load under way began, or got on. */
  let movedAt = 0
  let tellProgress = createProgress(parts)
  /** The cycle that started the load has gone on without it. */
  let isLate = false
  /** Open requests that had no message when it did. */
  let awaited = new Set<ValidatorIndex>()

  async function run(wanted: readonly Wanted[]): Promise<void> {
    const stop = metrics.timeMessageReload(intervalMs)
    tellProgress = createProgress(parts)
    movedAt = performance.now()
    const isFirst = loader.current() === undefined
    let hasFailed = false
    try {
      const snapshot = await loader.load(lifetime, wanted)
      stop('success')
      problem = undefined
      const used = [...snapshot.exits.values()].filter((held) => held.used).length
      metrics.setMessages(snapshot.exits.size, snapshot.refused.length)
      metrics.setMessagesLeft(snapshot.exits.size - used, used)
      teller.tell(snapshot, used)
      parts.onLoaded?.()
    } catch (error) {
      if (lifetime.aborted) return
      stop('error')
      problem = messageOf(error)
      hasFailed = true
    }
    // What is missing is said at the end of the first load, and not before.
    const isNews = isFirst
      ? hasFailed || awaited.size > 0
      : [...awaited].some((index) => loader.current()?.exits.has(index))
    if (isLate && isNews) wake()
  }

  /** At most one at a time; one that runs hears who is waited for now. */
  function start(wanted: readonly Wanted[]): Promise<void> {
    if (running !== undefined) loader.prefer(wanted)
    running ??= run(wanted).finally(() => {
      running = undefined
    })
    return running
  }

  /** Says so at every cycle; what was loaded before stays in use. */
  function stalled(): string | undefined {
    const silentMs = performance.now() - movedAt
    if (running === undefined || silentMs < (parts.stalledAfterMs ?? STALLED_AFTER_MS)) return
    return `no progress for ${Math.floor(silentMs / 60_000)} minutes: does MESSAGES_LOCATION answer?`
  }

  function wake(): void {
    awaited = new Set()
    parts.wake()
  }

  return {
    /** Starts the first load before any cycle asks for it. */
    begin: () => void start([]),
    /**
     * Starts a load unless one runs, waits a moment for it, and gives what is there. When more
     * turns up later, the loop is woken.
     *
     * @param wanted - validators whose exits are asked for: their messages are opened first
     */
    async read(wanted: readonly Wanted[], signal: AbortSignal): Promise<Messages> {
      isLate = false
      const load = start(wanted)
      const patience = new AbortController()
      const stop = onAbort(signal, () => patience.abort())
      await Promise.race([load, pause(parts.patienceMs ?? PATIENCE_MS, patience.signal)])
      stop()
      patience.abort()
      signal.throwIfAborted()
      isLate = running !== undefined
      const messages = toMessages(loader, stalled() ?? problem)
      awaited = new Set(
        wanted.flatMap(({ index }) => (messages.find(index) === undefined ? [index] : [])),
      )
      return messages
    },
    isLoaded: () => loader.current() !== undefined,
    snapshot: () => loader.current(),
    /** Hears from the loader how far it is. */
    onProgress(progress: LoadProgress): void {
      movedAt = performance.now()
      tellProgress(progress)
      if (isLate && [...awaited].some((index) => loader.early().has(index))) wake()
    },
  }
}

/** How far a long load is, how many are good, and how long it takes still: a line now and then. */
function createProgress(parts: Pick<LoadTaskParts, 'log' | 'metrics' | 'clock'>) {
  const { log, metrics, clock = () => performance.now() } = parts
  const start = clock()
  let saidAt = start
  return (progress: LoadProgress): void => {
    const { files, done, valid, refused } = progress
    const now = clock()
    const perFile = done === 0 ? undefined : (now - start) / done / 1_000
    const secondsLeft = perFile === undefined ? undefined : Math.ceil(perFile * (files - done))
    metrics.setLoadProgress({ ...progress, secondsLeft: done >= files ? 0 : secondsLeft })
    if (now - saidAt < PROGRESS_EVERY_MS || done >= files) return
    saidAt = now
    log.info('loading messages', { done, of: files, good: valid, refused, secondsLeft })
  }
}

/** The last whole snapshot, and what the load under way has verified beyond it. */
function toMessages(loader: MessageLoader, problem: string | undefined): Messages {
  const snapshot = loader.current()
  // Held on to: when the load ends before the cycle does, what was found stays found.
  const early = loader.early()
  return {
    loaded: snapshot !== undefined,
    problem,
    find: (validator) => snapshot?.exits.get(validator) ?? early.get(validator),
    whyMissing(validator) {
      const refusal = snapshot?.refused.find((one) => one.validatorIndex === validator)
      return refusal && `${refusal.file} was refused: ${refusal.code}: ${refusal.detail}`
    },
  }
}

/** Refusals of one load that get a line each; the metric counts them all. */
const MAX_REFUSAL_LINES = 50

/** Says what a load changed, a refusal once, and an emptied location each time. */
function createTeller(log: Log) {
  let toldRefusals = new Set<string>()
  let toldCounts = ''

  return {
    tell(snapshot: MessageSnapshot, used: number): void {
      const refusals = new Map(snapshot.refused.map((refusal) => [idOf(refusal), refusal]))
      const fresh = [...refusals].flatMap(([id, one]) => (toldRefusals.has(id) ? [] : [one]))
      for (const refusal of fresh.slice(0, MAX_REFUSAL_LINES)) tellRefusal(refusal)
      if (fresh.length > MAX_REFUSAL_LINES) {
        log.warn(`messages refused: ${fresh.length - MAX_REFUSAL_LINES} more, see the first ones`)
      }
      toldRefusals = new Set(refusals.keys())

      const counts = {
        files: snapshot.files,
        valid: snapshot.exits.size,
        left: snapshot.exits.size - used,
        used,
        refused: snapshot.refused.length,
      }
      if (JSON.stringify(counts) !== toldCounts) log.info('messages loaded', counts)
      toldCounts = JSON.stringify(counts)
      if (snapshot.files === 0) {
        log.error('the messages location holds no .json file: no exit can be submitted')
      }
    },
  }

  function tellRefusal({ file, entry, code, detail, validatorIndex }: RefusedMessage): void {
    // Key material in the messages folder is the one refusal that cannot wait.
    const level = code === 'keystore' ? 'error' : 'warn'
    log[level](`message refused: ${file}: ${code}: ${detail}`, {
      ...(entry === undefined ? {} : { entry }),
      ...(validatorIndex === undefined ? {} : { validator: validatorIndex }),
    })
  }
}

const idOf = ({ file, entry, code, detail }: RefusedMessage) =>
  JSON.stringify([file, entry, code, detail])
