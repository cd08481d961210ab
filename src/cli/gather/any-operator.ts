import { type Contracts, resolveContracts } from '../../execution/contracts.ts'
import { filterOf, readExitLog } from '../../execution/exit-log.ts'
import { createLogReader } from '../../execution/logs.ts'
import { messageOf } from '../../lib/message-of.ts'
import type { ExitRequest, RequestKey } from '../../requests/exit-request.ts'
import type { Facts } from '../../requests/facts.ts'
import { EVERY_MODULE } from '../../requests/scope.ts'
import type { Parts } from './parts.ts'

type Task = {
  readonly chainId: bigint
  /** Exit buses that a daemon knew count too. */
  readonly facts: Pick<Facts, 'exitBuses'>
  readonly isWanted: (request: ExitRequest) => boolean
}

export type Found = {
  readonly requests: readonly ExitRequest[]
  readonly contracts: readonly Contracts[]
  /** Blocks that were read; `undefined`: none could be. */
  readonly blocks: { readonly from: number; readonly to: number } | undefined
  readonly problems: readonly string[]
}

/**
 * Reads the requests of the look-back that are wanted, whichever operator was asked, from every
 * execution node that is up.
 */
export async function readAnyOperator(
  parts: Parts,
  { chainId, facts, isWanted }: Task,
  signal: AbortSignal,
): Promise<Found> {
  const { config, nodes, now, progress } = parts
  const readLogs = createLogReader(config.loadLogsStep, now)
  const requests = new Map<RequestKey, ExitRequest>()
  const unread: string[] = []
  const answers = await nodes.execution.nodes.every(async (node, deadline, host) => {
    const to = (await node.finalizedBlock(deadline)).number
    const from = Math.max(0, to - config.blocksPreload)
    const contracts = await resolveContracts(node, config.locatorAddress, deadline)
    const exitBuses = [...new Set([contracts.exitBus, ...facts.exitBuses])]
    const everyone = { moduleId: EVERY_MODULE, operatorIds: [] }
    const query = { chainId, exitBuses, ...everyone, fromBlock: from, toBlock: to }
    await readLogs(
      node,
      filterOf(query),
      (logs, fromBlock, toBlock) => {
        progress('reading blocks', to - fromBlock, to - from)
        for (const raw of logs) {
          const reading = readExitLog(raw, { ...query, fromBlock, toBlock })
          if (reading.ok && isWanted(reading.request)) {
            requests.set(reading.request.key, reading.request)
          }
        }
      },
      deadline,
      ({ fromBlock, toBlock, reason }) =>
        unread.push(`blocks ${fromBlock} to ${toBlock} could not be read from ${host}: ${reason}`),
    )
    return { contracts, from, to }
  }, signal)
  const read = answers.flatMap((answer) => (answer.ok ? [answer.value] : []))
  const failed = answers.flatMap((answer) =>
    answer.ok ? [] : [`blocks could not be read from ${answer.host}: ${messageOf(answer.error)}`],
  )
  return {
    requests: [...requests.values()],
    contracts: read.map(({ contracts }) => contracts),
    blocks: read[0] && { from: read[0].from, to: read[0].to },
    problems:
      answers.length === 0
        ? ['no execution node answers: no block was read']
        : [...failed, ...unread],
  }
}
