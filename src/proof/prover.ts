import { messageOf } from '../lib/message-of.ts'
import type { CycleParts, Log, ProofStatus, Proofs } from '../requests/cycle-parts.ts'
import { moduleLimit } from '../requests/deadlines.ts'
import type { ExitRequest, RequestKey } from '../requests/exit-request.ts'
import { namesOf, openNamesOf } from '../requests/rendering.ts'
import { type AskerParts, type Asking, createAsker } from './asker.ts'
import { createEvidence } from './evidence.ts'
import { judge, type Proven, type Trust, type Unproven, type Verdict } from './judge.ts'
import { nextQuestions } from './questions.ts'
import { type ProofReasonCode, proofReasons } from './reasons.ts'
import { type CheckedTransaction, checkSerialized } from './transaction.ts'

export type ProverParts = {
  readonly chainId: bigint
  /** Whom the operator trusts. */
  readonly trust: Pick<Trust, 'allowlist' | 'quorum' | 'transactionAllowlist'>
  readonly journal: CycleParts['journal']
  readonly log: Log
  readonly now: () => number
  readonly limitOf: CycleParts['limitOf']
  readonly countVerification: (result: 'success' | 'error') => void
  /** A vote of a signer that is not listed stood against a request: once for each request. */
  readonly onUnlistedSigner?: () => void
  /** Whether every configured node may be asked now. */
  readonly allNodesAnswer: () => boolean
  /** Nodes that may be asked now, best first. */
  readonly nodes: () => readonly string[]
  readonly ask: AskerParts['ask']
}

/** What the prover remembers of one request. Verdicts are not stored: each process judges anew. */
type Standing = {
  status: ProofStatus
  verdict: Proven | Unproven | undefined
  /** Judged again in this cycle, or at this time, whichever rule the verdict gave. */
  dueCycle: number
  dueAt: number
  /** Times in a row that a log was missing: 1, 2, 4, 8, then 16 cycles. */
  waits: number
  /** Times that it was not proven while some node was away, or gave no answer. */
  doubts: number
  counted: boolean
  said: string
}

const HOUR_MS = 60 * 60 * 1_000
const LONGEST_WAIT_CYCLES = 16
/** Objections that more addresses in the allowlist might answer. */
const ALLOWLIST_CODES: ReadonlySet<ProofReasonCode> = new Set(['unlisted-signer', 'quorum-missing'])
/** A node whose connection broke is waited for; one that never answers must hide no forged request. */
const DOUBTS = 3
/** Each round follows hints one step further; the proof of a request takes two or three. */
const MAX_ROUNDS = 64

/**
 * Proves requests: judge, fetch what the verdict asks for, judge again. Unproven is never the end:
 * the other nodes are asked in the same cycle, and later ones ask again.
 */
