import { networkName } from '../config/networks.ts'
import type { CommonConfig } from '../config.ts'
import { pauseBefore, pause as realPause } from '../lib/deadline.ts'
import { type NodeStatus, problemOf } from '../lib/layer.ts'
import type { Mode } from '../observe/metrics.ts'
import type { Log } from '../requests/cycle-parts.ts'
import { describeScope } from '../requests/scope.ts'
import { loopbackHint } from './loopback.ts'
import type { Nodes } from './nodes.ts'

/** The operator's set-up cannot work: waiting would not help. */
export class StartUpError extends Error {
  override readonly name = 'StartUpError'
}

/**
 * Waits until each layer has a node that is up and synced, and says so meanwhile.
 *
 * @param waiting - told what is waited for, for `/readyz`
 * @param looked - told how each look found each node, for the metrics: an alert must not need a cycle
 * @param isContainer - this process runs in a container
 * @returns the chain id that all nodes agree on; `undefined` when `signal` fired first
 * @throws StartUpError when nodes that answer are on different chains
 */
export async function waitForNodes(
  nodes: Nodes,
  log: Log,
  waiting: (reasons: readonly string[]) => void,
  looked: (status: NodeStatus) => void,
  signal: AbortSignal,
  pause: typeof realPause = realPause,
  isContainer = false,
): Promise<bigint | undefined> {
  const warned = new Set<string>()
  for (let attempt = 0; !signal.aborted; attempt += 1) {
    const statuses = await lookAtBoth(nodes, signal)
    if (statuses === undefined) return undefined
    for (const status of statuses) looked(status)
    const chainId = agreedChain(statuses, nodes.expectedChainId)
    const missing = missingLayers(statuses)
    for (const status of statuses) warnOf(status, missing, warned, log)
    if (missing.length === 0 && chainId !== undefined) {
      nodes.execution.expectChain(chainId)
      nodes.consensus.expectChain(chainId)
      return chainId
    }
    waiting(missing)
    const milliseconds = pauseBefore(attempt)
    const hints = statuses.flatMap(({ host, why }) => loopbackHint(host, why, isContainer) ?? [])
    log.warn(
      `nodes are not ready: ${missing.join('; ')}; next look in ${milliseconds / 1_000} s`,
      hints[0] === undefined ? {} : { remedy: hints[0] },
    )
    await pause(milliseconds, signal)
  }
  return undefined
}

async function lookAtBoth(
  nodes: Nodes,
  signal: AbortSignal,
): Promise<readonly NodeStatus[] | undefined> {
  try {
    const both = await Promise.all([nodes.execution.check(signal), nodes.consensus.check(signal)])
    return both.flat()
  } catch (error) {
    if (signal.aborted) return undefined
    throw error
  }
}

/**
 * The chain id of all nodes that told one.
 *
 * @param expected - the chain of NETWORK, where it is set
 * @throws StartUpError when they are on different chains, or not on the expected one
 */
export function agreedChain(
  statuses: readonly NodeStatus[],
  expected: bigint | undefined,
): bigint | undefined {
  const told = statuses.filter((status) => status.chainId !== undefined)
  const chains = new Set(told.map((status) => status.chainId))
  if (chains.size > 1) {
    const list = told.map(({ layer, host, chainId }) => `${layer} node ${host}: ${chainId}`)
    throw new StartUpError(
      `the nodes are on different chains (${list.join(', ')}): set EXECUTION_NODE and CONSENSUS_NODE to nodes of one network`,
    )
  }
  const [chainId] = chains
  if (chainId !== undefined && expected !== undefined && chainId !== expected) {
    const [network, name] = [networkName(expected), networkName(chainId)]
    throw new StartUpError(
      `NETWORK is ${network} and the nodes are on ${name}: set EXECUTION_NODE and CONSENSUS_NODE to nodes of ${network}, or correct NETWORK`,
    )
  }
  return chainId
}

function missingLayers(statuses: readonly NodeStatus[]): readonly string[] {
  return (['execution', 'consensus'] as const).flatMap((layer) => {
    const ofLayer = statuses.filter((status) => status.layer === layer)
    if (ofLayer.some((status) => status.synced)) return []
    const reasons = ofLayer.map(({ host, why }) => `${host}: ${why}`)
    return [`no ${layer} node is up and synced (${reasons.join(', ')})`]
  })
}

/** A node that is not used beside one that is: said once. */
function warnOf(
  status: NodeStatus,
  missing: readonly string[],
  warned: Set<string>,
  log: Log,
): void {
  const line = problemOf(status)
  // What is odd about one that is used, the cycle says.
  if (line === undefined || status.synced || warned.has(line)) return
  if (missing.some((reason) => reason.includes(status.layer))) return
  warned.add(line)
  log.warn(line)
}

/** What the first line of the log tells: no URL, which may hold a key. */
export function describeSetUp(
  config: CommonConfig,
  mode: Mode,
  chainId: bigint,
): Readonly<Record<string, unknown>> {
  const hosts = (urls: readonly string[]) => urls.map((url) => new URL(url).host)
  return {
    mode,
    ...(config.dryRun ? { dryRun: true } : {}),
    ...(config.trustMode ? { trustMode: true } : { proof: config.proof }),
    network: networkName(chainId),
    scope: describeScope(config.scope),
    executionNodes: hosts(config.executionNodes),
    consensusNodes: hosts(config.consensusNodes),
  }
}
