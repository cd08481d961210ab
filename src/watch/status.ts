import { listOf, operatorRow } from '../app/status-rows.ts'
import type { WatchedOperators } from '../jobs/watched-operators.ts'
import type { ModeParts, ModuleRow, WatchedRow } from '../page/status-document.ts'
import { LIMITS, type Limit } from '../requests/deadlines.ts'
import type { OperatorOverview } from '../requests/protocol.ts'
import { isoOf } from '../requests/rendering.ts'

export type WatchedModules = Pick<
  WatchedOperators,
  'refresh' | 'setLate' | 'late' | 'nameOf' | 'modules'
>

/**
 * What `/status` of `watch` shows: the most urgent operator first.
 *
 * @param isWatched - whether a module is in the scope
 */
export function watchStatus(
  operators: readonly OperatorOverview[],
  { modules }: Pick<WatchedModules, 'modules'>,
  isWatched: (moduleId: number) => boolean,
): ModeParts & { readonly modules: readonly ModuleRow[] } {
  const known = modules().filter(({ id }) => isWatched(id))
  const ids = new Set([...known.map(({ id }) => id), ...operators.map(({ moduleId }) => moduleId)])
  const moduleRow = (id: number): ModuleRow => {
    const module = known.find((one) => one.id === id)
    const own = operators.filter(({ moduleId }) => moduleId === id)
    const overdue = LIMITS.map((limit) => [limit, sum(own, (one) => one.overdue[limit])])
    return {
      module: id,
      name: module?.name ?? null,
      operators: module?.operators ?? null,
      asked: own.length,
      ...watchedRow(own),
      overdue: Object.fromEntries(overdue) as Record<Limit, number>,
      timeLeftSeconds: least(own, (one) => one.timeLeft) ?? null,
    }
  }
  const leftOf = ({ timeLeft }: OperatorOverview) => timeLeft ?? Number.MAX_SAFE_INTEGER
  return {
    modules: [...ids].sort((a, b) => a - b).map(moduleRow),
    operators: listOf(
      operators.toSorted((a, b) => leftOf(a) - leftOf(b)),
      (one) => ({
        ...operatorRow(one, one.name),
        watched: { ...watchedRow([one]), secondsToExit: one.secondsToExit ?? null },
      }),
    ),
    messages: null,
    nextExits: listOf([], (none) => none),
    drift: null,
  }
}

const sum = (operators: readonly OperatorOverview[], of: (one: OperatorOverview) => number) =>
  operators.reduce((total, one) => total + of(one), 0)

function least(
  operators: readonly OperatorOverview[],
  of: (one: OperatorOverview) => number | undefined,
): number | undefined {
  const values = operators.flatMap((one) => of(one) ?? [])
  return values.length === 0 ? undefined : Math.min(...values)
}

function watchedRow(operators: readonly OperatorOverview[]): WatchedRow {
  const deadline = least(operators, (one) => one.deadline)
  return {
    open: sum(operators, (one) => one.open),
    done: sum(operators, (one) => one.done),
    unproven: sum(operators, (one) => one.unproven),
    reportedLate: sum(operators, (one) => one.reportedLate),
    triggered: sum(operators, (one) => one.triggered),
    deadline: deadline === undefined ? null : isoOf(deadline * 1_000),
  }
}
