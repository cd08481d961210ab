import type { FollowingParts } from './cycle-parts.ts'
import { ageOf } from './deadlines.ts'
import { isOver, type RequestState } from './derive.ts'
import type { ExitRequest } from './exit-request.ts'

const STEPS = ['submission', 'exiting', 'settled'] as const
type Step = Parameters<FollowingParts['metrics']['observeStep']>[0]

/**
 * Measures how long exits take, each step of a request once. What the journal knows already, or
 * what was so at the first look of this daemon, is no measurement: a restart merely finds it again.
 */
export function createStepTimes({ journal, metrics, now }: FollowingParts) {
  const observed = new Set<string>()

  function observe(step: Step, requests: readonly ExitRequest[]): void {
    for (const request of requests) {
      const id = `${step}:${request.key}`
      if (observed.has(id)) continue
      observed.add(id)
      metrics.observeStep(step, request, ageOf(request, now()))
    }
  }

  return {
    /** Nobody asks for it any more. */
    forget: ({ key }: Pick<ExitRequest, 'key'>) => {
      for (const step of STEPS) observed.delete(`${step}:${key}`)
    },

    /** To be called after the journal was told that the exit was accepted. */
    accepted(request: ExitRequest): void {
      const offers = journal.facts.offers.get(request.validatorIndex)
      if (offers?.firstAcceptedAt === offers?.lastAcceptedAt) observe('submission', [request])
    },

    /**
     * To be called before the journal is told what a look at the registry found.
     *
     * @param requests - all for one validator
     */
    sighted(requests: readonly ExitRequest[], state: RequestState): void {
      const [validator] = requests.map(({ validatorIndex }) => validatorIndex)
      if (validator === undefined || !journal.facts.sightings.has(validator)) return
      const earlier = (journal.facts.history.get(validator) ?? []).flatMap((fact) =>
        fact.kind === 'sighting' ? [fact.seen] : [],
      )
      if ((state === 'exiting' || isOver(state)) && earlier.every((seen) => seen === 'active'))
        observe('exiting', requests)
      if (isOver(state) && !earlier.includes('settled')) observe('settled', requests)
    },
  }
}

export type StepTimes = ReturnType<typeof createStepTimes>
