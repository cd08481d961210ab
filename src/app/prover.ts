import type { CommonConfig } from '../config.ts'
import type { ChainInfo } from '../consensus/chain-info.ts'
import type { ConsensusNode } from '../consensus/consensus-node.ts'
import { createEvidenceReader } from '../execution/evidence.ts'
import type { ExecutionNode } from '../execution/execution-node.ts'
import type { LogReader } from '../execution/logs.ts'
import { withDeadline } from '../lib/deadline.ts'
import type { Endpoints } from '../lib/endpoints.ts'
import { messageOf } from '../lib/message-of.ts'
import type { Metrics } from '../observe/metrics.ts'
import type { Answer } from '../proof/evidence.ts'
import { createProver as createCycleProver, type ProverParts } from '../proof/prover.ts'
import type { CycleParts } from '../requests/cycle-parts.ts'
import { trustedExitBus } from './exit-bus.ts'

type Parts = Pick<ProverParts, 'chainId' | 'journal' | 'log' | 'now' | 'onUnlistedSigner'> & {
  readonly config: CommonConfig
  readonly nodes: Endpoints<ExecutionNode>
  readonly consensusNodes: Endpoints<ConsensusNode>
  readonly readChainInfo: (signal: AbortSignal) => Promise<ChainInfo>
  readonly readLogs: LogReader
  readonly metrics: Metrics
}

/** Milliseconds for what a consensus node says of one slot. */
const SLOT_MS = 20_000

/** The proof as configured. With TRUST_MODE every request counts as proven. */
export function createProver({
  config,
  nodes,
  consensusNodes,
  readChainInfo,
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
  const exitBus = trustedExitBus(config, parts.chainId)
  const readEvidence = createEvidenceReader(nodes, readLogs, parts.now)

  async function readSlot(slot: number, host: string, signal: AbortSignal): Promise<Answer> {
    try {
      const result = await withDeadline(SLOT_MS, signal, (limited) =>
        consensusNodes.only(host, (node, inner) => node.slot(slot, inner), limited),
      )
      return { ok: true, result }
    } catch (error) {
      signal.throwIfAborted()
      return { ok: false, why: messageOf(error) }
    }
  }

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
    ask: async (lookUp, host, signal) =>
      lookUp.kind === 'block'
        ? [await readSlot(lookUp.slot, host, signal)]
        : readEvidence(lookUp, host, signal),
    mode: config.proof,
    finality: exitBus && {
      exitBus,
      nodes: consensusNodes.hosts,
      configured: consensusNodes.states().map(({ host }) => host),
      async times(signal) {
        const { genesisTime, secondsPerSlot } = await readChainInfo(signal)
        return { genesisTime, secondsPerSlot: Number(secondsPerSlot) }
      },
    },
  })
}
