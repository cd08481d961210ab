import { agreedChain } from '../../app/start-up.ts'
import type { NodeStatus } from '../../lib/layer.ts'
import { messageOf } from '../../lib/message-of.ts'
import { inTime, type Parts } from './parts.ts'

export type NodesFound = {
  readonly statuses: readonly NodeStatus[]
  /** What the nodes agree on; `undefined` where they do not, or none answers. */
  readonly chainId: bigint | undefined
  /** Why they cannot be used together, where they are on different chains. */
  readonly conflict: string | undefined
  /** Hosts that are up, synced and on that chain. */
  readonly execution: readonly string[]
  readonly consensus: readonly string[]
}

/** Asks every node what the daemon asks at its start: is it up, synced, on the chain of the others? */
export async function lookAtNodes({ nodes }: Parts, signal: AbortSignal): Promise<NodesFound> {
  const both = await inTime(signal, (deadline) =>
    Promise.all([nodes.execution.check(deadline), nodes.consensus.check(deadline)]),
  )
  const statuses = both.flat()
  const chain = chainOf(statuses, nodes.expectedChainId)
  if (chain.chainId !== undefined) expectChain({ nodes }, chain.chainId)
  const hostsOf = (layer: NodeStatus['layer']) =>
    statuses.filter((one) => one.synced && one.layer === layer).map(({ host }) => host)
  return { statuses, ...chain, execution: hostsOf('execution'), consensus: hostsOf('consensus') }
}

/** Nodes of any other chain are passed over from here on. */
export function expectChain({ nodes }: Pick<Parts, 'nodes'>, chainId: bigint): void {
  nodes.execution.expectChain(chainId)
  nodes.consensus.expectChain(chainId)
}

function chainOf(statuses: readonly NodeStatus[], expected: bigint | undefined) {
  try {
    return { chainId: agreedChain(statuses, expected), conflict: undefined }
  } catch (error) {
    return { chainId: undefined, conflict: messageOf(error) }
  }
}

/** As a clause, for each node that is not used. */
export const describeUnused = ({ statuses }: NodesFound): readonly string[] =>
  statuses.flatMap(({ layer, host, synced, why }) =>
    synced ? [] : [`${layer} node ${host} is not used: ${why}`],
  )
