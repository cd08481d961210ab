import type { Evidence } from './evidence.ts'
import type { ProofVerdict } from './judge.ts'
import type { LookUp } from './look-up.ts'

/** One look-up, and the node to ask. */
export type Question = { readonly lookUp: LookUp; readonly node: string }

/**
 * What to ask whom before these verdicts are final for now. Each look-up goes to one node after
 * the other, and to the next only where a request is still unproven; a thousand requests of one
 * report ask once. A slot goes to every consensus node at once, since one that contradicts counts.
 * Empty: every node that could say more has spoken.
 *
 * @param nodes - names of the execution nodes that may be asked, best first
 * @param consensusNodes - names of the consensus nodes that may be asked
 */
export function nextQuestions(
  verdicts: Iterable<ProofVerdict>,
  evidence: Evidence,
  nodes: readonly string[],
  consensusNodes: readonly string[] = [],
): readonly Question[] {
  const questions = new Map<string, readonly Question[]>()
  for (const verdict of verdicts) {
    for (const lookUp of openLookUps(verdict)) {
      if (questions.has(lookUp.id)) continue
      const asked = evidence.lookUps.get(lookUp.id)?.asked
      const isUnasked = (name: string) => asked?.has(name) !== true
      const to =
        lookUp.kind === 'block'
          ? consensusNodes.filter(isUnasked)
          : nodes.filter(isUnasked).slice(0, 1)
      questions.set(
        lookUp.id,
        to.map((node) => ({ lookUp, node })),
      )
    }
  }
  return [...questions.values()].flat()
}

function openLookUps(verdict: ProofVerdict): readonly LookUp[] {
  if (verdict.kind === 'proven') return []
  return verdict.kind === 'needs' ? verdict.lookUps : verdict.open
}
