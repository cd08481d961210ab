import type { Bytes32 } from '../../src/lib/primitives.ts'
import { type Answer, addAnswer, createEvidence, type Evidence } from '../../src/proof/evidence.ts'
import { judge, type ProofVerdict, type Trust } from '../../src/proof/judge.ts'
import type { LookUp } from '../../src/proof/look-up.ts'
import { nextQuestions } from '../../src/proof/questions.ts'
import type { ExitRequest } from '../../src/requests/exit-request.ts'
import type { RawLog, Signed } from './chain.ts'

/** What an execution node answers to look-ups. */
export type Node = (lookUp: LookUp) => Answer

/** A node that has these transactions and logs; it gives logs without looking at the filter. */
export function nodeWith(transactions: readonly Signed[], logs: readonly RawLog[] = []): Node {
  return bodyNode(new Map(transactions.map(({ hash, body }) => [hash, body])), logs)
}

/** A node that gives these bodies for these hashes, whether they fit or not. */
export function bodyNode(
  bodies: ReadonlyMap<Bytes32, unknown>,
  logs: readonly RawLog[] = [],
): Node {
  return (lookUp) => ({
    ok: true,
    result: lookUp.kind === 'transaction' ? (bodies.get(lookUp.hash) ?? null) : logs,
  })
}

export const silentNode: Node = () => ({ ok: false, why: 'time-out' })

/** Asks the nodes as the cycle does, until nobody can say more. */
export function prove(
  request: ExitRequest,
  nodes: Readonly<Record<string, Node>> | Node,
  trust: Trust,
  evidence: Evidence = createEvidence(trust.chainId),
): ProofVerdict {
  const named = typeof nodes === 'function' ? { node: nodes } : nodes
  for (let round = 0; round < 1_000; round += 1) {
    const verdict = judge(request, evidence, trust)
    const questions = nextQuestions([verdict], evidence, Object.keys(named))
    if (questions.length === 0) return verdict
    for (const { lookUp, node } of questions) {
      addAnswer(evidence, lookUp, node, named[node]?.(lookUp) ?? { ok: false, why: 'no node' })
    }
  }
  throw new Error('the judge never stops asking')
}
