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
}

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
  readonly chainId: (node: Node, signal: AbortSignal) => Promise<bigint>
  /** A reason when the node is not synced. */
  readonly notSynced: (node: Node, host: string, signal: AbortSignal) => Promise<string | undefined>
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

  function setStatus(
    host: string,
    found: { up: boolean; chainId: bigint | undefined; why: string | undefined },
  ) {
    statuses.set(host, { layer: name, host, ...found, synced: found.up && found.why === undefined })
  }

  function knownChain(host: string): bigint | undefined {
    const age = now() - (toldAt.get(host) ?? Number.NEGATIVE_INFINITY)
    const isRecent = age >= 0 && age < CHAIN_AGAIN_MS
    const known = isRecent ? statuses.get(host)?.chainId : undefined
    if (known === undefined) toldAt.set(host, now())
    return known
  }

  async function look(node: Node, host: string, signal: AbortSignal): Promise<void> {
    const chainId = knownChain(host) ?? (await probes.chainId(node, signal))
    const why =
      expected !== undefined && chainId !== expected
        ? `on chain ${chainId} instead of ${expected}`
        : await probes.notSynced(node, host, signal)
    nodes.leaveOut(host, why)
    // A node on another chain is asked again each time: it may have been set right.
    const remembered = expected !== undefined && chainId !== expected ? undefined : chainId
    setStatus(host, { up: true, chainId: remembered, why })
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
