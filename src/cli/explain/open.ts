import { createMessages, type MessagesTask } from '../../app/messages.ts'
import type { Nodes } from '../../app/nodes.ts'
import { agreedChain } from '../../app/start-up.ts'
import type { NodeStatus } from '../../lib/layer.ts'
import { type JournalReading, readJournal } from '../journal.ts'
import { noTask } from '../no-messages.ts'
import type { World } from '../world.ts'
import { noMessages } from './message.ts'
import { isAbout, type Subject } from './subject.ts'

/** What a story is told from, beside the nodes. */
export type Opened = {
  readonly chainId: bigint
  readonly journal: JournalReading
  readonly messages: MessagesTask
  /** Both layers have a node that answers. */
  readonly isWhole: boolean
  /** Nodes that are not used, and why. */
  readonly problems: readonly string[]
}

/** No node answers, and no journal says anything either. */
export class NobodyAnswersError extends Error {
  override readonly name = 'NobodyAnswersError'
}

/**
 * Opens what the daemon opens, but for what writes or sends.
 *
 * @param lifetime - ends what goes on in the background
 * @throws NobodyAnswersError; StartUpError when the nodes are on different chains
 */
export async function openParts(
  world: World,
  subject: Subject,
  lifetime: AbortSignal,
): Promise<Opened> {
  const { config, nodes } = world
  const statuses = await lookAt(nodes, lifetime)
  const told = agreedChain(statuses, nodes.expectedChainId)
  const { stateFile: file, locatorAddress: locator } = config
  const journal = readJournal({ file, locator, chainId: told })
  const chainId = told ?? chainOf(journal, subject)
  const problems = statuses.flatMap(({ layer, host, synced, why }) =>
    synced ? [] : [`${layer} node ${host} is not used: ${why}`],
  )
  if (chainId === undefined) throw new NobodyAnswersError(problems.join('; '))
  leaveOutSilent(nodes, statuses)
  nodes.execution.expectChain(chainId)
  nodes.consensus.expectChain(chainId)
  const layers = [nodes.execution, nodes.consensus]
  const isWhole = layers.every((layer) => layer.nodes.hosts().length > 0)
  const messages = await openMessages(world, chainId, lifetime)
  return { chainId, journal, messages, isWhole, problems }
}

async function lookAt(nodes: Nodes, signal: AbortSignal): Promise<readonly NodeStatus[]> {
  const both = await Promise.all([nodes.execution.check(signal), nodes.consensus.check(signal)])
  return both.flat()
}

/** Whoever waits for a story does not wait for the same dead node at each of its parts. */
function leaveOutSilent({ execution, consensus }: Nodes, statuses: readonly NodeStatus[]): void {
  for (const { layer, host, up } of statuses) {
    const { nodes } = layer === 'execution' ? execution : consensus
    if (!up) nodes.leaveOut(host, 'gave no answer')
  }
}

/** Of a request that is known: without any node, a journal alone still tells much. */
const chainOf = ({ facts }: JournalReading, subject: Subject): bigint | undefined =>
  [...facts.requests.values()].find(({ request }) => isAbout(subject, request))?.request.chainId

/** A location that cannot be read is part of the story. */
async function openMessages(
  world: World,
  chainId: bigint,
  lifetime: AbortSignal,
): Promise<MessagesTask> {
  try {
    if (world.nodes.consensus.nodes.hosts().length === 0) {
      throw new Error('no consensus node answers, and messages are checked against the registry')
    }
    return await createMessages({ ...world, chainId: () => chainId, lifetime, wake: () => {} })
  } catch (error) {
    lifetime.throwIfAborted()
    return noTask(noMessages(error))
  }
}
