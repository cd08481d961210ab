import type { ExitRequest } from '../requests/exit-request.ts'
import type { Asking } from './asker.ts'
import type { Evidence } from './evidence.ts'
import type { ProofVerdict, Proven } from './judge.ts'
import type { ProverParts } from './prover.ts'
import { nextQuestions } from './questions.ts'

/** Each round follows hints one step further; the proof of a request takes two or three. */
const MAX_ROUNDS = 64

type Work = {
  /** `undefined`: it cannot be judged now. */
  readonly judgeOne: (request: ExitRequest) => ProofVerdict | undefined
  readonly evidence: Evidence
  readonly asking: Asking
  readonly parts: Pick<ProverParts, 'nodes' | 'finality'>
  /** At once: whatever comes of the others, this one is proven. */
  readonly onProven: (request: ExitRequest, verdict: Proven) => void
}

/** Judges, asks what the verdicts lack, and judges again, until no node could say more. */
export async function judgeInRounds(
  due: readonly ExitRequest[],
  { judgeOne, evidence, asking, parts, onProven }: Work,
  signal: AbortSignal,
): Promise<ReadonlyMap<ExitRequest, ProofVerdict>> {
  const verdicts = new Map<ExitRequest, ProofVerdict>()
  let open = due
  for (let round = 0; round < MAX_ROUNDS && open.length > 0; round += 1) {
    for (const request of open) {
      const verdict = judgeOne(request)
      if (verdict === undefined) continue
      verdicts.set(request, verdict)
      if (verdict.kind === 'proven') onProven(request, verdict)
    }
    open = open.filter((request) => verdicts.get(request)?.kind !== 'proven')
    const judged = open.flatMap((request) => verdicts.get(request) ?? [])
    const questions = nextQuestions(judged, evidence, parts.nodes(), parts.finality?.nodes())
    if (questions.length === 0) break
    await asking.askAll(questions, evidence, signal)
  }
  return verdicts
}
