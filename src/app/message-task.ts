import type { HeldMessage, Log, Messages } from '../cycle/types.ts'
import type { ValidatorIndex } from '../domain/primitives.ts'
import { pause } from '../lib/deadline.ts'
import type { Metrics } from '../sinks/metrics.ts'
import type { MessageSnapshot } from '../sources/messages/snapshot.ts'

/** How long a cycle waits for a load that it started. */
const PATIENCE_MS = 5_000

export type MessageTaskParts = {
  readonly load: (signal: AbortSignal) => Promise<MessageSnapshot>
  readonly log: Log
  readonly metrics: Pick<Metrics, 'setMessages' | 'setMessagesLeft' | 'timeMessageReload'>
  readonly intervalMs: number
  /** Ends a load with the daemon; a load may outlive the cycle that started it. */
  readonly lifetime: AbortSignal
}

/**
 * Loading is a task of its own, at most one at a time, that publishes whole snapshots. A cycle
 * starts it and reads what is there: exits never wait for ten thousand files.
 */
export function createMessageTask(parts: MessageTaskParts) {
  const { load, log, metrics, intervalMs, lifetime } = parts
  let snapshot: MessageSnapshot | undefined
  let running: Promise<void> | undefined
  let failure: string | undefined
  let refusedBefore = new Set<string>()

  async function run(): Promise<void> {
    const stop = metrics.timeMessageReload(intervalMs)
    try {
      const loaded = await load(lifetime)
      stop('success')
      failure = undefined
      tell(loaded)
      snapshot = loaded
    } catch (error) {
      if (lifetime.aborted) return
      stop('error')
      failure = error instanceof Error ? error.message : String(error)
    }
  }

  function tell(loaded: MessageSnapshot): void {
    const used = [...loaded.exits.values()].filter((held) => held.used).length
    const valid = loaded.exits.size
    metrics.setMessages(valid, loaded.refused.length)
    metrics.setMessagesLeft(valid - used, used)
    const refused = new Map(
      loaded.refused.map((refusal) => [
        `${refusal.file}:${refusal.entry ?? ''}:${refusal.code}:${refusal.detail}`,
        refusal,
      ]),
    )
    for (const [id, refusal] of refused) {
      if (!refusedBefore.has(id)) log.warn('message refused', refusal)
    }
    refusedBefore = new Set(refused.keys())
    const isNews =
      snapshot?.exits.size !== valid ||
      snapshot.refused.length !== loaded.refused.length ||
      snapshot.files !== loaded.files
    if (isNews) {
      log.info('messages loaded', {
        files: loaded.files,
        valid,
        left: valid - used,
        used,
        refused: loaded.refused.length,
      })
    }
    if (loaded.files === 0) {
      log.error('the messages location holds no .json file: no exit can be submitted')
    }
  }

  return {
    /** Starts a load unless one runs, waits a moment for it, and gives the latest snapshot. */
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
      return toMessages(snapshot, failure)
    },
    isLoaded: () => snapshot !== undefined,
    /** Resolves when no load is under way. */
    settled: async () => {
      await running
    },
  }
}

function toMessages(snapshot: MessageSnapshot | undefined, problem: string | undefined): Messages {
  const exits: ReadonlyMap<ValidatorIndex, HeldMessage> = snapshot?.exits ?? new Map()
  return {
    loaded: snapshot !== undefined,
    exits,
    problem,
    whyMissing(validator) {
      const refusal = snapshot?.refused.find((one) => one.validatorIndex === validator)
      return refusal && `${refusal.file} was refused: ${refusal.code}: ${refusal.detail}`
    },
  }
}
