import { NoAnswerError } from '../lib/http.ts'
import { type ExecutionNode, type LogFilter, RpcError } from './execution-node.ts'

/** Reads the logs of a range from one node, part by part, in ascending order. */
export type LogReader = (
  node: ExecutionNode,
  filter: LogFilter,
  onPart: (logs: readonly unknown[], fromBlock: number, toBlock: number) => void,
  signal: AbortSignal,
) => Promise<void>

/**
 * Providers cap ranges and result sizes, with many codes and texts: whatever a node refuses is
 * asked for again in halves, down to one block, and the range grows again after each success.
 * Remembers the widest range that each node bears.
 *
 * @param widestRange - blocks per `eth_getLogs` (LOAD_LOGS_STEP)
 * @throws what the node throws when even one block is refused, or when it does not answer
 */
export function createLogReader(widestRange: number): LogReader {
  const steps = new WeakMap<ExecutionNode, number>()

  return async function readLogs(node, filter, onPart, signal) {
    let from = filter.fromBlock
    while (from <= filter.toBlock) {
      const step = steps.get(node) ?? widestRange
      const to = Math.min(from + step - 1, filter.toBlock)
      const narrower = Math.max(1, Math.floor((to - from + 1) / 2))
      const logs = await readPart(
        node,
        { ...filter, fromBlock: from, toBlock: to },
        () => steps.set(node, narrower),
        signal,
      )
      if (logs === 'too-wide') {
        steps.set(node, narrower)
        continue
      }
      onPart(logs, from, to)
      from = to + 1
      steps.set(node, Math.min(step * 2, widestRange))
    }
  }
}

async function readPart(
  node: ExecutionNode,
  filter: LogFilter,
  onNoAnswer: () => void,
  signal: AbortSignal,
): Promise<readonly unknown[] | 'too-wide'> {
  try {
    return await node.logs(filter, signal)
  } catch (error) {
    if (error instanceof RpcError && filter.toBlock > filter.fromBlock) return 'too-wide'
    // It may have been too much work for the node: the next attempt asks for less.
    if (error instanceof NoAnswerError) onNoAnswer()
    throw error
  }
}
