import type { Evidence } from './evidence.ts'
import type { Verdict } from './judge.ts'
import type { LookUp } from './look-up.ts'

/** One look-up, and the node to ask. */
export type Question = { readonly lookUp: LookUp; readonly node: string }

/**
 * What to ask whom before these verdicts are final for now. Each look-up goes to one node after
 * the other, and to the next only where a request is still unproven; a thousand requests of one
 * report ask once. Empty: every node that could say more has spoken.
 *
 * @param nodes - names of the nodes that may be asked, best first
 */
export function nextQuestions(
  verdicts: Iterable<Verdict>,
  evidence: Evidence,
  nodes: readonly string[],
): readonly Question[] {
  const questions = new Map<string, Question>()
  for (const verdict of verdicts) {
    for (const lookUp of openLookUps(verdict)) {
      if (questions.has(lookUp.id)) continue
      const asked = evidence.lookUps.get(lookUp.id)?.asked
      const node = nodes.find((name) => asked?.has(name) !== true)
      if (node !== undefined) questions.set(lookUp.id, { lookUp, node })
    }
  }
  return [...questions.values()]
}

function openLookUps(verdict: Verdict): readonly LookUp[] {
  if (verdict.kind === 'proven') return []
  return verdict.kind === 'needs' ? verdict.lookUps : verdict.open
}
