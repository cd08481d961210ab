import { createBlocksReport } from '../requests/blocks-report.ts'
import type { FollowingParts } from '../requests/cycle-parts.ts'
import { describeTimeLeft } from '../requests/deadlines.ts'
import type { ExitRequest } from '../requests/exit-request.ts'
import { createNews } from '../requests/news.ts'
import type { OperatorOverview } from '../requests/protocol.ts'
import { namesOf } from '../requests/rendering.ts'
import type { WatchedModules } from './status.ts'

type Parts = FollowingParts & { readonly modules: Pick<WatchedModules, 'late'> }

/** Tells who is late, once per change and again each hour; the rest as numbers. */
export function createWatchReporter(parts: Parts) {
  const { log, modules } = parts
  const { isNews, forgetOld } = createNews(parts.now)
  let lastSummary = ''

  function tellOperator(one: OperatorOverview): void {
    const { moduleId, operatorId, name, open, overdue, timeLeft } = one
    const id = `${moduleId}:${operatorId}`
    if (overdue.delinquent === 0 || !isNews(`overdue:${id}`, '')) return
    log.warn('operator has exits past their deadline', {
      module: moduleId,
      operator: operatorId,
      ...(name === undefined ? {} : { name }),
      overdue: overdue.delinquent,
      open,
      ...(timeLeft === undefined ? {} : { oldest: describeTimeLeft(timeLeft) }),
    })
  }

  /** What a staking module says of an exit that is late, once. */
  function tellLate({ request, ...late }: ReturnType<WatchedModules['late']>[number]): void {
    if (late.reportedLate && isNews(`reported:${request.key}`, ''))
      log.warn('exit was proven late on chain', namesOf(request))
    if (late.triggered && isNews(`triggered:${request.key}`, ''))
      log.warn('exit was made through the execution layer', namesOf(request))
  }

  return {
    ...createBlocksReport(parts, isNews),

    tellNew(requests: readonly ExitRequest[]): void {
      if (requests.length === 0) return
      const operators = new Set(
        requests.map(({ moduleId, operatorId }) => `${moduleId}:${operatorId}`),
      )
      log.info('exits requested', { validators: requests.length, operators: operators.size })
    },

    tell(operators: readonly OperatorOverview[]): void {
      for (const operator of operators) tellOperator(operator)
      for (const one of modules.late()) tellLate(one)
      forgetOld()
      const summary = summaryOf(operators)
      log[summary === lastSummary ? 'debug' : 'info'](summary)
      lastSummary = summary
    },
  }
}

function summaryOf(operators: readonly OperatorOverview[]): string {
  const sum = (of: (one: OperatorOverview) => number) =>
    operators.reduce((total, one) => total + of(one), 0)
  const unproven = sum((one) => one.unproven)
  return [
    `requests: ${sum(({ open }) => open)} open`,
    `${sum(({ overdue }) => overdue.delayed)} of them delayed`,
    `${sum(({ overdue }) => overdue.delinquent)} overdue`,
    `${sum(({ done }) => done)} exiting`,
    ...(unproven > 0 ? [`${unproven} unproven`] : []),
    `of ${operators.length} operators`,
  ].join(', ')
}
