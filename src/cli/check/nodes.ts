import { agreedChain } from '../../app/start-up.ts'
import { networkName } from '../../config/networks.ts'
import type { NodeStatus } from '../../lib/layer.ts'
import { messageOf } from '../../lib/message-of.ts'
import { describeTimeLeft } from '../../requests/deadlines.ts'
import { inTime, type World } from '../world.ts'
import { type Finding, failure, ok, unlessAnother } from './finding.ts'

export type NodesFound = {
  readonly findings: readonly Finding[]
  /** What the nodes agree on; `undefined` where they do not, or none answers. */
  readonly chainId: bigint | undefined
  /** Hosts that are up, synced and on that chain. */
  readonly execution: readonly string[]
  readonly consensus: readonly string[]
}

const VARIABLE = { execution: 'EXECUTION_NODE', consensus: 'CONSENSUS_NODE' } as const

/** Each node: does it answer, is it synced, are all on one chain? */
export async function checkNodes({ nodes }: World, signal: AbortSignal): Promise<NodesFound> {
  const both = await inTime(signal, (deadline) =>
    Promise.all([nodes.execution.check(deadline), nodes.consensus.check(deadline)]),
  )
  const statuses = both.flat()
  const chain = chainOf(statuses, nodes.expectedChainId)
  if (chain.id !== undefined) {
    nodes.execution.expectChain(chain.id)
    nodes.consensus.expectChain(chain.id)
  }
  const usable = statuses.filter(({ synced }) => synced)
  const hostsOf = (layer: NodeStatus['layer']) =>
    usable.filter((status) => status.layer === layer).map(({ host }) => host)
  return {
    findings: [...statuses.map((status) => tellNode(status, usable)), ...chain.findings],
    chainId: chain.id,
    execution: hostsOf('execution'),
    consensus: hostsOf('consensus'),
  }
}

function tellNode(status: NodeStatus, usable: readonly NodeStatus[]): Finding {
  const { layer, host, up, synced, chainId, why } = status
  const [id, title] = [`${layer}-node`, `${layer} node ${host}`]
  if (synced) return ok(id, title, `synced, on ${networkName(chainId ?? 0n)}`)
  const isAnotherGood = usable.some((other) => other.layer === layer)
  if (up) {
    const remedy = 'wait until it is synced, or name another node'
    return unlessAnother(isAnotherGood, { id, title, detail: `${why}`, remedy })
  }
  const detail = why === 'not asked yet' ? 'no answer in time' : `not used: ${why}`
  const remedy = `start it, or correct ${VARIABLE[layer]}`
  return unlessAnother(isAnotherGood, { id, title, detail, remedy })
}

function chainOf(statuses: readonly NodeStatus[], expected: bigint | undefined) {
  try {
    return { id: agreedChain(statuses, expected), findings: [] }
  } catch (error) {
    const detail = messageOf(error).replace(/: set EXECUTION_NODE.*$/s, '')
    const remedy =
      'set EXECUTION_NODE and CONSENSUS_NODE to nodes of one network, that of NETWORK where it is set'
    return {
      id: undefined,
      findings: [failure({ id: 'chain', title: 'one chain', detail, remedy })],
    }
  }
}

/** Seconds. A healthy chain finalizes every 13 minutes; the daemon warns after as long. */
const STALE_AFTER_S = 60 * 60

const STALE_REMEDY = {
  execution:
    'requests after it are not seen: see whether the chain finalizes, and the node follows',
  consensus: 'see whether the chain finalizes, and the node follows',
} as const

/** Does finality move, as each node sees it? */
export async function checkFinality(
  world: World,
  found: NodesFound,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const execution = await Promise.all(
    found.execution.map((host) => tell('execution', host, executionAge(world, host, signal))),
  )
  const consensus = await Promise.all(
    found.consensus.map((host) => tell('consensus', host, consensusAge(world, host, signal))),
  )
  return [...settle(execution), ...settle(consensus)]
}

type Told = { readonly finding: Finding; readonly isGood: boolean }

async function tell(
  layer: NodeStatus['layer'],
  host: string,
  age: Promise<{ readonly what: string; readonly seconds: number | undefined }>,
): Promise<Told> {
  const [id, title] = [`${layer}-finality`, `finality at ${host}`]
  try {
    const { what, seconds } = await age
    const since = seconds === undefined ? '' : `, ${ago(seconds)}`
    if (seconds === undefined || seconds < STALE_AFTER_S) {
      return { finding: ok(id, title, `${what}${since}`), isGood: true }
    }
    const detail = `does not move: ${what} was ${describeTimeLeft(seconds)} ago`
    const remedy = STALE_REMEDY[layer]
    return { finding: failure({ id, title, detail, remedy }), isGood: false }
  } catch (error) {
    const detail = `cannot be read: ${messageOf(error)}`
    const remedy = 'see the log of that node'
    return { finding: failure({ id, title, detail, remedy }), isGood: false }
  }
}

const ago = (seconds: number) => (seconds < 60 ? 'just now' : `${describeTimeLeft(seconds)} ago`)

/** What fails at one node only is worth no more than a look. */
function settle(told: readonly Told[]): readonly Finding[] {
  const isAnyGood = told.some(({ isGood }) => isGood)
  return told.map(({ finding }) =>
    finding.status === 'failure' && isAnyGood ? { ...finding, status: 'warning' } : finding,
  )
}

async function executionAge({ nodes, now }: World, host: string, signal: AbortSignal) {
  const head = await inTime(signal, (deadline) =>
    nodes.execution.nodes.only(host, (node, _host, inner) => node.finalizedBlock(inner), deadline),
  )
  const seconds = head.timestamp === undefined ? undefined : now() / 1_000 - head.timestamp
  return { what: `block ${head.number}`, seconds }
}

async function consensusAge(
  { nodes, readChainInfo, now }: World,
  host: string,
  signal: AbortSignal,
) {
  return inTime(signal, async (deadline) => {
    const epoch = await nodes.consensus.nodes.only(
      host,
      (node, _host, inner) => node.finalizedEpoch(inner),
      deadline,
    )
    const info = await readChainInfo(deadline)
    const start = Number(epoch * info.slotsPerEpoch * info.secondsPerSlot) + info.genesisTime
    return { what: `epoch ${epoch}`, seconds: now() / 1_000 - start }
  })
}
