import { TOPICS } from '../../execution/abi.ts'
import { type Contracts, resolveContracts } from '../../execution/contracts.ts'
import type { ExecutionNode } from '../../execution/execution-node.ts'
import {
  describeVersions,
  type ProtocolVersions,
  readVersions,
} from '../../execution/protocol-versions.ts'
import { RpcError } from '../../execution/rpc-errors.ts'
import { NoAnswerError } from '../../lib/http.ts'
import { messageOf } from '../../lib/message-of.ts'
import { askEach, type Parts } from '../gather/parts.ts'
import { type Finding, failure, ok, unlessAnother, warning } from './finding.ts'

export type ContractsFound = {
  readonly findings: readonly Finding[]
  readonly contracts: Contracts | undefined
}

/** Locator → exit bus → HashConsensus, as each of these nodes says. */
export async function checkContracts(
  { config, nodes }: Parts,
  hosts: readonly string[],
  signal: AbortSignal,
): Promise<ContractsFound> {
  const [id, title] = ['contracts', 'contracts']
  const answers = await askEach(hosts, signal, (host, deadline) =>
    nodes.execution.nodes.only(
      host,
      async (node, inner) => {
        const contracts = await resolveContracts(node, config.locatorAddress, inner)
        return {
          ...contracts,
          versions: await readVersions(node, contracts.exitBus, inner).catch(() => undefined),
        }
      },
      deadline,
    ),
  )
  const told = answers.flatMap((answer) => ('value' in answer ? [answer.value] : []))
  const failed = answers.flatMap((answer) => {
    if ('value' in answer) return []
    const remedy =
      answer.error instanceof NoAnswerError
        ? 'see the log of that node'
        : 'set LOCATOR_ADDRESS to the Lido Locator of this network'
    const detail = messageOf(answer.error)
    const finding = { id, title: `${title} at ${answer.host}`, detail, remedy }
    return [unlessAnother(told.length > 0, finding)]
  })
  const [first] = told
  if (first === undefined) return { findings: failed, contracts: undefined }
  const distinct = [...new Set(told.map(({ exitBus, consensus }) => `${exitBus} ${consensus}`))]
  if (distinct.length > 1) {
    const detail = `the nodes name different ones: ${distinct.join(' or ')}`
    const remedy = 'see which node is right, and remove the other'
    return { findings: [failure({ id, title, detail, remedy }), ...failed], contracts: first }
  }
  const detail = `exit bus ${first.exitBus}, HashConsensus ${first.consensus}`
  const versions = tellVersions(told.flatMap((one) => one.versions ?? []))
  return { findings: [ok(id, title, detail), ...versions, ...failed], contracts: first }
}

/** Of the exit bus, as each node tells them. */
function tellVersions(told: readonly ProtocolVersions[]): readonly Finding[] {
  const [id, title] = ['protocol-versions', 'versions of the exit bus']
  const [first] = told
  if (first === undefined) return []
  const [problem] = told.flatMap((versions) => describeVersions(versions) ?? [])
  if (problem === undefined) {
    return [ok(id, title, `contract ${first.contract}, consensus ${first.consensus}`)]
  }
  const remedy = 'look for a newer release of this program, and compare open requests by hand'
  return [failure({ id, title, detail: problem, remedy })]
}

/** Does each node give logs of the newest blocks, and how many blocks at once? */
export async function checkLogRanges(
  { config, nodes }: Parts,
  hosts: readonly string[],
  { exitBus }: Contracts,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const step = config.loadLogsStep
  const answers = await askEach(hosts, signal, (host, deadline) =>
    nodes.execution.nodes.only(
      host,
      (node, inner) => widestRange(node, exitBus, step, inner),
      deadline,
    ),
  )
  const isAnyGood = answers.some((answer) => 'value' in answer)
  return answers.map((answer) => {
    const [id, title] = ['log-range', `logs of ${answer.host}`]
    if ('error' in answer) {
      const detail = `eth_getLogs does not work: ${messageOf(answer.error)}`
      return unlessAnother(isAnyGood, { id, title, detail, remedy: 'name a node that serves logs' })
    }
    const { value: width } = answer
    if (width >= step) return ok(id, title, `${width} blocks at once`)
    const detail = `no more than ${width} blocks at once: the daemon asks in smaller parts`
    const remedy = `LOAD_LOGS_STEP=${width} spares it the rejected calls`
    return warning({ id, title, detail, remedy })
  })
}

/** Down from what is configured, in halves. @throws when even one block is too much */
async function widestRange(
  node: ExecutionNode,
  exitBus: Contracts['exitBus'],
  step: number,
  signal: AbortSignal,
): Promise<number> {
  const head = await node.finalizedBlock(signal)
  const topics = [TOPICS.validatorExitRequest]
  for (let blocks = step; ; blocks = Math.floor(blocks / 2)) {
    const fromBlock = Math.max(0, head.number - blocks + 1)
    try {
      await node.logs({ address: exitBus, topics, fromBlock, toBlock: head.number }, signal)
      return blocks
    } catch (error) {
      if (!(error instanceof RpcError) || blocks <= 1) throw error
    }
  }
}
