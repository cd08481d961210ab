import type { Log } from '../requests/cycle-parts.ts'
import type { ExitRequest } from '../requests/exit-request.ts'
import { namesOf } from '../requests/rendering.ts'
import type { Finding, ProofVerdict, Unproven } from './judge.ts'
import { describeFinding, describeLacks, type ProofReasonCode, proofReasons } from './reasons.ts'

/** @param toldBy - hosts of the nodes that gave the event: where it is invented, one of them did */
export const unprovenDetails = (
  request: ExitRequest,
  { code, expected, actual, lacks = [] }: Unproven,
  toldBy: readonly string[],
) => ({
  ...namesOf(request),
  reason: code,
  expected,
  actual,
  ...(lacks.length === 0 ? {} : { lacks: describeLacks(lacks) }),
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

/**
 * What finality says of a request that is not proven.
 *
 * @param verdict - by finality alone, or by both proofs
 * @param toldBy - hosts of the nodes that gave the event
 */
export function findingOf(verdict: ProofVerdict, toldBy: readonly string[]): Finding | undefined {
  if (verdict.kind === 'needs') return undefined
  if (verdict.block !== undefined) return { kind: 'finalized', hosts: verdict.block.confirmedBy }
  if (verdict.kind === 'proven') return undefined
  const codes = [verdict, ...(verdict.lacks ?? [])].map(({ code }) => code)
  return codes.some((code) => INVENTED.has(code)) ? { kind: 'invented', hosts: toldBy } : undefined
}

/** Tells what finality says beside the proof by votes. */
export function tellFinding(
  request: ExitRequest,
  finding: Finding,
  { code, expected, actual }: Unproven,
  log: Log,
): void {
  const { kind, hosts } = finding
  const details = { ...namesOf(request), finality: describeFinding(finding, request.blockNumber) }
  if (kind === 'invented') {
    log.error(
      'exit request is invented: no finalized block holds its event, an execution node lies',
      { ...details, toldBy: hosts },
    )
  } else {
    log.error(`exit request is finalized, but its proof fails: ${proofReasons[code].short}`, {
      ...details,
      finalizedBlock: request.blockNumber,
      confirmedBy: hosts,
      expected,
      actual,
      remedy: proofReasons[code].long,
    })
  }
}
