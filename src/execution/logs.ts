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
 * What was too much for a node is not asked for again for so long: at first shortly, since it may
 * have been a passing fault, and longer each time that it was too much again.
 */
const FIRST_CAREFUL_MS = 1_000
const LONGEST_CAREFUL_MS = 10 * 60 * 1_000
/** Blocks. When a node does not answer for so few, their number is not the reason. */
const FEW_BLOCKS = 100

/** How wide a range one node bears. */
type Width = {
  blocks: number
  /** What was borne when more was too much; it counts until then. */
  ceiling: number
  ceilingUntil: number
  carefulMs: number
}

/**
 * Providers cap ranges and result sizes, with many codes and texts: whatever a node refuses is
 * asked for again in halves, down to one block, and the range grows again later. Remembers the
 * widest range that each node bears.
 *
 * @param widestRange - blocks per `eth_getLogs` (LOAD_LOGS_STEP)
 * @throws what the node throws when even one block is refused, or when it does not answer
 */
export function createLogReader(widestRange: number, now: () => number = Date.now): LogReader {
  const widths = new WeakMap<ExecutionNode, Width>()

  function widthOf(node: ExecutionNode): Width {
    const width = widths.get(node) ?? {
      blocks: widestRange,
      ceiling: widestRange,
      ceilingUntil: 0,
      carefulMs: 0,
    }
    widths.set(node, width)
    return width
  }

  function narrow(width: Width, tooWide: number): void {
    const isNewFault = now() >= width.ceilingUntil
    if (isNewFault) {
      width.carefulMs = Math.max(
        FIRST_CAREFUL_MS,
        Math.min(width.carefulMs * 2, LONGEST_CAREFUL_MS),
      )
    }
    width.blocks = Math.max(1, Math.floor(tooWide / 2))
    width.ceiling = width.blocks
    width.ceilingUntil = now() + width.carefulMs
  }

  function widen(width: Width, borne: number): void {
    if (borne > width.ceiling) width.carefulMs = 0
    const limit = now() < width.ceilingUntil ? width.ceiling : widestRange
    width.blocks = Math.min(Math.max(width.blocks, borne) * 2, limit)
  }

  return async function readLogs(node, filter, onPart, signal) {
    let from = filter.fromBlock
    while (from <= filter.toBlock) {
      const width = widthOf(node)
      const to = Math.min(from + width.blocks - 1, filter.toBlock)
      const blocks = to - from + 1
      const part = { ...filter, fromBlock: from, toBlock: to }
      const logs = await readPart(
        node,
        part,
        () => {
          if (blocks > FEW_BLOCKS) narrow(width, blocks)
        },
        // One block cannot be too wide: it was something else all along.
        () => Object.assign(width, { blocks: widestRange, ceilingUntil: 0, carefulMs: 0 }),
        signal,
      )
      if (logs === 'too-wide') {
        narrow(width, blocks)
        continue
      }
      onPart(logs, from, to)
      from = to + 1
      widen(width, blocks)
    }
  }
}

async function readPart(
  node: ExecutionNode,
  filter: LogFilter,
  onNoAnswer: () => void,
  onRefused: () => void,
  signal: AbortSignal,
): Promise<readonly unknown[] | 'too-wide'> {
  try {
    return await node.logs(filter, signal)
  } catch (error) {
    if (error instanceof RpcError && filter.toBlock > filter.fromBlock) return 'too-wide'
    // It may have been too much work for the node: the next attempt asks for less.
    if (error instanceof NoAnswerError) onNoAnswer()
    else onRefused()
    throw error
  }
}
