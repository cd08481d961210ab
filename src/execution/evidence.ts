import { withDeadline } from '../lib/deadline.ts'
import type { Endpoints } from '../lib/endpoints.ts'
import { messageOf } from '../lib/message-of.ts'
import type { Answer } from '../proof/evidence.ts'
import type { BlockLookUp, LookUp } from '../proof/look-up.ts'
import { type BlockRange, doOverlap, withoutAll } from './block-ranges.ts'
import type { ExecutionNode } from './execution-node.ts'
import type { LogReader } from './logs.ts'
import { readReceipts } from './receipts.ts'

/** Takes a question of the proof to one node. Logs may come as a part and a failure. */
export type EvidenceReader = (
  lookUp: Exclude<LookUp, BlockLookUp>,
  host: string,
  signal: AbortSignal,
) => Promise<readonly Answer[]>

/** Milliseconds for one question, however many calls it takes: another node may answer it. */
const QUESTION_MS = 20_000

/**
 * @param unread - blocks that no node gives: the reading of requests asks for them again and again,
 *   so that no search for votes waits for them as well
 */
export function createEvidenceReader(
  nodes: Endpoints<ExecutionNode>,
  readLogs: LogReader,
  unread: () => readonly BlockRange[],
): EvidenceReader {
  return async function readEvidence(lookUp, host, signal) {
    const logs: unknown[] = []
    const passedOver = unread()
    let gap: string | undefined
    try {
      const result = await withDeadline(QUESTION_MS, signal, (limited) =>
        nodes.only(
          host,
          async (node, deadline) => {
            if (lookUp.kind === 'transaction') return node.transaction(lookUp.hash, deadline)
            if (lookUp.kind === 'receipts') return readReceipts(node, lookUp, deadline)
            const onPart = (part: readonly unknown[]) => logs.push(...part)
            if (passedOver.some((range) => doOverlap(range, lookUp)))
              gap = 'no node gives some blocks'
            for (const range of withoutAll([lookUp], passedOver).toReversed()) {
              await readLogs(node, range, onPart, deadline, ({ refused, reason }) => {
                if (refused) gap = reason
              })
            }
            return logs
          },
          limited,
        ),
      )
      const whole: Answer = { ok: true, result }
      return gap === undefined ? [whole] : [whole, { ok: false, why: gap, isGap: true }]
    } catch (error) {
      signal.throwIfAborted()
      const failure: Answer = {
        ok: false,
        why: messageOf(error),
      }
      return logs.length === 0 ? [failure] : [{ ok: true, result: logs }, failure]
    }
  }
}
