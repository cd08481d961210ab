import { loopbackHint } from '../../app/loopback.ts'
import { networkName } from '../../config/networks.ts'
import type { NodeStatus } from '../../lib/layer.ts'
import { messageOf } from '../../lib/message-of.ts'
import { describeTimeLeft } from '../../requests/deadlines.ts'
import type { NodesFound } from '../gather/nodes.ts'
import { askEach, type NodeAnswer, type Parts } from '../gather/parts.ts'
import { type Finding, failure, ok, splitRemedy, unlessAnother, warning } from './finding.ts'

const VARIABLE = { execution: 'EXECUTION_NODE', consensus: 'CONSENSUS_NODE' } as const

/** Each node: does it answer, is it synced, are all on one chain? */
export function tellNodes(
  { statuses, conflict }: NodesFound,
  isContainer: boolean,
): readonly Finding[] {
  const tell = (status: NodeStatus): Finding => {
    const { layer, host, up, synced, chainId, why, odd } = status
    const [id, title] = [`${layer}-node`, `${layer} node ${host}`]
    if (synced && odd !== undefined) {
      const detail = `${odd}: it is used, since its latest block is recent`
      return warning({ id, title, detail, remedy: 'see whether that node follows its chain' })
    }
    if (synced) return ok(id, title, `synced, on ${networkName(chainId ?? 0n)}`)
    const isAnotherGood = statuses.some((other) => other.layer === layer && other.synced)
    if (up) {
      const remedy = 'wait until it is synced, or name another node'
      return unlessAnother(isAnotherGood, { id, title, detail: `${why}`, remedy })
    }
    const detail = why === 'not asked yet' ? 'no answer in time' : `not used: ${why}`
    const hint = loopbackHint(host, why, isContainer)
    const remedy = hint ?? `start it, or correct ${VARIABLE[layer]}`
    return unlessAnother(isAnotherGood, { id, title, detail, remedy })
  }
  if (conflict === undefined) return statuses.map(tell)
  const told = { id: 'chain', title: 'one chain', ...splitRemedy(conflict) }
  return [...statuses.map(tell), failure(told)]
}

/** Seconds. A healthy chain finalizes every 13 minutes; the daemon warns after as long. */
const STALE_AFTER_S = 60 * 60

type Age = {
  /** The newest finalized block or epoch. */
  readonly what: string
  readonly seconds: number | undefined
}

/** Does finality move, as each node sees it? */
export async function checkFinality(
  parts: Parts,
  found: NodesFound,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const [execution, consensus] = await Promise.all([
    askEach(found.execution, signal, (host, deadline) => executionAge(parts, host, deadline)),
    askEach(found.consensus, signal, (host, deadline) => consensusAge(parts, host, deadline)),
  ])
  return [...tellAges('execution', execution), ...tellAges('consensus', consensus)]
}

const isFresh = (one: NodeAnswer<Age>) => 'value' in one && (one.value.seconds ?? 0) < STALE_AFTER_S

function tellAges(layer: NodeStatus['layer'], answers: readonly NodeAnswer<Age>[]) {
  const isAnyGood = answers.some(isFresh)
  return answers.map((answer) => {
    const [id, title] = [`${layer}-finality`, `finality at ${answer.host}`]
    if ('error' in answer) {
      const detail = `cannot be read: ${messageOf(answer.error)}`
      return unlessAnother(isAnyGood, { id, title, detail, remedy: 'see the log of that node' })
    }
    const { what, seconds } = answer.value
    if (isFresh(answer)) return ok(id, title, `${what}${ago(seconds)}`)
    const detail = `does not move: ${what} was ${describeTimeLeft(seconds ?? 0)} ago`
    const unseen = layer === 'execution' ? 'requests after it are not seen: ' : ''
    const remedy = `${unseen}see whether the chain finalizes, and the node follows`
    return unlessAnother(isAnyGood, { id, title, detail, remedy })
  })
}

function ago(seconds: number | undefined): string {
  if (seconds === undefined) return ''
  return seconds < 60 ? ', just now' : `, ${describeTimeLeft(seconds)} ago`
}

async function executionAge({ nodes, now }: Parts, host: string, signal: AbortSignal) {
  const head = await nodes.execution.nodes.only(
    host,
    (node, deadline) => node.finalizedBlock(deadline),
    signal,
  )
  const seconds = head.timestamp === undefined ? undefined : now() / 1_000 - head.timestamp
  return { what: `block ${head.number}`, seconds }
}

async function consensusAge(
  { nodes, readChainInfo, now }: Parts,
  host: string,
  signal: AbortSignal,
) {
  const epoch = await nodes.consensus.nodes.only(
    host,
    (node, deadline) => node.finalizedEpoch(deadline),
    signal,
  )
  const info = await readChainInfo(signal)
  const start = Number(epoch * info.slotsPerEpoch * info.secondsPerSlot) + info.genesisTime
  return { what: `epoch ${epoch}`, seconds: now() / 1_000 - start }
}
