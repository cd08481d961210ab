import type { Config } from '../config.ts'
import { createEvidenceReader } from '../execution/evidence.ts'
import type { ExecutionNode } from '../execution/execution-node.ts'
import type { LogReader } from '../execution/logs.ts'
import type { Endpoints } from '../lib/endpoints.ts'
import type { Metrics } from '../observe/metrics.ts'
import { createProver as createCycleProver, type ProverParts } from '../proof/prover.ts'
import type { CycleParts } from '../requests/cycle-parts.ts'

type Parts = Pick<
  ProverParts,
  'chainId' | 'journal' | 'log' | 'now' | 'limitOf' | 'onUnlistedSigner'
> & {
  readonly config: Config
  readonly nodes: Endpoints<ExecutionNode>
  readonly readLogs: LogReader
  readonly metrics: Metrics
}

/** The proof as configured. With TRUST_MODE every request counts as proven. */
export function createProver({
  config,
  nodes,
  readLogs,
  metrics,
  ...parts
}: Parts): CycleParts['prove'] {
  if (config.trustMode)
    return async () => ({
      statusOf: () => 'proven',
      verdictOf: () => undefined,
      isDuplicate: () => false,
      problems: [],
    })
  return createCycleProver({
    ...parts,
    trust: {
      allowlist: new Set(config.oracleAllowlist),
      quorum: config.oracleQuorum,
      transactionAllowlist: new Set(config.submitTxHashAllowlist),
    },
    countVerification: metrics.countVerification,
    nodes: nodes.hosts,
    allNodesAnswer: () => nodes.hosts().length === nodes.states().length,
    ask: createEvidenceReader(nodes, readLogs),
  })
}
