import { inspect } from '../../src/journal/inspect.ts'
import type { Identity } from '../../src/journal/tables.ts'
import type { ValidatorIndex } from '../../src/lib/primitives.ts'
import { RATE_WINDOW_MS } from '../../src/requests/brake.ts'
import { SECONDS_PER_EPOCH } from './network.ts'
import { createRandom } from './random.ts'
import { SoakError } from './soak-error.ts'

const EPOCHS_PER_HOUR = Math.ceil(RATE_WINDOW_MS / 1_000 / SECONDS_PER_EPOCH)

/** The most that were started within any hour. Times are ms, in any order. */
function mostInAnyHour(started: readonly number[]): number {
  const times = started.toSorted((a, b) => a - b)
  return Math.max(
    0,
    ...times.map(
      (first) => times.filter((at) => at >= first && at - first < RATE_WINDOW_MS).length,
    ),
  )
}

/**
 * MAX_EXITS_PER_HOUR of an episode, where it has one, and whether the daemon kept to it. An episode
 * in real time has none: its hour would never end.
 */
export function createBrakeCheck(
  seed: number,
  isTimed: boolean,
  journal: { readonly file: string; readonly identity: Identity },
) {
  const limit = isTimed ? createRandom(seed).pick([undefined, 4, 2]) : undefined
  /** Unix ms at which each validator was first seen to be submitted. */
  const firsts = new Map<number, number>()

  return {
    isSet: limit !== undefined,
    env: limit === undefined ? {} : { MAX_EXITS_PER_HOUR: String(limit) },

    /** @param at - unix ms of the cycle that submitted it */
    seen(index: number, at: number): void {
      if (!firsts.has(index)) firsts.set(index, at)
    },

    /** As many were seen within the hour as may be: whoever waits has a reason. */
    isFull(now: number): boolean {
      if (limit === undefined) return false
      const recent = [...firsts.values()].filter((at) => now - at <= RATE_WINDOW_MS)
      return recent.length >= limit
    },

    /** Epochs that so many hours have, where there is a brake. */
    moreEpochs: (hours: number): number => (limit === undefined ? 0 : hours * EPOCHS_PER_HOUR),
    /** Until so many have left. */
    hoursOf: (queue: number): number => Math.ceil(queue / (limit ?? queue)),

    /**
     * What was submitted is in the journal, and by its times there never were more for the first time
     * within an hour. To be called when no daemon runs.
     */
    expectKept(): void {
      if (limit === undefined) return
      const found = inspect(journal.file, journal.identity)
      if (found.kind !== 'journal') throw new SoakError('the journal cannot be read')
      const { firstOffers } = found.facts
      const unwritten = [...firsts.keys()].filter((at) => !firstOffers.has(at as ValidatorIndex))
      if (unwritten.length > 0) throw new SoakError(`submitted, not written: ${unwritten.join()}`)
      const most = mostInAnyHour([...firstOffers.values()])
      if (most > limit) throw new SoakError(`${most} left within an hour, ${limit} may`)
    },
  }
}
export type BrakeCheck = ReturnType<typeof createBrakeCheck>
