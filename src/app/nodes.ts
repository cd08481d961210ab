import { headersFor } from '../config/node-headers.ts'
import type { Config } from '../config.ts'
import { type ConsensusNode, createConsensusNode } from '../consensus/consensus-node.ts'
import { createExecutionNode, type ExecutionNode } from '../execution/execution-node.ts'
import { createJwtAuthorizer } from '../execution/jwt.ts'
import type { Endpoint } from '../lib/endpoints.ts'
import type { Exchange } from '../lib/exchange.ts'
import { createHttpClient, type Send } from '../lib/http.ts'
import { createLayer, type Layer } from '../lib/layer.ts'
import type { Metrics } from '../observe/metrics.ts'

export type Nodes = {
  /** The chain that every node must be on, where NETWORK names one. */
  readonly expectedChainId: bigint | undefined
  readonly execution: Layer<ExecutionNode>
  readonly consensus: Layer<ConsensusNode>
  /** Every execution node, for what must not count for or against it. */
  readonly executionNodes: readonly Endpoint<ExecutionNode>[]
  /** Every consensus node, for submitting: also those that are passed over for reading. */
  readonly consensusNodes: readonly Endpoint<ConsensusNode>[]
  /** Highest head slot that any consensus node told. */
  readonly headSlot: () => bigint | undefined
}

/** Makes a client for each configured node, grouped by layer. */
export function createNodes(
  config: Config,
  metrics: Metrics,
  callTimeoutMs?: number,
  sendFn?: Send,
): Nodes {
  const observer =
    (observe: Metrics['observeExecutionRequest'], url: string) =>
    ({ seconds, status, ok }: Exchange) =>
      observe({
        host: new URL(url).hostname,
        status,
        seconds,
        result: ok ? 'success' : 'error',
      })
  const authorize =
    config.jwtSecretPath === undefined ? undefined : createJwtAuthorizer(config.jwtSecretPath)
  const executionNodes = name(config.executionNodes, (url) =>
    createExecutionNode(
      createHttpClient(url, sendFn, headersFor(config.nodeHeaders, url)),
      observer(metrics.observeExecutionRequest, url),
      authorize,
      callTimeoutMs,
    ),
  )
  const consensusNodes = name(config.consensusNodes, (url) =>
    createConsensusNode(
      createHttpClient(url, sendFn, headersFor(config.nodeHeaders, url)),
      config.validatorsBatchSize,
      observer(metrics.observeConsensusRequest, url),
      Date.now,
      callTimeoutMs,
    ),
  )
  const headSlots = new Map<string, bigint>()
  return {
    expectedChainId: config.chainId,
    executionNodes,
    consensusNodes,
    execution: createLayer('execution', executionNodes, {
      chainId: (node, _host, signal) => node.chainId(signal),
      syncState: (node, _host, signal) => node.syncState(signal),
    }),
    consensus: createLayer('consensus', consensusNodes, {
      chainId: (node, _host, signal) => node.chainId(signal),
      syncState: async (node, host, signal) => {
        const { headSlot, isSyncing, odd } = await node.syncStatus(signal)
        headSlots.set(host, headSlot)
        return isSyncing ? { why: `still syncing, at slot ${headSlot}`, odd } : { odd }
      },
    }),
    headSlot: () => {
      const slots = [...headSlots.values()]
      return slots.length === 0 ? undefined : slots.reduce((a, b) => (a >= b ? a : b))
    },
  }
}

/** Names a node by host and port; a second one there gets a number. Never more of the URL. */
function name<Node>(
  urls: readonly string[],
  create: (url: string) => Node,
): readonly Endpoint<Node>[] {
  const hosts = urls.map((url) => new URL(url).host)
  return urls.map((url, at) => {
    const host = hosts[at] as string
    const before = hosts.slice(0, at).filter((other) => other === host).length
    return { host: before === 0 ? host : `${host}#${before + 1}`, node: create(url) }
  })
}
