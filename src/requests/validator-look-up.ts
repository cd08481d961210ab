import { groupBy } from '../lib/group-by.ts'
import type { ValidatorIndex } from '../lib/primitives.ts'
import type { FollowingParts } from './cycle-parts.ts'
import { moduleLimit } from './deadlines.ts'
import { derive, isAnotherKeys, isOver, type RegistryAnswers } from './derive.ts'
import type { ExitRequest } from './exit-request.ts'
import type { Fact } from './facts.ts'
import { openNamesOf } from './rendering.ts'
import type { StepTimes } from './step-times.ts'

/** A settled exit cannot be undone, but one node may have lied about it: look again this often. */
const LOOK_AGAIN_MS = 60 * 60 * 1_000

type Seen = { readonly answers: RegistryAnswers; readonly at: number }

/**
 * Looks proven requests up in the registry, and records what changed. Requests that are over are
 * looked at again hourly, so that one node's word never ends a request for good.
 */
export function createValidatorLookUp(
  { journal, log, now, readSightings, termsOf }: FollowingParts,
  stepTimes: StepTimes,
) {
  const latest = new Map<ValidatorIndex, Seen>()
  /** What had left before the first look, without this daemon, is summed up elsewhere, not told here. */
  let isFirstLook = true

  function stateOf({ validatorIndex, pubkey }: ExitRequest) {
    const offers = journal.facts.offers.get(validatorIndex)
    return derive('proven', pubkey, offers, latest.get(validatorIndex)?.answers)
  }

  const isDone = (request: ExitRequest) => isOver(stateOf(request))

  function isDue(request: ExitRequest): boolean {
    const seen = latest.get(request.validatorIndex)
    if (seen === undefined || !isDone(request)) return true
    const age = now() - seen.at
    // A time ahead was set by a clock that has been set back since.
    return age >= LOOK_AGAIN_MS || age < 0
  }

  /**
   * @param requests - all for this validator index
   * @returns what is new, for the journal
   */
  function record(
    validator: ValidatorIndex,
    answers: RegistryAnswers,
    requests: readonly ExitRequest[],
  ): readonly Fact[] {
    latest.set(validator, { answers, at: now() })
    // What an index does under another key is no fact about a request.
    const ours = requests.filter(({ pubkey }) => !isAnotherKeys(pubkey, answers))
    const [request] = ours
    if (request === undefined) return []
    const state = stateOf(request)
    const seen = isOver(state) ? 'settled' : state === 'exiting' ? 'exiting' : 'active'
    const before = journal.facts.sightings.get(validator)
    if (seen === before) return []
    stepTimes.sighted(ours, state)
    const facts = [{ kind: 'sighting', at: now(), validator, seen } as const]
    if (seen === 'active') {
      if (before === undefined) return facts
      const limit = moduleLimit(request, termsOf)
      log.warn('validator is active again', openNamesOf(request, now(), limit))
      return facts
    }
    const isOurs = journal.facts.offers.has(validator)
    if (before === undefined && seen === 'settled' && isFirstLook && !isOurs) return facts
    const text =
      seen === 'exiting' ? 'validator is exiting' : 'validator is exiting in the finalized state'
    log.info(text, { validator })
    return facts
  }

  return {
    /** The latest answers of the nodes, also when they are silent now. */
    answersOf: (validator: ValidatorIndex) => latest.get(validator)?.answers,

    /** Nobody asks for it any more. */
    forget: (validator: ValidatorIndex) => latest.delete(validator),

    /** The validator has left, by the latest answers. */
    isOver: isDone,

    /** @throws when no node answers: what was seen before stays */
    async look(requests: readonly ExitRequest[], signal: AbortSignal): Promise<void> {
      const due = new Set(requests.filter(isDue).map(({ validatorIndex }) => validatorIndex))
      if (due.size === 0) return
      const answers = await readSightings([...due], signal)
      const byValidator = groupBy(
        requests.filter(({ validatorIndex }) => due.has(validatorIndex)),
        ({ validatorIndex }) => validatorIndex,
      )
      // All at once: each write waits for the disk.
      journal.append(
        [...answers].flatMap(([validator, of]) =>
          record(validator, of, byValidator.get(validator) ?? []),
        ),
      )
      isFirstLook = false
    },
  }
}

export type ValidatorLookUp = ReturnType<typeof createValidatorLookUp>
