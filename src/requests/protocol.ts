import { groupBy } from '../lib/group-by.ts'
import type { Case } from './cycle-parts.ts'
import { ageOf, deadlineOf } from './deadlines.ts'
import { isOpen } from './derive.ts'
import type { ExitRequest } from './exit-request.ts'
import type { Facts } from './facts.ts'
import {
  type Operator,
  type OperatorSummary,
  operatorKey,
  summarizeOne,
} from './operator-summary.ts'

const DAY_S = 24 * 60 * 60

/** What only the staking modules know. */
export type ModulesView = {
  nameOf(operator: Operator): string | undefined
  /** Of exits past their deadline. */
  late(): readonly {
    readonly request: Operator
    readonly reportedLate: boolean
    readonly triggered: boolean
  }[]
}

/** How one operator follows what the protocol asked for within the look-back. */
export type OperatorOverview = OperatorSummary & {
  readonly name: string | undefined
  readonly open: number
  /** A block holds the exit. */
  readonly done: number
  readonly unproven: number
  /** Unix seconds: of the open exit that is most urgent. */
  readonly deadline: number | undefined
  /** Requests of the last 24 hours. */
  readonly lastDay: number
  /** Late exits that were proven late on chain, and that were made through the execution layer. */
  readonly reportedLate: number
  readonly triggered: number
  /** Median time from request to exit, seconds, of the exits that this daemon saw happen. */
  readonly secondsToExit: number | undefined
}

/**
 * An overview of each operator that was asked.
 *
 * @param now - unix ms
 */
export function overviewOf(
  cases: readonly Case[],
  facts: Facts,
  modules: ModulesView,
  now: number,
): readonly OperatorOverview[] {
  const lateOnes = groupBy(modules.late(), ({ request }) => operatorKey(request))
  const ofOperator = groupBy(cases, ({ request }) => operatorKey(request))
  return [...ofOperator].flatMap(([key, own]) => {
    const [first] = own
    if (first === undefined) return []
    const summary = summarizeOne(first.request, own, now)
    const open = own.filter(({ state }) => isOpen(state))
    const late = lateOnes.get(key) ?? []
    const { exiting, settled, lapsed, seen, unproven } = summary.states
    const deadlines = open.map(({ request, limit }) => deadlineOf(request, limit))
    return {
      ...summary,
      name: modules.nameOf(summary),
      open: open.length,
      done: exiting + settled + lapsed,
      unproven: seen + unproven,
      deadline: deadlines.length === 0 ? undefined : Math.min(...deadlines),
      lastDay: own.filter(({ request }) => ageOf(request, now) < DAY_S).length,
      reportedLate: late.filter(({ reportedLate }) => reportedLate).length,
      triggered: late.filter(({ triggered }) => triggered).length,
      secondsToExit: medianOf(
        own.flatMap(({ request }) => {
          const at = exitSeenAt(request, facts)
          return at === undefined ? [] : [at - request.timestamp]
        }),
      ),
    }
  })
}

/** Unix seconds; known where the validator was seen active after the request, and exiting later. */
function exitSeenAt({ validatorIndex }: ExitRequest, { history }: Facts): number | undefined {
  const facts = history.get(validatorIndex) ?? []
  if (facts.length < 2) return undefined
  const seen = facts.filter(({ kind }) => kind === 'sighting')
  const exit = seen.findIndex((fact) => fact.kind === 'sighting' && fact.seen !== 'active')
  const at = seen[exit]?.at
  return exit < 1 || at === undefined ? undefined : Math.floor(at / 1_000)
}

function medianOf(values: readonly number[]): number | undefined {
  return values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) / 2)]
}

/** Whether the exit is past its deadline, or was when it was seen. */
export function isLate({ request, limit, state }: Case, facts: Facts, now: number): boolean {
  const at = isOpen(state) ? Math.floor(now / 1_000) : exitSeenAt(request, facts)
  return at !== undefined && at > deadlineOf(request, limit)
}
