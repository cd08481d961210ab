import { messageOf } from '../lib/message-of.ts'
import type { ExitRequest, RequestKey } from '../requests/exit-request.ts'
import type { Asking } from './asker.ts'
import type { Evidence } from './evidence.ts'
import { judgeFinality } from './finality.ts'
import type { ProofVerdict } from './judge.ts'
import type { ProverParts } from './prover.ts'
import { judgeInRounds } from './rounds.ts'
import type { Standings } from './standings.ts'
import { findingOf, tellFinding } from './texts.ts'

const HOUR_MS = 60 * 60 * 1_000

type Work = {
  readonly evidence: Evidence
  readonly startAsking: () => Asking
  readonly judgeWith: (
    work: (request: ExitRequest) => ProofVerdict,
    request: ExitRequest,
  ) => ProofVerdict | undefined
  readonly toldBy: (key: RequestKey) => readonly string[]
}

/**
 * Beside the proof by votes: whether a finalized block holds what is not proven. It changes no
 * verdict and counts nothing; it tells a list that is out of date from a node that lies.
 */
export async function lookBeside(
  unproven: readonly ExitRequest[],
  parts: ProverParts,
  standings: Standings,
  { evidence, startAsking, judgeWith, toldBy }: Work,
  signal: AbortSignal,
): Promise<void> {
  const { now, log } = parts
  const due = unproven.filter(({ key }) => now() >= standings.of(key).besideAt)
  if (due.length === 0) return
  const trust = (await finalityNow(parts, signal))?.trust
  if (trust === undefined) return
  const byFinality = (request: ExitRequest) => judgeFinality(request, evidence, trust)
  const judgeOne = (request: ExitRequest) => judgeWith(byFinality, request)
  const work = { judgeOne, evidence, asking: startAsking(), parts, onProven: () => {} }
  for (const [request, verdict] of await judgeInRounds(due, work, signal)) {
    const before = standings.of(request.key)
    const finding = findingOf(verdict, toldBy(request.key)) ?? before.finding
    standings.update(request.key, { besideAt: now() + HOUR_MS, finding })
    if (finding === undefined || finding.kind === before.finding?.kind) continue
    if (before.verdict?.kind === 'unproven') tellFinding(request, finding, before.verdict, log)
  }
}

/** Whether the times of the beacon chain are known, or why not. */
export async function finalityNow({ chainId, finality }: ProverParts, signal: AbortSignal) {
  if (finality === undefined) return undefined
  try {
    const trust = { chainId, exitBus: finality.exitBus, ...(await finality.times(signal)) }
    return { trust, why: '' }
  } catch (error) {
    signal.throwIfAborted()
    return { trust: undefined, why: messageOf(error) }
  }
}
