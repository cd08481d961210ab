import { type MessagesTask, withoutMessages } from '../../app/messages.ts'
import { createSightingsReader } from '../../consensus/sightings.ts'
import { messageOf } from '../../lib/message-of.ts'
import type { Pubkey, ValidatorIndex } from '../../lib/primitives.ts'
import type { Messages } from '../../requests/cycle-parts.ts'
import type { RegistryAnswers } from '../../requests/derive.ts'
import type { ExitRequest, RequestKey } from '../../requests/exit-request.ts'
import type { Scope } from '../../requests/scope.ts'
import { sumUpUnread } from '../../requests/unread.ts'
import { CommandError } from '../context.ts'
import { isAbout, type Subject } from '../explain/subject.ts'
import { type Found as Anybody, readAnyOperator } from './any-operator.ts'
import { type DryCycle, NOTHING_NEW, runDryCycle } from './dry-cycle.ts'
import { openMessages, readMessages } from './messages.ts'
import { describeUnused, expectChain, lookAtNodes, type NodesFound } from './nodes.ts'
import { closeQuietly, type Parts, untilInterrupted } from './parts.ts'
import { copyJournal, type JournalReading, readJournal } from './read-journal.ts'

/** What is known of one validator. */
export type ValidatorFound = {
  readonly subject: Subject
  /** `undefined`: nobody requested its exit, as far as could be read. */
  readonly cycle: DryCycle | undefined
  /** What a daemon wrote down, before this command added anything. */
  readonly journal: JournalReading
  /** Whether it holds a request of this validator. */
  readonly isInJournal: boolean
  /** Blocks that were read; `undefined`: none were, or none could be. */
  readonly blocks: Anybody['blocks']
  /** `undefined`: its index is not known. */
  readonly messages: Messages | undefined
  /** `undefined`: no consensus node answered about it. */
  readonly sightings: RegistryAnswers | undefined
  /** What could not be learnt, a sentence each. */
  readonly problems: readonly string[]
}

/** Steps of the cycle whose failures the nodes, the registry and the message tell. */
const ALREADY_TOLD = /^(look up validators|load messages|read messages|read chain):/

/**
 * Learns what is known of one validator. Decisions are the daemon's own: one cycle of it runs on the
 * requests of this validator, whichever operator they name, and submits nothing.
 *
 * @throws CommandError when nobody can tell
 */
export const gatherValidator = (asked: Subject, parts: Parts, signal: AbortSignal) =>
  untilInterrupted(signal, async (lifetime): Promise<ValidatorFound> => {
    const nodes = await lookAtNodes(parts, lifetime)
    const journal = readJournal(parts.config, nodes.chainId)
    const chainId = chainIdOf(nodes, journal, asked)
    leaveOutSilent(parts, nodes)
    expectChain(parts, chainId)
    const task =
      nodes.consensus.length === 0 ? NO_REGISTRY : await openMessages(parts, chainId, lifetime)
    try {
      const found = await learn(parts, { asked, chainId, journal, task }, lifetime)
      const told = [
        ...describeUnused(nodes),
        ...(journal.problem === undefined ? [] : [journal.problem]),
      ]
      return { ...found, problems: [...told, ...found.problems] }
    } finally {
      await closeQuietly(task.close)
    }
  })

const NO_REGISTRY = withoutMessages(
  false,
  'no consensus node answers, and messages are checked against the registry',
)

/** Without any node, a journal alone still tells much. */
function chainIdOf(nodes: NodesFound, { facts }: JournalReading, asked: Subject): bigint {
  if (nodes.conflict !== undefined) throw new CommandError(`explain: ${nodes.conflict}`)
  const known = [...facts.requests.values()].find(({ request }) => isAbout(asked, request))
  const chainId = nodes.chainId ?? known?.request.chainId
  if (chainId !== undefined) return chainId
  throw new CommandError(
    `explain: no node answers, and STATE_FILE tells nothing of this validator: ${describeUnused(nodes).join('; ')}`,
    'check EXECUTION_NODE and CONSENSUS_NODE, and STATE_FILE if the daemon has one',
    1,
  )
}

/** Whoever waits for an explanation does not wait for the same dead node at each of its parts. */
export function leaveOutSilent({ nodes }: Parts, { statuses }: NodesFound): void {
  for (const { layer, host, up } of statuses) {
    if (!up) nodes[layer].nodes.leaveOut(host, 'gave no answer')
  }
}

type Task = {
  readonly asked: Subject
  readonly chainId: bigint
  readonly journal: JournalReading
  readonly task: MessagesTask
}

async function learn(parts: Parts, task: Task, signal: AbortSignal): Promise<ValidatorFound> {
  const { chainId, journal } = task
  const registry = await lookUp(parts, task, signal)
  const read = await readRequests(parts, task, [registry.subject], signal)
  const [request] = read.requests.values()
  const { index = request?.request.validatorIndex, pubkey } = registry.subject
  const subject = { index, pubkey: pubkey ?? request?.request.pubkey }
  const messages = await readMessage(task.task, subject, signal)
  const loaded =
    messages === undefined ? withoutMessages(false) : { ...task.task, read: async () => messages }
  const cycle =
    request === undefined
      ? undefined
      : await runCycleOn(parts, { chainId, journal, read, messages: loaded }, signal)
  const failures = cycle?.report.failures.filter((failure) => !ALREADY_TOLD.test(failure)) ?? []
  return {
    subject: registry.subject.index === undefined ? subject : registry.subject,
    cycle,
    journal,
    isInJournal: read.isInJournal,
    blocks: read.blocks,
    messages,
    sightings: registry.sightings,
    problems: [
      ...registry.problems,
      ...read.problems,
      ...tellUnread(journal),
      ...failures,
      ...(cycle?.alarms ?? []),
    ],
  }
}