export function createProver(parts: ProverParts) {
  const { journal, log, now } = parts
  const standings = new Map<RequestKey, Standing>()
  let evidence = createEvidence(parts.chainId, storedTransactions(parts))
  let cycle = 0
  const startAsking = createAsker(parts)
  /** Which request was proven first, by what makes an exit request the one that it is. */
  const provenContents = new Map<string, RequestKey>()

  return async function prove(
    requests: readonly ExitRequest[],
    signal: AbortSignal,
  ): Promise<Proofs> {
    cycle += 1
    if (standings.size > requests.length) prune(requests)
    const due = requests.filter((request) => isDue(standingOf(request)))
    const asking = startAsking()
    const verdicts = await judgeAll(due, asking, signal)
    for (const [request, verdict] of verdicts) {
      if (verdict.kind === 'unproven') object(request, verdict)
    }
    // A node that says "unknown" is no failure of the cycle: a liar could invent such requests.
    const isOpen = [...verdicts.values()].some((verdict) => verdict.kind !== 'proven')
    return {
      statusOf: (key) => standings.get(key)?.status ?? 'none',
      verdictOf: (key) => standings.get(key)?.verdict,
      isDuplicate,
      problems: isOpen ? asking.problems().map((why) => `prove requests: ${why}`) : [],
    }
  }

  /** Judge, ask what the verdicts lack, judge again, until no node could say more. */
  async function judgeAll(
    due: readonly ExitRequest[],
    asking: Asking,
    signal: AbortSignal,
  ): Promise<ReadonlyMap<ExitRequest, Verdict>> {
    const verdicts = new Map<ExitRequest, Verdict>()
    if (due.length === 0) return verdicts
    // What was asked in earlier cycles may have another answer now; what was proven stays.
    evidence = createEvidence(parts.chainId, worthKeeping(due))
    let open = due
    for (let round = 0; round < MAX_ROUNDS && open.length > 0; round += 1) {
      const trust = trustNow()
      for (const request of open) {
        const verdict = judgeOne(request, trust)
        if (verdict === undefined) continue
        verdicts.set(request, verdict)
        // At once: whatever comes of the others, this one is proven.
        if (verdict.kind === 'proven') settle(request, verdict)
      }
      open = open.filter((request) => verdicts.get(request)?.kind !== 'proven')
      const judged = open.flatMap((request) => verdicts.get(request) ?? [])
      const questions = nextQuestions(judged, evidence, parts.nodes())
      if (questions.length === 0) break
      await asking.askAll(questions, evidence, signal)
    }
    return verdicts
  }

  /** What nobody thought of costs this request its verdict, and no other one. */
  function judgeOne(request: ExitRequest, trust: Trust): Verdict | undefined {
    try {
      return judge(request, evidence, trust)
    } catch (error) {
      const standing = standingOf(request)
      const said = `cannot be judged: ${messageOf(error)}`
      if (standing.said === said) return undefined
      standing.said = said
      log.error('exit request cannot be judged, nothing is sent for it', {
        ...namesOf(request),
        error,
      })
      return undefined
    }
  }

  /**
   * Transactions that prove or may still help to. What else nodes gave is dropped, so that one that
   * invents transactions without end does not fill the memory.
   */
  function worthKeeping(due: readonly ExitRequest[]): CheckedTransaction[] {
    const asked = new Set(due.map((request) => request.transactionHash))
    return [...evidence.transactions.values()].filter(
      ({ hash, from }) =>
        journal.facts.transactions.has(hash) || asked.has(hash) || parts.trust.allowlist.has(from),
    )
  }

  /** Contracts are what nodes named, now or earlier; they need no trust. */
  function trustNow(): Trust {
    return {
      ...parts.trust,
      chainId: parts.chainId,
      exitBuses: [...journal.facts.exitBuses],
      consensusContracts: [...journal.facts.consensusContracts],
    }
  }

  /** Of several logs for one exit in one transaction, which a node can make up, the first counts. */
  function isDuplicate(request: ExitRequest): boolean {
    const first = provenContents.get(contentOf(request))
    return first !== undefined && first !== request.key
  }

  /** Requests that were forgotten take their standing with them. */
  function prune(requests: readonly ExitRequest[]): void {
    const known = new Set(requests.map(({ key }) => key))
    for (const key of standings.keys()) if (!known.has(key)) standings.delete(key)
  }

  function standingOf(request: ExitRequest): Standing {
    const standing = standings.get(request.key) ?? {
      status: 'none',
      verdict: undefined,
      dueCycle: 0,
      dueAt: 0,
      waits: 0,
      doubts: 0,
      counted: false,
      said: '',
    }
    standings.set(request.key, standing)
    return standing
  }

  function isDue(standing: Standing): boolean {
    if (standing.status === 'proven' || standing.status === 'duplicate') return false
    // A time more than an hour ahead was set by a clock that has been set back since.
    const isPast = now() >= standing.dueAt || standing.dueAt - now() > HOUR_MS
    return cycle >= standing.dueCycle || isPast
  }

  function settle(request: ExitRequest, proven: Proven): void {
    const standing = standingOf(request)
    standing.verdict = proven
    standing.status = isDuplicate(request) ? 'duplicate' : 'proven'
    if (standing.status === 'duplicate') return
    provenContents.set(contentOf(request), request.key)
    parts.countVerification('success')
    const fresh = proven.transactions.filter((hash) => !journal.facts.transactions.has(hash))
    journal.append(
      fresh.flatMap((hash) => {
        const transaction = evidence.transactions.get(hash)
        if (transaction === undefined) return []
        return [{ kind: 'transaction' as const, hash, serialized: transaction.serialized }]
      }),
    )
    const hasLeft = journal.facts.sightings.get(request.validatorIndex) === 'settled'
    log.info('exit request proven', {
      ...(hasLeft
        ? namesOf(request)
        : openNamesOf(request, now(), moduleLimit(request, parts.limitOf))),
      by: proven.by,
      ...(proven.refSlot === undefined ? {} : { reportSlot: proven.refSlot }),
      transactions: proven.transactions,
      signers: proven.signers,
      ...(proven.notes.length === 0 ? {} : { notes: proven.notes }),
    })
  }

  function object(request: ExitRequest, verdict: Unproven): void {
    const standing = standingOf(request)
    standing.status = 'unproven'
    standing.verdict = verdict
    standing.waits = verdict.again === 'backing-off' ? standing.waits + 1 : 0
    const cycles = Math.min(2 ** Math.max(0, standing.waits - 1), LONGEST_WAIT_CYCLES)
    // While a node is away, its answer may be the one that is missing.
    const isLater = verdict.again === 'hourly' && parts.allNodesAnswer()
    standing.dueCycle = isLater ? Number.POSITIVE_INFINITY : cycle + cycles
    standing.dueAt = now() + HOUR_MS
    const isDoubtful = verdict.isMissing || !parts.allNodesAnswer()
    if (isDoubtful) standing.doubts += 1
    if (verdict.complete && !standing.counted && (!isDoubtful || standing.doubts >= DOUBTS)) {
      standing.counted = true
      standing.said = ''
      parts.countVerification('error')
    }
    if (standing.said === verdict.code) return
    standing.said = verdict.code
    if (ALLOWLIST_CODES.has(verdict.code)) parts.onUnlistedSigner?.()
    log[standing.counted ? 'error' : 'warn'](
      `exit request not proven, nothing is sent for it: ${proofReasons[verdict.code].short}`,
      {
        ...namesOf(request),
        reason: verdict.code,
        expected: verdict.expected,
        actual: verdict.actual,
        transaction: request.transactionHash,
      },
    )
  }
}

/** What the proof binds. Time and place of the log are the node's word alone. */
const contentOf = (request: ExitRequest) =>
  [
    request.transactionHash,
    request.exitBus,
    request.moduleId,
    request.operatorId,
    request.validatorIndex,
    request.pubkey,
  ].join()

function storedTransactions({ journal, chainId }: ProverParts) {
  return [...journal.facts.transactions].flatMap(([hash, serialized]) => {
    const check = checkSerialized(serialized, hash, chainId)
    return check.ok ? [check.transaction] : []
  })
}
