import type { ExitRequest } from '../requests/exit-request.ts'
import { TOPICS } from './abi.ts'
import type { BlockRange } from './block-ranges.ts'
import type { ExecutionNode } from './execution-node.ts'
import { type ExitLogQuery, readExitLog, topicOf } from './exit-log.ts'
import type { LogReader } from './logs.ts'

type Query = Omit<ExitLogQuery, 'chainId'>

/** What one node gave for one part of a range, checked. */
export type ExitEvents = BlockRange & {
  readonly requests: readonly ExitRequest[]
  /** Why logs were dropped, a line each kind. They were not asked for. */
  readonly dropped: readonly string[]
}

/**
 * Reads one module's events of one node, part by part, so that what was read stays read when a
 * later part fails.
 *
 * @throws as `LogReader` does
 */
export type ExitEventReader = (
  node: ExecutionNode,
  query: Query,
  onPart: (events: ExitEvents) => void,
  signal: AbortSignal,
  onFailed: Parameters<LogReader>[4],
) => Promise<void>

export function createExitEventReader(chainId: bigint, readLogs: LogReader): ExitEventReader {
  return async function readExitEvents(node, query, onPart, signal, onFailed) {
    await readLogs(
      node,
      toFilter(query),
      (logs, fromBlock, toBlock) => onPart(check(logs, { ...query, chainId, fromBlock, toBlock })),
      signal,
      onFailed,
    )
  }
}

function check(logs: readonly unknown[], range: ExitLogQuery): ExitEvents {
  const requests: ExitRequest[] = []
  const dropped = new Map<string, number>()
  for (const raw of logs) {
    const reading = readExitLog(raw, range)
    if (reading.ok) requests.push(reading.request)
    else dropped.set(reading.why, (dropped.get(reading.why) ?? 0) + 1)
  }
  return {
    requests,
    dropped: [...dropped].map(([why, count]) => `${why} (${count})`),
    fromBlock: range.fromBlock,
    toBlock: range.toBlock,
  }
}

function toFilter({ exitBuses, moduleId, operatorIds, fromBlock, toBlock }: Query) {
  const [only, ...others] = exitBuses
  return {
    address: only !== undefined && others.length === 0 ? only : exitBuses,
    topics: [TOPICS.validatorExitRequest, topicOf(moduleId), operatorIds.map(topicOf)],
    fromBlock,
    toBlock,
  }
}
