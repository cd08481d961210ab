import { checkProof } from '../app/exit-bus.ts'
import type { Config, ParsedConfig } from '../config.ts'
import { messageOf } from '../lib/message-of.ts'
import type { Case } from '../requests/cycle-parts.ts'
import { type Bars, createBars } from './bars.ts'
import { type Finding, failure, notChecked, ok, splitRemedy, warning } from './check/finding.ts'
import { checkHttpPort } from './check/http-port.ts'
import { checkStateFile, checkStops, tellClock } from './check/machine.ts'
import { checkLocation, nameOfLocation, tellMessages } from './check/messages.ts'
import { checkNextExits } from './check/next-exits.ts'
import { checkFinality, tellNodes } from './check/nodes.ts'
import { checkOracle } from './check/oracle.ts'
import { type ContractsFound, checkContracts, checkLogRanges } from './check/protocol.ts'
import { createReport, type Report } from './check/report.ts'
import { tellReplay, tellRequests } from './check/requests.ts'
import { checkScope } from './check/scope.ts'
import { checkWebhook } from './check/webhook.ts'
import { parseConfiguration } from './configuration.ts'
import type { CommandContext, ExitCode } from './context.ts'
import { openMessages, readMessages } from './gather/messages.ts'
import { lookAtNodes, type NodesFound } from './gather/nodes.ts'
import { closeQuietly, createParts, type Parts, untilInterrupted } from './gather/parts.ts'
import { type JournalReading, readJournal } from './gather/read-journal.ts'
import { gatherRequests } from './gather/requests.ts'

export type CheckOptions = {
  /** First block of the requests to be replayed. */
  readonly fromBlock: number | undefined
}

/** What every step of the command has. */
type Check = CheckOptions & {
  readonly parts: Parts
  readonly report: Report
  readonly bars: Bars
  readonly signal: AbortSignal
}

/**
 * The command `check`: everything that the daemon stands on, looked at with the daemon's own parts.
 * Nothing is submitted, and nothing is written.
 *
 * @returns 0 only if everything is ready
 */
export async function runCheck(options: CheckOptions, context: CommandContext): Promise<ExitCode> {
  const report = createReport(context)
  const parsed = parseConfiguration(context)
  report.add('Configuration', tellConfiguration(parsed))
  if (!parsed.ok) {
    report.end()
    return 2
  }
  const bars = createBars(context.terminal)
  const parts = createParts(parsed.config, context, bars.tell)
  try {
    await untilInterrupted(context.signal, (signal) =>
      checkAll({ ...options, parts, report, bars, signal }),
    )
  } finally {
    bars.end()
  }
  return report.end()
}

function tellConfiguration(parsed: ParsedConfig): readonly Finding[] {
  const id = 'configuration'
  const warnings = parsed.warnings.map((detail) =>
    warning({ id, title: id, detail, remedy: 'correct the environment or .env' }),
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

async function checkAll(check: Check): Promise<void> {
  const { parts, report, signal } = check
  const { config } = parts
  report.add('Configuration', await checkStops(config))
  const nodes = await lookAtNodes(parts, signal)
  report.add('Nodes', [
    ...tellNodes(nodes, parts.isContainer),
    ...(await checkFinality(parts, nodes, signal)),
  ])
  const protocol = await checkProtocol(parts, nodes, signal)
  report.add('Protocol', [...tellProof(config, nodes.chainId), ...protocol.findings])
  const { delivery } = config
  const journal = readJournal(config, nodes.chainId)
  report.add('This machine', [
    ...tellClock(parts.clockSkew(), config),
    checkStateFile(config, journal),
    ...(await checkHttpPort(config, parts.send, signal)),
  ])
  if (delivery.mode === 'webhook') {
    report.add('Webhook', [await checkWebhook(delivery, parts.send, signal)])
  }
  const cases = await checkWork(check, nodes, journal)
  if (protocol.contracts !== undefined) {
    report.add('Oracle', await checkOracle(parts, protocol.contracts, cases, signal))
  }
}

async function checkProtocol(
  parts: Parts,
  { execution }: NodesFound,
  signal: AbortSignal,
): Promise<ContractsFound> {
  if (execution.length === 0) {
    return { findings: [notChecked('protocol', NO_EXECUTION_NODE)], contracts: undefined }
  }
  const { findings, contracts } = await checkContracts(parts, execution, signal)
  if (contracts === undefined) return { findings, contracts }
  const more = await Promise.all([
    checkScope(parts, signal),
    checkLogRanges(parts, execution, contracts, signal),
  ])
  return { findings: [...findings, ...more.flat()], contracts }
}

/** What would end the start of the daemon as soon as it knows the chain. */
function tellProof(config: Config, chainId: bigint | undefined): readonly Finding[] {
  const told = { id: 'proof', title: 'PROOF' }
  const doubts: Finding[] = []
  const warn = (text: string) => doubts.push(warning({ ...told, ...splitRemedy(text) }))
  try {
    if (chainId !== undefined) checkProof(config, chainId, { warn })
    return doubts
  } catch (error) {
    return [failure({ ...told, ...splitRemedy(messageOf(error)) })]
  }
}

const NO_EXECUTION_NODE = 'no execution node can be used'

/**
 * Messages, and what a cycle would do with them.
 *
 * @returns what the cycle found of each request
 */
async function checkWork(
  check: Check,
  nodes: NodesFound,
  journal: JournalReading,
): Promise<readonly Case[]> {
  const { parts, report, bars, signal } = check
  const { chainId, execution, consensus } = nodes
  if (chainId === undefined || consensus.length === 0) {
    const why = chainId === undefined ? 'the chain is not known' : 'no consensus node can be used'
    report.add('Messages', await checkLocation(parts, why, signal))
    report.add('Requests', [notChecked('requests', why)])
    return []
  }
  const task = await openMessages(parts, chainId, signal)
  const messages = await readMessages(task, [], () => false, signal)
  bars.end()
  if (parts.config.delivery.mode === 'message') {
    report.addMessages(tellMessages(messages, task.snapshot()), task.snapshot())
  }
  let cases: readonly Case[] = []
  if (execution.length === 0) {
    report.add('Requests', [notChecked('requests', NO_EXECUTION_NODE)])
  } else {
    const read = { ...task, read: async () => messages }
    cases = await checkRequests(check, { chainId, facts: journal.facts, messages: read })
  }
  await closeQuietly(task.close)
  return cases
}

async function checkRequests(
  { parts, report, bars, fromBlock, signal }: Check,
  task: Omit<Parameters<typeof gatherRequests>[1], 'fromBlock'>,
): Promise<readonly Case[]> {
  try {
    const found = await gatherRequests(parts, { ...task, fromBlock }, signal)
    bars.end()
    const told = tellRequests(found, nameOfLocation(parts.config.delivery), parts.now())
    report.addRequests(told.findings, told.rows)
    const { cases } = found.report
    const next = await checkNextExits(parts, cases, task.messages.snapshot(), signal)
    bars.end()
    report.add('Next exits', next)
    if (found.replayed === undefined || fromBlock === undefined) return cases
    const past = tellReplay(found, fromBlock, parts.now())
    report.addReplay(past.findings, past.rows)
    return cases
  } catch (error) {
    signal.throwIfAborted()
    bars.end()
    const detail = `cannot be read: ${messageOf(error)}`
    const remedy = 'see the nodes above'
    report.add('Requests', [failure({ id: 'requests', title: 'requests', detail, remedy })])
    return []
  }
}
