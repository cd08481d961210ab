import type { ModuleRow, OperatorRow } from '../../src/page/status-document.ts'
import type { SimModule } from '../sim/contracts.ts'
import { until } from '../support/until.ts'
import { createWorld, type RunningApp, type World, type WorldOptions } from '../support/world.ts'

export const HOUR = 3_600

/** As the protocol has them: three values with names, one value without, three without names. */
const MODULES = [
  { id: 1, name: 'curated', operatorNames: { 5: 'Alice' }, exitDeadlineSeconds: 96 * HOUR },
  { id: 3, name: 'community', operatorNames: undefined, keysAlone: true, operatorCount: 700 },
  { id: 4, name: 'bare', operatorNames: undefined, exitDeadlineSeconds: undefined },
] as const satisfies readonly (Partial<SimModule> & { id: number })[]

export const createProtocol = (options: WorldOptions = {}) =>
  createWorld({
    // Old enough that every exit was possible when it was asked for.
    beacon: { epoch: 10_000, validators: 64 },
    execution: { modules: MODULES },
    ...options,
  })

export type Asked = {
  readonly module: number
  readonly operator: number
  readonly validator: number
}

export function askHoursAgo(world: World, hours: number, ...asked: readonly Asked[]) {
  world.chain.submitReport({
    requests: asked.map(({ module, operator, validator }) =>
      world.requestOf(validator, { moduleId: module, operatorId: operator }),
    ),
    timestamp: Math.floor(Date.now() / 1_000) - hours * HOUR,
  })
  world.chain.finalize()
}

/** A row of an operator or a module, with its numbers side by side. */
const flat = ({ overdue, watched, ...row }: Partial<OperatorRow & ModuleRow>) => ({
  ...row,
  ...watched,
  delayed: overdue?.delayed,
  overdue: overdue?.delinquent,
})
export const statusOf = async (app: RunningApp) => {
  const { mode, modules = [], operators } = app.status()
  return { mode, modules: modules.map(flat), operators: (operators?.rows ?? []).map(flat) }
}
type Row = ReturnType<typeof flat>

export const rowOf = async (app: RunningApp, module: number, operator: number) =>
  (await statusOf(app)).operators.find((row) => row.module === module && row.operator === operator)

export const operatorRow = (
  app: RunningApp,
  module: number,
  operator: number,
  want: Partial<Row> = {},
) =>
  until(`operator ${operator} of module ${module} with ${JSON.stringify(want)}`, async () => {
    const row: Row | undefined = await rowOf(app, module, operator)
    return (
      row && Object.entries(want).every(([key, value]) => row[key as keyof Row] === value) && row
    )
  })
