import { messageOf } from '../lib/message-of.ts'
import type { Address } from '../lib/primitives.ts'
import type { CycleParts, Log, Proofs } from '../requests/cycle-parts.ts'
import type { ExitRequest, RequestKey } from '../requests/exit-request.ts'
import { namesOf } from '../requests/rendering.ts'
import { type AskerParts, type Asking, createAsker } from './asker.ts'
import { finalityNow, lookBeside } from './beside.ts'
import { createEvidence, type Evidence } from './evidence.ts'
import { addKeptBlocks, keepBlock } from './final-blocks.ts'
import { combine, type FinalityTrust, judgeFinality, type ProofMode } from './finality.ts'
import { judge, type ProofVerdict, type Proven, type Trust, type Unproven } from './judge.ts'
import { isDue, nextDue } from './next-due.ts'
import { noTimes } from './objection.ts'
import { type ProofReasonCode, proofReasons } from './reasons.ts'
import { judgeInRounds } from './rounds.ts'
import { createStandings } from './standings.ts'
import { findingOf, unprovenDetails } from './texts.ts'
import { type CheckedTransaction, checkSerialized } from './transaction.ts'

export type ProverParts = {
  readonly chainId: bigint
  /** Whom the operator trusts. */
  readonly trust: Pick<Trust, 'allowlist' | 'quorum' | 'transactionAllowlist'>
  readonly journal: CycleParts['journal']
  readonly log: Log
  readonly now: () => number
  readonly countVerification: (result: 'success' | 'error') => void
  /** A vote of a signer that is not listed stood against a request: once for each request. */
  readonly onUnlistedSigner?: () => void
  /** Whether every configured node may be asked now. */
  readonly allNodesAnswer: () => boolean
  /** Nodes that may be asked now, best first. */
  readonly nodes: () => readonly string[]
  readonly ask: AskerParts['ask']
  readonly mode: ProofMode
  /** `undefined`: the exit bus is not known, so that finality proves nothing. */
  readonly finality: FinalityParts | undefined
}

export type FinalityParts = {
  readonly exitBus: Address
  /** Of the beacon chain. @throws when no consensus node tells them */
  readonly times: (
    signal: AbortSignal,
  ) => Promise<Pick<FinalityTrust, 'genesisTime' | 'secondsPerSlot'>>
  /** Consensus nodes that may be asked now. */
  readonly nodes: () => readonly string[]
  /** All of them: what another one said earlier counts no more. */
  readonly configured: readonly string[]
}

/** Objections that more addresses in the allowlist might answer. */
const ALLOWLIST_CODES: ReadonlySet<ProofReasonCode> = new Set(['unlisted-signer', 'quorum-missing'])

/**
 * Proves requests: judge, fetch what the verdict asks for, judge again. Unproven is never the end:
 * the other nodes are asked in the same cycle, and later ones ask again.
 */
