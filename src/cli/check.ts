import type { Config, ParsedConfig } from '../config.ts'
import { messageOf } from '../lib/message-of.ts'
import { createBars } from './bars.ts'
import { checkClock } from './check/clock.ts'
import { type CycleFound, runDryCycle } from './check/cycle.ts'
import { checkStops, checkWebhook } from './check/delivery.ts'
import { type Finding, failure, ok, warning } from './check/finding.ts'
import { checkJournal } from './check/journal.ts'
import {
  checkLocation,
  checkMessages,
  type MessagesFound,
  nameOfLocation,
} from './check/messages.ts'
import { checkFinality, checkNodes, type NodesFound } from './check/nodes.ts'
import { checkPort } from './check/port.ts'
import { checkContracts, checkLogRanges, checkOracle } from './check/protocol.ts'
import { createReport, type Report } from './check/report.ts'
import { checkReplay, checkRequests, rowsOf, withoutDeadline } from './check/requests.ts'
import { checkScope } from './check/scope.ts'
import { parseConfiguration } from './configuration.ts'
import type { CommandContext, ExitCode } from './context.ts'
import { type JournalReading, readJournal } from './journal.ts'
import { closeQuietly, createWorld, untilInterrupted, type World } from './world.ts'

export type CheckOptions = {
  /** First block of the requests to be replayed. */
  readonly fromBlock: number | undefined
}

/**
 * The command `check`: everything that the daemon stands on, looked at with the daemon's own parts.
 * Nothing is sent, and nothing is written.
 *
 * @returns 0 only if the daemon would do its job
 */
export async function runCheck(
  { fromBlock }: CheckOptions,
  context: CommandContext,
): Promise<ExitCode> {
  const report = createReport(context)
  const parsed = parseConfiguration(context)
  report.add('Configuration', tellConfiguration(parsed))
  if (!parsed.ok) {
    report.end()
    return 2
  }
  const { config } = parsed
  const bars = createBars(context.terminal)
  try {
    await untilInterrupted(context.signal, (lifetime) =>
      lookAtAll(createWorld(config, context, bars.tell), { report, bars, fromBlock }, lifetime),
    )
  } finally {
    bars.end()
  }
  return report.end()
}

function tellConfiguration(parsed: ParsedConfig): readonly Finding[] {
  const id = 'configuration'
  const warnings = parsed.warnings.map((detail) =>
    warning({ id, title: id, detail, remedy: 'set right what it names' }),
  )
  if (parsed.ok) return [ok(id, id, describe(parsed.config)), ...warnings]
  const problems = parsed.problems.map(({ variable, problem, example }) =>
    failure({ id, title: variable, detail: problem, remedy: `for example ${example}` }),
  )
  return [...problems, ...warnings]
}

function describe({ delivery, scope }: Config): string {
  const modules = [...scope].map(([id, operators]) => `module ${id}: ${operators.join(', ')}`)
  return `${delivery.mode} mode, operators of ${modules.join('; ')}`
}

type Told = {
  readonly report: Report
  readonly bars: ReturnType<typeof createBars>
  readonly fromBlock: number | undefined
}

async function lookAtAll(world: World, told: Told, lifetime: AbortSignal): Promise<void> {
  const { report } = told
  const { config } = world
  report.add('Configuration', await checkStops(config))
  const found = await checkNodes(world, lifetime)
  report.add('Nodes', [...found.findings, ...(await checkFinality(world, found, lifetime))])
  report.add('Protocol', await lookAtProtocol(world, found, lifetime))

  const { stateFile: file, locatorAddress: locator, delivery } = config
  const reading = readJournal({ file, locator, chainId: found.chainId })
  report.add('This machine', [
    ...checkClock(world.clockWatch, config),
    checkJournal(config, reading),
    ...(await checkPort(config, world.send, lifetime)),
  ])
  if (delivery.mode === 'webhook') {
    report.add('Webhook', [await checkWebhook(delivery, world.send, lifetime)])
  }
  await lookAtWork(world, found, reading, told, lifetime)
}

async function lookAtProtocol(
  world: World,
  { execution }: NodesFound,
  lifetime: AbortSignal,
): Promise<readonly Finding[]> {
  if (execution.length === 0) return [notLookedAt('protocol', 'no execution node can be used')]
  const { findings, contracts } = await checkContracts(world, execution, lifetime)
  if (contracts === undefined) return findings
  const more = await Promise.all([
    checkScope(world, lifetime),
    checkOracle(world, contracts, lifetime),
    checkLogRanges(world, execution, contracts, lifetime),
  ])
  return [...findings, ...more.flat()]
}

const notLookedAt = (id: string, why: string): Finding =>
  failure({ id, title: id, detail: `not looked at: ${why}`, remedy: 'see to that first' })

/** Messages, and what a cycle would do with them. */
async function lookAtWork(
  world: World,
  found: NodesFound,
  reading: JournalReading,
  { report, bars, fromBlock }: Told,
  lifetime: AbortSignal,
): Promise<void> {
  const { chainId, execution, consensus } = found
  const why =
    chainId === undefined
      ? 'it is not known which chain this is'
      : consensus.length === 0
        ? 'no consensus node can be used'
        : undefined
  if (chainId === undefined || why !== undefined) {
    report.add('Messages', await checkLocation(world, `${why}`, lifetime))
    report.add('Requests', [notLookedAt('requests', `${why}`)])
    return
  }
  const messages = await checkMessages(world, chainId, lifetime)
  bars.end()
  report.addMessages(messages.findings, messages.snapshot)
  if (execution.length === 0) {
    report.add('Requests', [notLookedAt('requests', 'no execution node can be used')])
  } else {
    const { facts } = reading
    await lookAtRequests({ world, chainId, messages, facts, fromBlock }, { report, bars }, lifetime)
  }
  await closeQuietly(messages.close)
}

async function lookAtRequests(
  task: Parameters<typeof runDryCycle>[0],
  { report, bars }: Pick<Told, 'report' | 'bars'>,
  lifetime: AbortSignal,
): Promise<void> {
  try {
    const cycle = await runDryCycle(task, lifetime)
    bars.end()
    tellCycle(cycle, task, report)
  } catch (error) {
    lifetime.throwIfAborted()
    bars.end()
    const detail = `cannot be read: ${messageOf(error)}`
    const remedy = 'see the nodes above'
    report.add('Requests', [failure({ id: 'requests', title: 'requests', detail, remedy })])
  }
}

function tellCycle(
  cycle: CycleFound,
  { world, messages, fromBlock }: Parameters<typeof runDryCycle>[0],
  report: Report,
): void {
  const { replayed } = cycle
  const whyMissing = (messages as MessagesFound).messages?.whyMissing ?? (() => undefined)
  const now = world.now()
  const rows = rowsOf(cycle.report.cases, { now, whyMissing })
  const location = nameOfLocation(world.config.delivery)
  report.addRequests(checkRequests(rows, cycle, location), rows)
  if (replayed === undefined || fromBlock === undefined) return
  const past = rowsOf(replayed, { now, whyMissing }).map(withoutDeadline)
  report.addReplay(checkReplay(past, fromBlock, cycle), past)
}
