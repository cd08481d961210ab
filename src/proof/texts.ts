import type { Log } from '../requests/cycle-parts.ts'
import type { ExitRequest } from '../requests/exit-request.ts'
import { namesOf } from '../requests/rendering.ts'
import type { Unproven, Verdict } from './judge.ts'
import { type ProofReasonCode, proofReasons } from './reasons.ts'

/** @param toldBy - hosts of the nodes that gave the event: where it is invented, one of them did */
export const unprovenDetails = (
  request: ExitRequest,
  { code, expected, actual }: Unproven,
  toldBy: readonly string[],
) => ({
  ...namesOf(request),
  reason: code,
  expected,
  actual,
  transaction: request.transactionHash,
  ...(toldBy.length === 0 ? {} : { toldBy }),
  remedy: proofReasons[code].long,
})

/** Verdicts of finality that no honest node's event can meet. */
const INVENTED: ReadonlySet<ProofReasonCode> = new Set([
  'no-slot',
  'block-contradicted',
  'not-in-block',
])

/** What finality says of a request that votes do not prove. */
export function findingOf(verdict: Verdict): 'finalized' | 'invented' | undefined {
  if (verdict.kind === 'proven') return 'finalized'
  return verdict.kind === 'unproven' && INVENTED.has(verdict.code) ? 'invented' : undefined
}

export function tellFinding(
  request: ExitRequest,
  verdict: Verdict,
  toldBy: readonly string[],
  log: Log,
): void {
  if (verdict.kind === 'proven') {
    log.error(
      'exit request stays unproven, but your consensus nodes confirm its event: the allowlist is out of date, or the quorum too high',
      {
        ...namesOf(request),
        finalizedBlock: request.blockNumber,
        confirmedBy: verdict.block?.confirmedBy,
        toldBy,
      },
    )
  } else if (verdict.kind === 'unproven' && INVENTED.has(verdict.code)) {
    log.error(
      'exit request is invented: no finalized block holds its event, an execution node lies',
      {
        ...namesOf(request),
        expected: verdict.expected,
        actual: verdict.actual,
        toldBy,
      },
    )
  }
}
