import type { ModuleRow, OperatorRow } from '../page/status-document.ts'
import { describeTimeLeft } from '../requests/deadlines.ts'
import { type Looked, startWatch } from '../watch.ts'
import { debugLog, requireWatchConfiguration } from './configuration.ts'
import { type CommandContext, CommandError, type ExitCode } from './context.ts'

/** Between two looks, ms: what a cycle did not wait for is there in the next one. */
const LOOK_EVERY_MS = 1_000
/** After which the nodes will not get there, ms: a first look-back takes minutes at most. */
const PATIENCE_MS = 10 * 60 * 1_000

/** `watch --once`: looks until everything is known, prints it, and ends. Remembers nothing. */
export async function runWatchOnce(context: CommandContext): Promise<ExitCode> {
  const { terminal, signal } = context
  const { http, ...config } = requireWatchConfiguration(context)
  let last: Looked = { failures: ['no node is up and synced'], unknown: [], isSettled: false }
  const isDone = ({ failures, isSettled }: Looked) => isSettled && failures.length === 0
  const once = {
    ...config,
    http: { ...http, port: undefined },
    stateFile: undefined,
    finalityEvents: false,
    jobIntervalMs: LOOK_EVERY_MS,
  }
  const app = await startWatch(once, {
    version: context.version,
    log: debugLog(context),
    isContainer: context.isContainer,
    now: context.now,
    onLook(looked) {
      last = looked
      if (isDone(looked)) app.stop()
    },
  })
  signal.addEventListener('abort', app.stop, { once: true })
  const timer = setTimeout(app.stop, PATIENCE_MS)
  await app.ended
  clearTimeout(timer)
  signal.throwIfAborted()

  const status = app.status()
  const { modules = [], operators = { total: 0, rows: [] } } = status
  const problems = [...last.failures, ...last.unknown]
  if (context.json) terminal.json({ ...status, problems })
  else tell(context, modules, operators.rows)
  if (problems.length > 0) {
    throw new CommandError(`not everything is known: ${problems.join('; ')}`, undefined, 1)
  }
  return modules.some(({ overdue }) => overdue.delinquent > 0) ? 1 : 0
}

function tell(
  { terminal: { out, colour } }: CommandContext,
  modules: readonly ModuleRow[],
  operators: readonly OperatorRow[],
): void {
  for (const { module, name, asked, open, overdue, done } of modules) {
    const mark = overdue.delinquent > 0 ? colour.red('✗') : colour.green('✓')
    const numbers = `${open} open, ${overdue.delayed} delayed, ${overdue.delinquent} overdue, ${done} exiting`
    out(
      `${mark} module ${module} (${name ?? 'no name'}): ${numbers}; ${asked} operators were asked`,
    )
  }
  for (const { module, operator, name, overdue, watched, timeLeftSeconds } of operators) {
    if (overdue.delinquent === 0) continue
    const who = `operator ${operator} of module ${module}${name === null ? '' : ` (${name})`}`
    const exits = `${overdue.delinquent} of ${watched?.open} open exits are past their deadline`
    const since = timeLeftSeconds === null ? '' : `, ${describeTimeLeft(timeLeftSeconds)}`
    out(`${colour.red('✗')} ${who}: ${exits}${since}`)
  }
}
