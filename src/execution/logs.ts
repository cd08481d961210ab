import { pause } from '../lib/deadline.ts'
import { NoAnswerError } from '../lib/http.ts'
import { messageOf } from '../lib/message-of.ts'
import type { ExecutionNode, LogFilter } from './execution-node.ts'
import { isBeyondHead, isUnknownBlock, RpcError } from './rpc-errors.ts'
import { type FailedRange, FEW_BLOCKS } from './unread-blocks.ts'

/**
 * Reads the logs of a range from one node, part by part, the newest blocks first.
 *
 * @param onFailed - told each part that the node does not give; reading goes on behind it
 * @throws NoAnswerError when the node does not answer; where nobody is told of parts that failed,
 *   the error of the first one, when the others are read
 */
export type LogReader = (
  node: ExecutionNode,
  filter: LogFilter,
  onPart: (logs: readonly unknown[], fromBlock: number, toBlock: number) => void,
  signal: AbortSignal,
  onFailed?: (range: FailedRange) => void,
) => Promise<void>

/** Parts without an answer in one reading: the second one ends it, since the node may be down. */
const MOST_UNANSWERED = 2
/** Parts that are refused in one reading: behind the last one nothing more is asked for. */
const MOST_REFUSED = 32

/**
 * Providers cap ranges and result sizes, with many codes and texts: what a node refuses is asked for
 * again in halves, down to one block. A block that is refused alone is passed over, with those
 * before it that are refused too (pruned history). Remembers the widest range that each node accepts.
 *
 * @param widestRange - blocks per `eth_getLogs` (LOAD_LOGS_STEP)
 */
export function createLogReader(widestRange: number, now: () => number = Date.now): LogReader {
  const widths = createWidths(widestRange, now)

  return async function readLogs(node, filter, onPart, signal, onFailed) {
    const width = widths(node)
    const errors: unknown[] = []
    let unanswered = 0
    let to = filter.toBlock
    const passOver = (fromBlock: number, error: unknown, refused: boolean) => {
      errors.push(error)
      onFailed?.({ fromBlock, toBlock: to, reason: messageOf(error), refused })
      to = fromBlock - 1
    }

    while (to >= filter.fromBlock) {
      const from = Math.max(filter.fromBlock, to - width.blocks() + 1)
      const blocks = to - from + 1
      const answer = await ask(node, { ...filter, fromBlock: from, toBlock: to }, signal)
      if (answer.ok) {
        onPart(answer.logs, from, to)
        to = from - 1
        width.widen(blocks)
      } else if (!answer.refused) {
        // It may have been too much work for the node: the next attempt asks for less.
        if (blocks > FEW_BLOCKS) width.narrow(blocks)
        unanswered += 1
        passOver(from, answer.error, false)
        if (unanswered === MOST_UNANSWERED) throw answer.error
      } else if (from < to) {
        width.narrow(blocks)
      } else {
        // One block cannot be too wide: it was something else all along.
        width.reset()
        const isLast = errors.length - unanswered + 1 >= MOST_REFUSED
        const lowest = isLast
          ? filter.fromBlock
          : await lowestRefused(node, { ...filter, toBlock: to }, signal)
        passOver(lowest, answer.error, true)
      }
    }
    if (unanswered > 0 || (errors.length > 0 && onFailed === undefined)) throw errors[0]
  }
}

type LogAnswer =
  | { readonly ok: true; readonly logs: readonly unknown[] }
  | { readonly ok: false; readonly refused: boolean; readonly error: unknown }

/** 50 + 100 + 200 + 400 + 800 ms: a balancer asks another of its nodes meanwhile. */
const ATTEMPTS = 6
/** Where it may be pruned history as well. */
const FEW_ATTEMPTS = 3
const FIRST_PAUSE_MS = 50

/** A node of a balancer that is behind is asked for the same range again: nothing is too wide. */
async function ask(
  node: ExecutionNode,
  filter: LogFilter,
  signal: AbortSignal,
): Promise<LogAnswer> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return { ok: true, logs: await node.logs(filter, signal) }
    } catch (error) {
      signal.throwIfAborted()
      const isRpc = error instanceof RpcError
      if (!isRpc && !(error instanceof NoAnswerError)) throw error
      const isBehind = isBeyondHead(error)
      const attempts = isBehind ? ATTEMPTS : isUnknownBlock(error) ? FEW_ATTEMPTS : 1
      if (attempt < attempts) {
        await pause(FIRST_PAUSE_MS * 2 ** (attempt - 1), signal)
        signal.throwIfAborted()
      } else {
        return { ok: false, refused: isRpc && !isBehind, error }
      }
    }
  }
}

/**
 * The first of the blocks up to `toBlock` that are refused in a row, found by single blocks: at 1, 2,
 * 4 … before it, then in between. Those between two that are refused count as refused.
 */
async function lowestRefused(
  node: ExecutionNode,
  filter: LogFilter,
  signal: AbortSignal,
): Promise<number> {
  const isRefused = async (block: number) => {
    const answer = await ask(node, { ...filter, fromBlock: block, toBlock: block }, signal)
    return !answer.ok && answer.refused
  }
  let lowest = filter.toBlock
  let accepted = filter.fromBlock - 1
  for (let step = 1; lowest > filter.fromBlock; step *= 2) {
    const probe = Math.max(filter.fromBlock, lowest - step)
    if (!(await isRefused(probe))) {
      accepted = probe
      break
    }
    lowest = probe
  }
  while (lowest - accepted > 1) {
    const middle = Math.floor((lowest + accepted) / 2)
    if (await isRefused(middle)) lowest = middle
    else accepted = middle
  }
  return lowest
}

/**
 * What was too much for a node is not asked for again for so long: at first shortly, since it may
 * have been a passing fault, and longer each time that it was too much again.
 */
const FIRST_CAREFUL_MS = 1_000
const LONGEST_CAREFUL_MS = 10 * 60 * 1_000

type Width = ReturnType<typeof createWidth>

/** How wide a range each node accepts. */
function createWidths(widestRange: number, now: () => number) {
  const widths = new WeakMap<ExecutionNode, Width>()
  return (node: ExecutionNode): Width => {
    const width = widths.get(node) ?? createWidth(widestRange, now)
    widths.set(node, width)
    return width
  }
}

function createWidth(widestRange: number, now: () => number) {
  let blocks = widestRange
  /** The widest that was accepted when a wider one was rejected; it counts until `ceilingUntil`. */
  let ceiling = widestRange
  let ceilingUntil = 0
  let carefulMs = 0
  return {
    blocks: () => blocks,
    narrow(tooWide: number): void {
      if (now() >= ceilingUntil) {
        carefulMs = Math.max(FIRST_CAREFUL_MS, Math.min(carefulMs * 2, LONGEST_CAREFUL_MS))
      }
      blocks = Math.max(1, Math.floor(tooWide / 2))
      ceiling = blocks
      ceilingUntil = now() + carefulMs
    },
    widen(accepted: number): void {
      if (accepted > ceiling) carefulMs = 0
      const limit = now() < ceilingUntil ? ceiling : widestRange
      blocks = Math.min(Math.max(blocks, accepted) * 2, limit)
    },
    reset(): void {
      blocks = widestRange
      ceilingUntil = 0
      carefulMs = 0
    },
  }
}
