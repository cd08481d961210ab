import { groupBy } from '../lib/group-by.ts'
import type { ModuleId, OperatorId } from '../lib/primitives.ts'
import type { Case } from './cycle-parts.ts'
import {
  type Asked,
  ageOf,
  type ExitLimit,
  LIMITS,
  type Limit,
  passedLimits,
  timeLeft,
} from './deadlines.ts'
import { isOpen, type RequestState, requestStates, stateAfterOffers } from './derive.ts'
import type { Facts } from './facts.ts'
import type { Scope } from './scope.ts'

/** A request as far as it counts here. */
export type Counted = {
  readonly request: Asked
  readonly limit: ExitLimit
  readonly state: RequestState
  /** It would be submitted if there were a message; left out where nothing is submitted. */
  readonly lacksMessage?: boolean
}

/** What the requests of one operator amount to. All times are seconds. */
export type OperatorSummary = {
  readonly moduleId: ModuleId
  readonly operatorId: OperatorId
  readonly states: Readonly<Record<RequestState, number>>
  /** Of the oldest open request; 0 where none is open. */
  readonly oldestAge: number
  /** Of the most urgent open request. */
  readonly timeLeft: number | undefined
  /** Open requests past each limit. */
  readonly overdue: Readonly<Record<Limit, number>>
  readonly withoutMessage: number
}

/**
 * One summary for each operator of the scope, also where nothing is requested, and for each other
 * one that is counted.
 *
 * @param now - unix ms
 */
export function summarize(
  counted: readonly Counted[],
  scope: Scope,
  now: number,
): readonly OperatorSummary[] {
  const ofOperator = groupBy(counted, ({ request }) => operatorKey(request))
  const inScope = [...scope].flatMap(([moduleId, operatorIds]) =>
    operatorIds.map((operatorId) => ({ moduleId, operatorId })),
  )
  const others = [...ofOperator.values()].flatMap(([first]) => first?.request ?? [])
  const operators = new Map([...inScope, ...others].map((one) => [operatorKey(one), one]))
  return [...operators].map(([key, operator]) =>
    summarizeOne(operator, ofOperator.get(key) ?? [], now),
  )
}

/** Of what a cycle found, as it is now: exits may have been submitted since. */
export const summarizeCases = (
  cases: readonly Case[],
  { offers }: Pick<Facts, 'offers'>,
  scope: Scope,
  now: number,
): readonly OperatorSummary[] =>
  summarize(
    cases.map(({ request, limit, state, next }) => ({
      request,
      limit,
      state: stateAfterOffers(state, offers.get(request.validatorIndex)),
      lacksMessage: next.kind === 'wait' && next.code === 'no-message',
    })),
    scope,
    now,
  )

export type Operator = Pick<Asked, 'moduleId' | 'operatorId'>

export const operatorKey = ({ moduleId, operatorId }: Operator) => `${moduleId}:${operatorId}`

/** @param rows - all of one operator */
export function summarizeOne(
  { moduleId, operatorId }: Operator,
  rows: readonly Counted[],
  now: number,
): OperatorSummary {
  const open = rows.filter(({ state }) => isOpen(state))
  const passed = open.flatMap(({ request, limit }) => passedLimits(request, now, limit))
  return {
    moduleId,
    operatorId,
    states: countBy(
      requestStates,
      rows.map(({ state }) => state),
    ),
    oldestAge: open.reduce((oldest, { request }) => Math.max(oldest, ageOf(request, now)), 0),
    timeLeft: open.reduce<number | undefined>((least, { request, limit }) => {
      const left = timeLeft(request, now, limit)
      return least === undefined || left < least ? left : least
    }, undefined),
    overdue: countBy(LIMITS, passed),
    withoutMessage: rows.filter(({ lacksMessage }) => lacksMessage).length,
  }
}

function countBy<Name extends string>(
  names: readonly Name[],
  found: readonly Name[],
): Readonly<Record<Name, number>> {
  const counts = Object.fromEntries(names.map((name) => [name, 0])) as Record<Name, number>
  for (const name of found) counts[name] += 1
  return counts
}
