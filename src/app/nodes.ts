import { headersFor } from '../config/node-headers.ts'
import type { CommonConfig } from '../config.ts'
import { type ConsensusNode, createConsensusNode } from '../consensus/consensus-node.ts'
import { createExecutionNode, type ExecutionNode } from '../execution/execution-node.ts'
import { createJwtAuthorizer } from '../execution/jwt.ts'
import type { Endpoint } from '../lib/endpoints.ts'
import type { Exchange } from '../lib/exchange.ts'
import { createHttpClient, type HttpClient, type Send } from '../lib/http.ts'
import { createLayer, type Layer, type LayerName } from '../lib/layer.ts'
import type { Metrics } from '../observe/metrics.ts'
import { explainWrongService } from './wrong-service.ts'

export type Nodes = {
  /** The chain that every node must be on, where NETWORK names one. */
  readonly expectedChainId: bigint | undefined
  readonly execution: Layer<ExecutionNode>
  readonly consensus: Layer<ConsensusNode>
  /** Every consensus node, for submitting: also those that are passed over for reading. */
  readonly consensusNodes: readonly (Endpoint<ConsensusNode> & ConsensusClient)[]
  /** Of the consensus nodes that are synced now: what others told once may be days old. */
  readonly headSlots: () => readonly bigint[]
}

/** How a consensus node is reached, and what is measured of it. */
type ConsensusClient = {
  readonly http: HttpClient
  readonly observe: (exchange: Exchange) => void
  readonly timeoutMs: number | undefined
}

/** Makes a client for each configured node, grouped by layer. */
export function createNodes(
  config: CommonConfig,
  metrics: Metrics,
  callTimeoutMs?: number,
  sendFn?: Send,
): Nodes {
  const clients = (urls: readonly string[], observe: Metrics['observeExecutionRequest']) =>
    named(urls).map(({ host, url }) => ({
      host,
      http: createHttpClient(url, sendFn, headersFor(config.nodeHeaders, url)),
      observe: ({ seconds, status, ok }: Exchange) => {
        const result = ok ? 'success' : 'error'
        observe({ host: new URL(url).hostname, status, seconds, result })
      },
    }))
  const execution = clients(config.executionNodes, metrics.observeExecutionRequest)
  const consensus = clients(config.consensusNodes, metrics.observeConsensusRequest)

  const authorize =
    config.jwtSecretPath === undefined ? undefined : createJwtAuthorizer(config.jwtSecretPath)
  const executionNodes = execution.map(({ host, http, observe }) => ({
    host,
    node: createExecutionNode(http, observe, authorize, callTimeoutMs),
  }))
  const { validatorsBatchSize } = config
  const consensusNodes = consensus.map(({ host, http, observe }) => ({
    host,
    http,
    observe,
    timeoutMs: callTimeoutMs,
    node: createConsensusNode(http, validatorsBatchSize, observe, Date.now, callTimeoutMs),
  }))
  const headSlots = new Map<string, bigint>()
  const consensusLayer = createLayer('consensus', consensusNodes, {
    chainId: chainIdReader('consensus', consensus),
    syncState: async (node, signal, host) => {
      const { headSlot, isSyncing, odd } = await node.syncStatus(signal)
      headSlots.set(host, headSlot)
      return isSyncing ? { why: `still syncing, at slot ${headSlot}`, odd } : { odd }
    },
  })
  return {
    expectedChainId: config.chainId,
    consensusNodes,
    execution: createLayer('execution', executionNodes, {
      chainId: chainIdReader('execution', execution),
      syncState: (node, signal) => node.syncState(signal),
    }),
    consensus: consensusLayer,
    headSlots: () =>
      consensusLayer
        .statuses()
        .flatMap(({ host, synced }) => (synced ? (headSlots.get(host) ?? []) : [])),
  }
}

/** The chain id; where there is none, it is told what else answers there. */
function chainIdReader(
  layer: LayerName,
  clients: readonly { readonly host: string; readonly http: HttpClient }[],
) {
  return async function readChainId(
    node: { chainId(signal: AbortSignal): Promise<bigint> },
    signal: AbortSignal,
    host: string,
  ): Promise<bigint> {
    try {
      return await node.chainId(signal)
    } catch (error) {
      const http = clients.find((client) => client.host === host)?.http
      throw http === undefined ? error : await explainWrongService(error, layer, http, signal)
    }
  }
}

/** Names a node by host and port; a second one there gets a number. Never more of the URL. */
function named(urls: readonly string[]) {
  const hosts = urls.map((url) => new URL(url).host)
  return urls.map((url, at) => {
    const host = hosts[at] as string
    const before = hosts.slice(0, at).filter((other) => other === host).length
    return { host: before === 0 ? host : `${host}#${before + 1}`, url }
  })
}
