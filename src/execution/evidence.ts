import { withDeadline } from '../lib/deadline.ts'
import type { Endpoints } from '../lib/endpoints.ts'
import { messageOf } from '../lib/message-of.ts'
import type { Answer } from '../proof/evidence.ts'
import type { BlockLookUp, LookUp } from '../proof/look-up.ts'
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

export function createEvidenceReader(
  nodes: Endpoints<ExecutionNode>,
  readLogs: LogReader,
): EvidenceReader {
  return async function readEvidence(lookUp, host, signal) {
    const logs: unknown[] = []
    let gap: string | undefined
    try {
      const result = await withDeadline(QUESTION_MS, signal, (limited) =>
        nodes.only(
          host,
          async (node, deadline) => {
            if (lookUp.kind === 'transaction') return node.transaction(lookUp.hash, deadline)
            if (lookUp.kind === 'receipts') return readReceipts(node, lookUp, deadline)
            const onPart = (part: readonly unknown[]) => logs.push(...part)
            await readLogs(node, lookUp, onPart, deadline, ({ refused, reason }) => {
              if (refused) gap = reason
            })
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
