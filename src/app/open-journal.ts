import type { Config } from '../config.ts'
import { type Journal, openJournal, takeLock } from '../journal/journal.ts'
import { JournalLockedError } from '../journal/lock.ts'
import { eventLoopTurn } from '../lib/event-loop.ts'
import type { Metrics } from '../observe/metrics.ts'
import type { Log } from '../requests/cycle-parts.ts'
import { StartUpError } from './start-up.ts'

type Parts = {
  readonly config: Pick<Config, 'stateFile' | 'locatorAddress'>
  readonly chainId: bigint
  readonly log: Log
  readonly metrics: Pick<Metrics, 'set'>
  readonly now: () => number
}

/** The journal, and what to call after each cycle, so that its file is looked after. */
export type KeptJournal = Journal & { lookAfter(): void }

/**
 * The journal as configured. Opening it holds everything up for a while: whoever asks meanwhile is
 * answered before and after, and halfway.
 *
 * @throws StartUpError when another daemon writes this file
 */
export async function openKeptJournal(parts: Parts): Promise<KeptJournal> {
  const { config, chainId, log, metrics, now } = parts
  const file = config.stateFile
  await eventLoopTurn()
  const lock = orExplained(() => takeLock({ file, now }))
  await eventLoopTurn()
  const journal = orExplained(() =>
    openJournal({
      file,
      lock,
      identity: { chainId, locator: config.locatorAddress },
      now,
      onProblem: (message) => log.error(message),
      onRecovery: (message) => log.info(message),
    }),
  )
  await eventLoopTurn()
  const tellMetric = () => metrics.set('journal_degraded', journal.degraded())
  tellMetric()
  return {
    ...journal,
    lookAfter() {
      journal.retry()
      tellMetric()
    },
  }
}

function orExplained<T>(open: () => T): T {
  try {
    return open()
  } catch (error) {
    if (error instanceof JournalLockedError) throw new StartUpError(error.message)
    throw error
  }
}