const tellUnread = ({ facts: { unread } }: JournalReading) =>
  unread.length === 0 ? [] : [sumUpUnread(unread)]

/** Both names of the validator, and what the registry says of it. */
async function lookUp({ nodes, registry }: Parts, { asked, journal }: Task, signal: AbortSignal) {
  const requests = [...journal.facts.requests.values()].map(({ request }) => request)
  const inJournal = requests.find((request) => isAbout(asked, request))?.validatorIndex
  try {
    const index = asked.index ?? (await indexOf(asked.pubkey, nodes, signal)) ?? inJournal
    if (index === undefined) return { subject: asked, sightings: undefined, problems: [] }
    const readSightings = createSightingsReader(nodes.consensus.nodes, registry)
    const sightings = (await readSightings([index], signal)).get(index)
    const entry = sightings?.head.find((one) => one.entry !== undefined)?.entry
    return { subject: { index, pubkey: asked.pubkey ?? entry?.pubkey }, sightings, problems: [] }
  } catch (error) {
    signal.throwIfAborted()
    const subject = { ...asked, index: asked.index ?? inJournal }
    const problems = [`the registry cannot be read: ${messageOf(error)}`]
    return { subject, sightings: undefined, problems }
  }
}

async function indexOf(
  pubkey: Pubkey | undefined,
  { consensus }: Parts['nodes'],
  signal: AbortSignal,
): Promise<ValidatorIndex | undefined> {
  if (pubkey === undefined) return undefined
  const answers = await consensus.nodes.every(
    (node, deadline) => node.indexOf(pubkey, deadline),
    signal,
  )
  const told = answers.filter((answer) => answer.ok)
  const failed = answers.find((answer) => !answer.ok)
  if (told.length === 0) throw failed?.error ?? new Error('no consensus node answered')
  return told.find(({ value }) => value !== undefined)?.value
}

/** A daemon that runs is never so far behind: 1 h * 3,600 s / 12 s. */
const STALE_BLOCKS = 300

type Requests = Pick<Anybody, 'contracts' | 'blocks' | 'problems'> & {
  readonly requests: Map<RequestKey, { readonly request: ExitRequest; readonly seenAt: number }>
  readonly isInJournal: boolean
}

/**
 * Their requests as a daemon wrote them down. Where one of them has none there, or it was not written lately, the chain is read
 * too, as at the daemon's start.
 */
export async function readRequests(
  parts: Parts,
  { chainId, journal: { facts } }: Pick<Task, 'chainId' | 'journal'>,
  subjects: readonly Subject[],
  signal: AbortSignal,
): Promise<Requests> {
  const isWanted = (request: ExitRequest) => subjects.some((subject) => isAbout(subject, request))
  const requests = new Map([...facts.requests].filter(([, { request }]) => isWanted(request)))
  const isInJournal = subjects.every((subject) =>
    [...requests.values()].some(({ request }) => isAbout(subject, request)),
  )
  const known = { requests, isInJournal, contracts: [], blocks: undefined, problems: [] }
  const { nodes } = parts.nodes.execution
  // What a journal tells is a story without any node too.
  if (isInJournal && nodes.hosts().length === 0) return known
  const behind = isInJournal ? await blocksBehind(parts, facts.cursor, signal) : undefined
  if (behind !== undefined && behind < STALE_BLOCKS) return known
  const found = await readAnyOperator(parts, { chainId, facts, isWanted }, signal)
  for (const request of found.requests) {
    if (!requests.has(request.key)) requests.set(request.key, { request, seenAt: parts.now() })
  }
  const where = `it ends at block ${facts.cursor}, ${behind} blocks behind`
  const stale = isInJournal ? [`no daemon has written STATE_FILE lately: ${where}`] : []
  return { ...found, requests, isInJournal, problems: [...stale, ...found.problems] }
}

async function blocksBehind({ nodes }: Parts, cursor: number | undefined, signal: AbortSignal) {
  const head = await nodes.execution.nodes
    .first((node, deadline) => node.finalizedBlock(deadline), signal)
    .catch(() => undefined)
  signal.throwIfAborted()
  return head === undefined ? 0 : head.number - (cursor ?? 0)
}

async function readMessage(
  task: MessagesTask,
  { index, pubkey }: Subject,
  signal: AbortSignal,
): Promise<Messages | undefined> {
  if (index === undefined) return undefined
  const wanted = { validatorIndex: index, pubkey: pubkey ?? ('0x' as Pubkey) }
  return readMessages(task, [wanted], (found) => found.find(index) !== undefined, signal)
}

type CycleTask = {
  readonly chainId: bigint
  readonly journal: JournalReading
  readonly read: Pick<Requests, 'requests' | 'contracts'>
  readonly messages: MessagesTask
}

/** One cycle of the daemon on these requests alone, whichever operator they name. */
export const runCycleOn = (
  parts: Parts,
  { chainId, journal, read, messages }: CycleTask,
  signal: AbortSignal,
): Promise<DryCycle> =>
  runDryCycle(
    parts,
    {
      config: { ...parts.config, scope: scopeOf([...read.requests.values()]) },
      chainId,
      messages,
      journal: copyJournal(journal.facts, read.requests),
      readRequests: async () => ({ ...NOTHING_NEW, contracts: read.contracts }),
    },
    signal,
  )

function scopeOf(requests: readonly { readonly request: ExitRequest }[]): Scope {
  const scope = new Map<ExitRequest['moduleId'], ExitRequest['operatorId'][]>()
  for (const { request } of requests) {
    const operators = scope.get(request.moduleId) ?? []
    scope.set(request.moduleId, [...new Set([...operators, request.operatorId])])
  }
  return scope
}
