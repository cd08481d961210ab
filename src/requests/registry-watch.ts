import type { ValidatorIndex } from '../lib/primitives.ts'
import type { CycleParts } from './cycle-parts.ts'
import { derive, isOver, type Sightings } from './derive.ts'
import type { ExitRequest } from './exit-request.ts'
import { openNamesOf } from './names.ts'
import type { Stopwatch } from './step-times.ts'

/** A settled exit cannot be undone, but one node may have lied about it: look again this often. */
const LOOK_AGAIN_MS = 60 * 60 * 1_000

type Seen = { readonly sightings: Sightings; readonly at: number }

/**
 * Looks proven requests up in the registry, and records what changed. Requests that are over are
 * looked at again hourly, so that one node's word never ends a request for good.
 */
export function createLookOut(parts: CycleParts, stopwatch: Stopwatch) {
  const { journal, log, now, readSightings, limitOf } = parts
  const latest = new Map<ValidatorIndex, Seen>()

  function isDone(validator: ValidatorIndex): boolean {
    const offers = journal.facts.offers.get(validator)
    return isOver(derive('proven', offers, latest.get(validator)?.sightings))
  }

  function isDue(validator: ValidatorIndex): boolean {
    const seen = latest.get(validator)
    if (seen === undefined || !isDone(validator)) return true
    const age = now() - seen.at
    // A time ahead was set by a clock that has been set back since.
    return age >= LOOK_AGAIN_MS || age < 0
  }

  /** @param requests - all for this validator */
  function record(
    validator: ValidatorIndex,
    sightings: Sightings,
    requests: readonly ExitRequest[],
  ): void {
    latest.set(validator, { sightings, at: now() })
    const state = derive('proven', journal.facts.offers.get(validator), sightings)
    const seen = isOver(state) ? 'settled' : state === 'exiting' ? 'exiting' : 'active'
    const before = journal.facts.sightings.get(validator)
    if (seen === before) return
    stopwatch.sighted(requests, state)
    journal.append([{ kind: 'sighting', at: now(), validator, seen }])
    if (seen === 'active') {
      if (before === undefined) return
      for (const request of requests) {
        log.warn('validator is active again', openNamesOf(request, now(), limitOf))
      }
      return
    }
    const text =
      seen === 'exiting' ? 'validator is exiting' : 'validator is exiting in the finalized state'
    log.info(text, { validator })
  }

  return {
    /** The latest answers of the nodes, also when they are silent now. */
    sightingsOf: (validator: ValidatorIndex) => latest.get(validator)?.sightings,

    /** The validator has left, by the latest answers. */
    isOver: isDone,

    /** @throws when no node answers: what was seen before stays */
    async look(requests: readonly ExitRequest[], signal: AbortSignal): Promise<void> {
      const byValidator = groupByValidator(requests)
      const due = [...byValidator.keys()].filter(isDue)
      if (due.length === 0) return
      for (const [validator, sightings] of await readSightings(due, signal)) {
        record(validator, sightings, byValidator.get(validator) ?? [])
      }
    },
  }
}

function groupByValidator(
  requests: readonly ExitRequest[],
): ReadonlyMap<ValidatorIndex, readonly ExitRequest[]> {
  const groups = new Map<ValidatorIndex, ExitRequest[]>()
  for (const request of requests) {
    const group = groups.get(request.validatorIndex) ?? []
    groups.set(request.validatorIndex, group)
    group.push(request)
  }
  return groups
}
