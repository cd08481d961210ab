import { createMessages, type MessagesTask } from '../../app/messages.ts'
import { createNodes, type Nodes } from '../../app/nodes.ts'
import { agreedChain } from '../../app/start-up.ts'
import type { Config } from '../../config.ts'
import type { Log } from '../../cycle/types.ts'
import type { Metrics } from '../../sinks/metrics.ts'
import { type ChainInfo, createChainInfoReader } from '../../sources/chain-info.ts'
import type { NodeStatus } from '../../sources/layer.ts'
import { createRegistryCache, type RegistryCache } from '../../sources/registry-cache.ts'
import { createQuietMetrics } from '../quiet-metrics.ts'
import { type JournalReading, readJournal } from './journal.ts'
import { noMessages } from './message.ts'
import { isAbout, type Subject } from './subject.ts'

export type Outside = {
  readonly config: Config
  readonly fetch: typeof fetch
  /** Unix ms. */
  readonly now: () => number
  /** Folder of the built workers; ends in a slash. */
  readonly workers: URL
  readonly log: Log
  /** Told how far long work is. */
  readonly progress: (what: string, done: number, total: number) => void
}

/** The parts of the daemon that a story is told from. */
export type Opened = {
  readonly nodes: Nodes
  readonly metrics: Metrics
  readonly registry: RegistryCache
  readonly readChainInfo: (signal: AbortSignal) => Promise<ChainInfo>
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
  outside: Outside,
  subject: Subject,
  lifetime: AbortSignal,
): Promise<Opened> {
  const { config, now } = outside
  const metrics = createQuietMetrics(config, outside.progress)
  const nodes = createNodes(config, metrics, outside.fetch)
  const statuses = await lookAt(nodes, lifetime)
  const told = agreedChain(statuses)
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
  const readChainInfo = createChainInfoReader(nodes.consensus.nodes, now)
  const { jobIntervalMs: intervalMs, validatorsBatchSize: batchSize } = config
  const registry = createRegistryCache({ intervalMs, batchSize, now })
  const layers = [nodes.execution, nodes.consensus]
  const isWhole = layers.every((layer) => layer.nodes.hosts().length > 0)
  const parts = { nodes, metrics, registry, readChainInfo, chainId, journal, isWhole, problems }
  return { ...parts, messages: await openMessages(outside, parts, lifetime) }
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
  { config, log, now, workers }: Outside,
  opened: Omit<Opened, 'messages'>,
  lifetime: AbortSignal,
): Promise<MessagesTask> {
  try {
    if (opened.nodes.consensus.nodes.hosts().length === 0) {
      throw new Error('no consensus node answers, and messages are checked against the registry')
    }
    const chainId = () => opened.chainId
    const parts = { config, log, now, workers, lifetime, ...opened, chainId, wake: () => {} }
    return await createMessages(parts)
  } catch (error) {
    lifetime.throwIfAborted()
    return {
      begin: () => {},
      read: async () => noMessages(error),
      isLoaded: () => false,
      snapshot: () => undefined,
      close: async () => {},
    }
  }
}
