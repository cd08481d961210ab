import { withDeadline } from '../lib/deadline.ts'
import type { Endpoints } from '../lib/endpoints.ts'
import { NoAnswerError } from '../lib/http.ts'
import { messageOf } from '../lib/message-of.ts'
import type { Answer } from '../proof/evidence.ts'
import type { BlockLookUp, LogsLookUp, LookUp } from '../proof/look-up.ts'
import { doOverlap, withoutAll } from './block-ranges.ts'
import type { ExecutionNode } from './execution-node.ts'
import type { LogReader } from './logs.ts'
import { readReceipts } from './receipts.ts'
import { RpcError } from './rpc-errors.ts'
import { createUnreadBlocks, type UnreadRanges } from './unread-blocks.ts'

/** Takes a question of the proof to one node. Logs may come as a part and a failure. */
export type EvidenceReader = (
  lookUp: Exclude<LookUp, BlockLookUp>,
  host: string,
  signal: AbortSignal,
) => Promise<readonly Answer[]>

/** Milliseconds for one question, however many calls it takes: another node may answer it. */
const QUESTION_MS = 20_000

/** @param now - unix ms */
export function createEvidenceReader(
  nodes: Endpoints<ExecutionNode>,
  readLogs: LogReader,
  now: () => number,
): EvidenceReader {
  const readVotes = createVotesReader(readLogs, now)

  return async function readEvidence(lookUp, host, signal) {
    const found: Found = { logs: [], gap: undefined }
    try {
      const result = await withDeadline(QUESTION_MS, signal, (limited) =>
        nodes.only(
          host,
          async (node, deadline) => {
            if (lookUp.kind === 'transaction') return node.transaction(lookUp.hash, deadline)
            if (lookUp.kind === 'receipts') return readReceipts(node, lookUp, deadline)
            await readVotes(lookUp, node, found, deadline)
            return found.logs
          },
          limited,
        ),
      )
      const whole: Answer = { ok: true, result }
      return found.gap === undefined ? [whole] : [whole, { ok: false, why: found.gap, isGap: true }]
    } catch (error) {
      signal.throwIfAborted()
      const failure: Answer = {
        ok: false,
        why: messageOf(error),
      }
      return found.logs.length === 0 ? [failure] : [{ ok: true, result: found.logs }, failure]
    }
  }
}

/** What one search has found so far. */
type Found = {
  readonly logs: unknown[]
  /** Why it is not whole although the node answers. */
  gap: string | undefined
}

/**
 * Searches for votes. Blocks that a node never answers for fail no search for ever: they are found
 * by halving, passed over, and asked for again more and more rarely.
 */
function createVotesReader(readLogs: LogReader, now: () => number) {
  const silentOf = new WeakMap<ExecutionNode, UnreadRanges>()

  /** @throws NoAnswerError when the node does not answer for blocks that it may still answer for */
  return async function readVotes(
    lookUp: LogsLookUp,
    node: ExecutionNode,
    found: Found,
    signal: AbortSignal,
  ): Promise<void> {
    const silent = silentOf.get(node) ?? createUnreadBlocks(now)
    silentOf.set(node, silent)
    const passedOver = withoutAll(silent.told(), silent.due()).filter((one) =>
      doOverlap(one, lookUp),
    )
    found.gap = passedOver[0]?.reason
    for (const range of withoutAll([lookUp], passedOver).toReversed()) {
      let isNew = false
      try {
        await readLogs(
          node,
          range,
          (logs, fromBlock, toBlock) => {
            found.logs.push(...logs)
            silent.read({ fromBlock, toBlock })
          },
          signal,
          (failed) => {
            found.gap = failed.reason
            if (failed.refused) return
            silent.fail(failed)
            isNew ||= withoutAll([failed], silent.told()).length > 0
          },
        )
      } catch (error) {
        const isOfParts = error instanceof NoAnswerError || error instanceof RpcError
        if (isNew || !isOfParts || found.gap === undefined) throw error
      }
    }
  }
}
