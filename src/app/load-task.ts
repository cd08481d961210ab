import type { Log, Messages } from '../cycle/types.ts'
import { pause } from '../lib/deadline.ts'
import type { Metrics } from '../sinks/metrics.ts'
import type { MessageLoader } from '../sources/messages/loader.ts'
import type { MessageSnapshot, RefusedMessage } from '../sources/messages/snapshot.ts'

/** How long a cycle waits for a load that it started. */
const PATIENCE_MS = 5_000

export type LoadTaskParts = {
  readonly loader: MessageLoader
  readonly log: Log
  readonly metrics: Pick<Metrics, 'setMessages' | 'setMessagesLeft' | 'timeMessageReload'>
  readonly intervalMs: number
  readonly lifetime: AbortSignal
}

/**
 * Loading is a task of its own, at most one at a time, that publishes whole snapshots. A cycle
 * starts it and reads what is there: exits never wait for ten thousand files.
 */
export function createLoadTask(parts: LoadTaskParts) {
  const { loader, metrics, intervalMs, lifetime } = parts
  const teller = createTeller(parts.log)
  let running: Promise<void> | undefined
  let problem: string | undefined

  async function run(): Promise<void> {
    const stop = metrics.timeMessageReload(intervalMs)
    try {
      const snapshot = await loader.load(lifetime)
      stop('success')
      problem = undefined
      const used = [...snapshot.exits.values()].filter((held) => held.used).length
      metrics.setMessages(snapshot.exits.size, snapshot.refused.length)
      metrics.setMessagesLeft(snapshot.exits.size - used, used)
      teller.tell(snapshot, used)
    } catch (error) {
      if (lifetime.aborted) return
      stop('error')
      problem = error instanceof Error ? error.message : String(error)
    }
  }

  return {
    /** Starts a load unless one runs, waits a moment for it, and gives what is there. */
    async read(signal: AbortSignal): Promise<Messages> {
      running ??= run().finally(() => {
        running = undefined
      })
      const patience = new AbortController()
      const stop = () => patience.abort()
      signal.addEventListener('abort', stop, { once: true })
      await Promise.race([running, pause(PATIENCE_MS, patience.signal)])
      signal.removeEventListener('abort', stop)
      stop()
      signal.throwIfAborted()
      return toMessages(loader, problem)
    },
    isLoaded: () => loader.current() !== undefined,
  }
}

/** The last whole snapshot, and what the load under way has verified beyond it. */
function toMessages(loader: MessageLoader, problem: string | undefined): Messages {
  const snapshot = loader.current()
  return {
    loaded: snapshot !== undefined,
    problem,
    find: (validator) => snapshot?.exits.get(validator) ?? loader.early().get(validator),
    whyMissing(validator) {
      const refusal = snapshot?.refused.find((one) => one.validatorIndex === validator)
      return refusal && `${refusal.file} was refused: ${refusal.code}: ${refusal.detail}`
    },
  }
}

/** Says what a load changed, a refusal once, and an emptied location each time. */
function createTeller(log: Log) {
  let toldRefusals = new Set<string>()
  let toldCounts = ''

  return {
    tell(snapshot: MessageSnapshot, used: number): void {
      const refusals = new Map(snapshot.refused.map((refusal) => [idOf(refusal), refusal]))
      for (const [id, refusal] of refusals) {
        if (!toldRefusals.has(id)) tellRefusal(refusal)
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
    log.warn(`message refused: ${file}: ${code}: ${detail}`, {
      ...(entry === undefined ? {} : { entry }),
      ...(validatorIndex === undefined ? {} : { validator: validatorIndex }),
    })
  }
}

const idOf = ({ file, entry, code, detail }: RefusedMessage) =>
  JSON.stringify([file, entry, code, detail])
