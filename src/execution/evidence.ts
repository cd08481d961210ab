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
    try {
      const result = await withDeadline(QUESTION_MS, signal, (limited) =>
        nodes.only(
          host,
          async (node, _host, deadline) => {
            if (lookUp.kind === 'transaction') return node.transaction(lookUp.hash, deadline)
            if (lookUp.kind === 'receipts') return readReceipts(node, lookUp, deadline)
            await readLogs(node, lookUp, (part) => logs.push(...part), deadline)
            return logs
          },
          limited,
        ),
      )
      return [{ ok: true, result }]
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
