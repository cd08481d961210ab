import { createEndpoints, type Endpoint, type Endpoints } from './endpoints.ts'
import { NoAnswerError } from './http.ts'
import { messageOf } from './message-of.ts'

export type LayerName = 'execution' | 'consensus'

/** One node as the latest look at it found it. */
export type NodeStatus = {
  readonly layer: LayerName
  readonly host: string
  /** The node answers. */
  readonly up: boolean
  /** It answers, is synced and on the right chain: reads go to it. */
  readonly synced: boolean
  readonly chainId: bigint | undefined
  /** Why it is not used now. */
  readonly why: string | undefined
  /** What is odd about it, although it is used: worth one warning. */
  readonly odd?: string | undefined
}

/** What is wrong or odd about a node, in a line; `undefined` of one in order. */
export function problemOf({ layer, host, synced, why, odd }: NodeStatus): string | undefined {
  if (!synced) return `${layer} node ${host} is not used: ${why}`
  if (odd === undefined) return undefined
  return `${layer} node ${host} ${odd}: it is used, since its latest block is recent`
}

/** How far a node follows its chain. */
export type SyncState = {
  /** Why it is not synced. */
  readonly why?: string | undefined
  /** Why its own word does not count, where the age of its head was looked at instead. */
  readonly odd?: string | undefined
}

/** Seconds. Fifty slots without a block: on a chain in order that does not happen. */
const MAX_HEAD_AGE_S = 600

/**
 * Whether a node whose word on its syncing does not count is synced all the same.
 *
 * @param headTime - of its latest block, unix seconds
 * @param now - unix ms
 */
export const isHeadRecent = (headTime: number, now: number) =>
  now / 1_000 - headTime <= MAX_HEAD_AGE_S

/** The nodes of one layer, and what is known of them. */
export type Layer<Node> = {
  readonly name: LayerName
  readonly nodes: Endpoints<Node>
  /** Looks at every node. Those that lag, or are on another chain, are passed over until they are not. */
  check(signal: AbortSignal): Promise<readonly NodeStatus[]>
  /** What is known of each now. */
  statuses(): readonly NodeStatus[]
  /** From here on nodes of any other chain are passed over. */
  expectChain(chainId: bigint): void
}

type Probes<Node> = {
  readonly chainId: (node: Node, signal: AbortSignal, host: string) => Promise<bigint>
  readonly syncState: (node: Node, signal: AbortSignal, host: string) => Promise<SyncState>
}

/** A node may be another one after a restart that no call of ours fell into. */
const CHAIN_AGAIN_MS = 10 * 60 * 1_000

export function createLayer<Node>(
  name: LayerName,
  endpoints: readonly Endpoint<Node>[],
  probes: Probes<Node>,
  now: () => number = Date.now,
): Layer<Node> {
  const statuses = new Map<string, NodeStatus>()
  /** When each told its chain, unix ms. */
  const toldAt = new Map<string, number>()
  let expected: bigint | undefined
  const nodes = createEndpoints(
    endpoints,
    (error) => error instanceof NoAnswerError,
    ({ host, up }, error) => {
      // Behind the same URL another node may come back: its chain is asked for again.
      if (!up) setStatus(host, { up: false, chainId: undefined, why: messageOf(error) })
    },
  )
  for (const { host } of endpoints) {
    setStatus(host, { up: false, chainId: undefined, why: 'not asked yet' })
  }

  function setStatus(host: string, found: Pick<NodeStatus, 'up' | 'chainId' | 'why' | 'odd'>) {
    statuses.set(host, { layer: name, host, ...found, synced: found.up && found.why === undefined })
  }

  function knownChain(host: string): bigint | undefined {
    const age = now() - (toldAt.get(host) ?? Number.NEGATIVE_INFINITY)
    const isRecent = age >= 0 && age < CHAIN_AGAIN_MS
    const known = isRecent ? statuses.get(host)?.chainId : undefined
    if (known === undefined) toldAt.set(host, now())
    return known
  }

  async function look(node: Node, signal: AbortSignal, host: string): Promise<void> {
    const chainId = knownChain(host) ?? (await probes.chainId(node, signal, host))
    const isElsewhere = expected !== undefined && chainId !== expected
    const { why, odd } = isElsewhere
      ? { why: `on chain ${chainId} instead of ${expected}` }
      : await probes.syncState(node, signal, host)
    nodes.leaveOut(host, why)
    // A node on another chain is asked again each time: it may have been corrected.
    setStatus(host, { up: true, chainId: isElsewhere ? undefined : chainId, why, odd })
  }

  return {
    name,
    nodes,
    async check(signal) {
      const answers = await nodes.probe(look, signal)
      for (const { host, ...answer } of answers) {
        if (!answer.ok) {
          setStatus(host, { up: false, chainId: undefined, why: messageOf(answer.error) })
        }
      }
      return [...statuses.values()]
    },
    statuses: () => [...statuses.values()],
    expectChain(chainId) {
      expected = chainId
    },
  }
}
