import type { Config } from '../config.ts'
import { createLogReader } from '../execution/logs.ts'
import { createDriftDetector } from '../jobs/allowlist-drift.ts'
import { createNextExits } from '../jobs/next-exits.ts'
import type { KeysApi } from '../observe/keys-api.ts'
import type { Metrics } from '../observe/metrics.ts'
import type { Log } from '../requests/cycle-parts.ts'
import type { Facts } from '../requests/facts.ts'
import type { MessagesTask } from './messages.ts'
import type { Nodes } from './nodes.ts'
import type { PipelineParts } from './pipeline.ts'

type Parts = Pick<PipelineParts, 'readChainInfo'> & {
  readonly config: Config
  readonly chainId: bigint
  readonly nodes: Nodes
  readonly messages: Pick<MessagesTask, 'snapshot'>
  readonly journal: { readonly facts: Facts }
  readonly log: Log
  readonly metrics: Metrics
  readonly keysApi: KeysApi
  readonly now: () => number
  readonly lifetime: AbortSignal
}

/** What is read from the chain beside the cycle. */
export function createJobs(parts: Parts) {
  const { config, chainId, nodes, journal, messages, metrics, keysApi } = parts
  const drift = createDriftDetector({
    ...parts,
    nodes: nodes.execution.nodes,
    readLogs: createLogReader(config.loadLogsStep, parts.now),
    consensus: () => journal.facts.contracts?.consensus,
  })
  const nextExits = createNextExits({
    ...parts,
    locator: config.locatorAddress,
    scope: config.scope,
    messages: messages.snapshot,
  })
  const { current } = nextExits
  metrics.setNextExits(current)
  keysApi.attach({ chainId, orders: () => current().map(({ order }) => order) })
  return { drift, nextExits }
}