export function createProver(parts: ProverParts) {
  const { journal, log, now } = parts
  const standings = createStandings()
  const startAsking = createAsker(parts)
  let evidence = createEvidence(parts.chainId, storedTransactions(parts))
  let cycle = 0

  return async function prove(
    requests: readonly ExitRequest[],
    signal: AbortSignal,
    toldBy: (key: RequestKey) => readonly string[] = () => [],
  ): Promise<Proofs> {
    cycle += 1
    standings.keepOnly(requests)
    const due = requests.filter(({ key }) => {
      const { status, history } = standings.of(key)
      return status !== 'proven' && status !== 'duplicate' && isDue(history, cycle, now())
    })
    const asking = startAsking()
    const verdicts = await judgeAll(due, asking, signal)
    const unproven: ExitRequest[] = []
    for (const [request, verdict] of verdicts) {
      if (verdict.kind !== 'unproven') continue
      object(request, verdict, toldBy(request.key))
      if (verdict.complete) unproven.push(request)
    }
    if (parts.mode === 'oracle') {
      const work = { evidence, startAsking, judgeWith, toldBy }
      await lookBeside(unproven, parts, standings, work, signal)
    }
    // A node that says "unknown" is no failure of the cycle: a liar could invent such requests.
    const isOpen = [...verdicts.values()].some((verdict) => verdict.kind !== 'proven')
    return {
      statusOf: (key) => standings.of(key).status,
      verdictOf: (key) => {
        const { verdict, finding } = standings.of(key)
        return verdict?.kind === 'unproven' && finding ? { ...verdict, finding } : verdict
      },
      isDuplicate: standings.isDuplicate,
      problems: isOpen ? asking.problems().map((why) => `prove requests: ${why}`) : [],
    }
  }

  /** Judge, ask what the verdicts lack, judge again, until no node could say more. */
  async function judgeAll(
    due: readonly ExitRequest[],
    asking: Asking,
    signal: AbortSignal,
  ): Promise<ReadonlyMap<ExitRequest, ProofVerdict>> {
    if (due.length === 0) return new Map()
    // What was asked in earlier cycles may have another answer now; what was proven stays.
    evidence = createEvidence(parts.chainId, worthKeeping(due, evidence, parts))
    if (parts.finality) await addKeptBlocks(evidence, due, journal, parts.finality)
    const judgeOne = await startJudging(signal)
    const work = { judgeOne, evidence, asking, parts, onProven: settle }
    return judgeInRounds(due, work, signal)
  }

  /** By what is configured, with what is known now. */
  async function startJudging(signal: AbortSignal) {
    const { mode } = parts
    const trust = trustNow(parts)
    const finality = mode === 'oracle' ? undefined : await finalityNow(parts, signal)
    const byOracle = (request: ExitRequest) => judge(request, evidence, trust)
    const byFinality = (request: ExitRequest) => judgeByFinality(request, evidence, finality)
    const work = (request: ExitRequest) => {
      if (mode === 'oracle') return byOracle(request)
      if (mode === 'finality') return byFinality(request)
      return combine(mode, byOracle(request), byFinality(request))
    }
    return (request: ExitRequest) => judgeWith(work, request)
  }

  /** What nobody thought of costs this request its verdict, and no other one. */
  function judgeWith(work: (request: ExitRequest) => ProofVerdict, request: ExitRequest) {
    try {
      return work(request)
    } catch (error) {
      const told = `cannot be judged: ${messageOf(error)}`
      if (standings.of(request.key).told === told) return undefined
      standings.update(request.key, { told })
      log.error('exit request cannot be judged, nothing is sent for it', {
        ...namesOf(request),
        error,
      })
      return undefined
    }
  }

  function settle(request: ExitRequest, proven: Proven): void {
    if (!standings.prove(request, proven)) return
    parts.countVerification('success')
    if (parts.finality) keepBlock(evidence, proven, journal, parts.finality)
    journal.append(newTransactions(proven, evidence, parts))
  }

  function object(request: ExitRequest, verdict: Unproven, hosts: readonly string[]): void {
    const { key } = request
    const { history: before, told, finding } = standings.of(key)
    const moment = { cycle, now: now(), allNodesAnswer: parts.allNodesAnswer() }
    const history = nextDue(verdict, before, moment)
    const isCounted = history.counted && !before.counted
    standings.update(key, {
      status: 'unproven',
      verdict,
      history,
      told: verdict.code,
      finding: findingOf(verdict, hosts) ?? finding,
    })
    if (isCounted) parts.countVerification('error')
    if (told === verdict.code && !isCounted) return
    if (ALLOWLIST_CODES.has(verdict.code)) parts.onUnlistedSigner?.()
    log[history.counted ? 'error' : 'warn'](
      `exit request not proven, nothing is sent for it: ${proofReasons[verdict.code].short}`,
      unprovenDetails(request, verdict, hosts),
    )
  }
}

/**
 * Transactions that prove or may still help to. What else nodes gave is dropped, so that one that
 * invents transactions without end does not fill the memory.
 */
function worthKeeping(
  due: readonly ExitRequest[],
  { transactions }: Evidence,
  { journal, trust }: ProverParts,
): readonly CheckedTransaction[] {
  const asked = new Set(due.map((request) => request.transactionHash))
  return [...transactions.values()].filter(
    ({ hash, from }) =>
      journal.facts.transactions.has(hash) || asked.has(hash) || trust.allowlist.has(from),
  )
}

const judgeByFinality = (
  request: ExitRequest,
  evidence: Evidence,
  finality: Awaited<ReturnType<typeof finalityNow>>,
): ProofVerdict =>
  finality?.trust === undefined
    ? { kind: 'unproven', ...noTimes(finality?.why ?? 'no exit bus is known') }
    : judgeFinality(request, evidence, finality.trust)

/** What the journal does not hold yet of the transactions that prove a request. */
const newTransactions = ({ transactions }: Proven, evidence: Evidence, { journal }: ProverParts) =>
  transactions.flatMap((hash) => {
    const transaction = evidence.transactions.get(hash)
    if (transaction === undefined || journal.facts.transactions.has(hash)) return []
    return [{ kind: 'transaction' as const, hash, serialized: transaction.serialized }]
  })

/** Contracts are what nodes named, now or earlier; they need no trust. */
const trustNow = ({ trust, chainId, journal }: ProverParts): Trust => ({
  ...trust,
  chainId,
  exitBuses: [...journal.facts.exitBuses],
  consensusContracts: [...journal.facts.consensusContracts],
})

function storedTransactions({ journal, chainId }: ProverParts) {
  return [...journal.facts.transactions].flatMap(([hash, serialized]) => {
    const check = checkSerialized(serialized, hash, chainId)
    return check.ok ? [check.transaction] : []
  })
}
