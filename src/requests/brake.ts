import type { ValidatorIndex } from '../lib/primitives.ts'
import type { Case, CycleParts } from './cycle-parts.ts'
import { deadlineOf } from './deadlines.ts'
import { hasBegun } from './facts.ts'

/** MAX_EXITS_PER_HOUR counts within any span of this length. */
export const RATE_WINDOW_MS = 60 * 60 * 1_000

/**
 * When each one of a queue has its turn, the first one first: never more than `limit` within any
 * hour, those that were started before included. A turn of `now` is due.
 *
 * @param started - when others were started, in any order, on the clock of `now` (ms)
 */
export function turnsOf(
  count: number,
  started: readonly number[],
  limit: number,
  now: number,
): readonly number[] {
  const times = started.filter((at) => now - at < RATE_WINDOW_MS).sort((a, b) => a - b)
  const known = times.length
  for (let place = 0; place < count; place += 1) {
    const before = times.at(-limit)
    const isFree = before === undefined || times.length < limit
    times.push(isFree ? now : Math.max(now, before + RATE_WINDOW_MS))
  }
  return times.slice(known)
}

/** A finalized block is about this old when it is known, ms; with a wide margin. */
const FINALITY_LAG_MS = 30 * 60 * 1_000

/**
 * Lets no more new validators leave within an hour than MAX_EXITS_PER_HOUR, those with the nearest
 * deadline first. A validator counts once, at its first submission, whatever the answer is.
 *
 * The journal knows the first submissions over restarts, by the time of day. Within the process a
 * clock counts that only goes forward: to set the time of day opens nothing and holds nothing for
 * ever. A submission that the journal dates ahead counts as one of this moment, and a time of day that
 * is far ahead of the newest finalized block makes none older than that block lets it be.
 */
export function createBrake({
  settings: { maxExitsPerHour: limit },
  journal: { facts },
  now,
  elapsed,
}: Pick<CycleParts, 'settings' | 'journal' | 'now' | 'elapsed'>) {
  const startedAt = new Map<ValidatorIndex, number>()

  function note(validator: ValidatorIndex, latest = now()): void {
    const at = facts.firstOffers.get(validator)
    if (at === undefined || startedAt.has(validator)) return
    startedAt.set(validator, elapsed() - Math.max(0, latest - at))
  }

  /** Validators that are due for the first time, the nearest deadline first. */
  function queueOf(cases: readonly Case[]): readonly ValidatorIndex[] {
    const deadlines = new Map<ValidatorIndex, number>()
    for (const one of cases) {
      const { validatorIndex } = one.request
      if (one.next.kind !== 'offer' || hasBegun(facts, validatorIndex)) continue
      const deadline = deadlineOf(one.request, one.limit)
      deadlines.set(validatorIndex, Math.min(deadline, deadlines.get(validatorIndex) ?? deadline))
    }
    return [...deadlines]
      .sort(([a, first], [b, second]) => first - second || a - b)
      .map(([validator]) => validator)
  }

  return {
    /** To be called as soon as the journal holds a submission. */
    note: (validator: ValidatorIndex) => note(validator),

    /**
     * The same cases; those that have to wait for their turn do so.
     *
     * @param finalizedAt - of the newest finalized block, unix seconds
     */
    hold(cases: readonly Case[], finalizedAt = Infinity): readonly Case[] {
      if (limit === undefined) return cases
      const latest = Math.min(now(), finalizedAt * 1_000 + FINALITY_LAG_MS)
      for (const validator of facts.firstOffers.keys()) note(validator, latest)
      const at = elapsed()
      const queue = queueOf(cases)
      const turns = turnsOf(queue.length, [...startedAt.values()], limit, at)
      const waits = new Map(queue.map((validator, place) => [validator, (turns[place] ?? at) - at]))
      return cases.map((one) => {
        const wait = waits.get(one.request.validatorIndex) ?? 0
        return one.next.kind === 'offer' && wait > 0 ? heldUntil(one, now() + wait) : one
      })
    },
  }
}

const heldUntil = (one: Case, until: number): Case => {
  const detail = `not before ${new Date(until).toISOString().replace(/\.\d+Z$/, 'Z')}`
  return { ...one, next: { kind: 'wait', code: 'rate-limited', detail, until } }
}

/** What MAX_EXITS_PER_HOUR holds back. */
export type RateLimited = {
  readonly requests: number
  /** Of them, those whose turn comes after their deadline. */
  readonly late: number
  /** Seconds until the last of them may be submitted; 0 where nothing is held back. */
  readonly seconds: number
}

/** @param now - unix ms */
export function sumUpRateLimited(cases: readonly Case[], now: number): RateLimited {
  const held = cases.filter(isRateLimited)
  return {
    requests: held.length,
    late: held.filter(isHeldTooLong).length,
    seconds: held.reduce((most, { next }) => Math.max(most, untilOf(next) - now), 0) / 1_000,
  }
}

const isRateLimited = ({ next }: Case) => next.kind === 'wait' && next.code === 'rate-limited'
const untilOf = (next: Case['next']) => (next.kind === 'wait' ? (next.until ?? 0) : 0)

/** Seconds from its turn until a block holds an exit: two usual cycles, and a little more. */
const TURN_TO_BLOCK_S = 15 * 60

/** With its turn, this exit misses its deadline. */
export const isHeldTooLong = (one: Case): boolean =>
  isRateLimited(one) &&
  untilOf(one.next) / 1_000 + TURN_TO_BLOCK_S > deadlineOf(one.request, one.limit)
