import type { ValidatorIndex } from '../../lib/primitives.ts'
import { type ProofReasonCode, proofReasons } from '../../proof/reasons.ts'
import type { Case } from '../../requests/cycle-parts.ts'
import { deadlineOf, timeLeft } from '../../requests/deadlines.ts'
import { isOpen } from '../../requests/derive.ts'
import { waitReasons } from '../../requests/wait-reasons.ts'
import { isoOf } from '../iso.ts'
import type { CycleFound } from './cycle.ts'
import { type Finding, failure, ok, warning } from './finding.ts'
import type { Shortfall } from './shortfall.ts'

/** What the daemon would do about a request. */
export type Verdict = 'ready' | 'missing' | 'waiting' | 'exiting' | 'left' | 'unproven'

export type RequestRow = {
  readonly validator: number
  readonly pubkey: string
  readonly module: number
  readonly operator: number
  readonly block: number
  readonly transaction: string
  readonly requestedAt: string
  readonly verdict: Verdict
  /** Why it waits, lacks a message, or is not proven. */
  readonly reason: string | null
  readonly detail: string | null
  /** The message that would be sent. */
  readonly file: string | null
  /** Only while it is open. */
  readonly deadline: string | null
  readonly secondsLeft: number | null
}

type Found = {
  readonly now: number
  readonly whyMissing: (validator: Case['request']['validatorIndex']) => string | undefined
}

/** The most urgent first. */
export function rowsOf(cases: readonly Case[], found: Found): readonly RequestRow[] {
  return cases
    .map((one) => toRow(one, found))
    .toSorted((a, b) => a.requestedAt.localeCompare(b.requestedAt) || a.validator - b.validator)
}

function toRow(one: Case, { now, whyMissing }: Found): RequestRow {
  const { request, state, message } = one
  const verdict = verdictOf(one)
  return {
    validator: request.validatorIndex,
    pubkey: request.pubkey,
    module: request.moduleId,
    operator: request.operatorId,
    block: request.blockNumber,
    transaction: request.transactionHash,
    requestedAt: isoOf(request.timestamp * 1_000),
    verdict,
    ...reasonOf(one, whyMissing),
    file: verdict === 'ready' ? (message?.file ?? null) : null,
    ...(isOpen(state) ? timesOf(one, now) : { deadline: null, secondsLeft: null }),
  }
}

const timesOf = ({ request, limit }: Case, now: number) => ({
  deadline: isoOf(deadlineOf(request, limit) * 1_000),
  secondsLeft: timeLeft(request, now, limit),
})

/** What is past has no time left to tell. */
export const withoutDeadline = (row: RequestRow): RequestRow => ({
  ...row,
  deadline: null,
  secondsLeft: null,
})

function verdictOf({ state, next }: Case): Verdict {
  if (state === 'settled' || state === 'lapsed') return 'left'
  if (state === 'exiting') return 'exiting'
  if (state === 'unproven' || state === 'seen') return 'unproven'
  if (next.kind === 'offer') return 'ready'
  return next.kind === 'wait' && next.code === 'no-message' ? 'missing' : 'waiting'
}

function reasonOf(
  { request, next, verdict }: Case,
  whyMissing: Found['whyMissing'],
): { readonly reason: string | null; readonly detail: string | null } {
  if (verdict?.kind === 'unproven') {
    const reason = proofReasons[verdict.code]
    return { reason: verdict.code, detail: reason.short }
  }
  if (next.kind !== 'wait') return { reason: null, detail: null }
  const why = next.code === 'no-message' ? whyMissing(request.validatorIndex) : next.detail
  return { reason: next.code, detail: why ?? waitReasons[next.code].short }
}

/** What the requests say of the daemon: would it serve each? */
export function checkRequests(
  rows: readonly RequestRow[],
  { report, window, shortfall }: Pick<CycleFound, 'report' | 'window' | 'shortfall'>,
  location: string,
): readonly Finding[] {
  const count = (...verdicts: readonly Verdict[]) =>
    rows.filter(({ verdict }) => verdicts.includes(verdict)).length
  const [missing, ready, waiting] = [count('missing'), count('ready'), count('waiting')]
  const open = missing + ready + waiting
  const [id, title] = ['requests', 'requests']
  const detail = `${open} open: ${ready} ready, ${missing} missing, ${waiting} waiting; ${count('exiting', 'left')} exiting or gone`
  const blocks = `, since block ${window.from}`
  const summary =
    missing > 0
      ? failure({
          id,
          title,
          detail: `${detail}${blocks}`,
          remedy: `sign exits for the missing validators, and put them into ${location}`,
        })
      : report.failures.length > 0
        ? warning({
            id,
            title,
            detail: `${detail}${blocks}, as far as could be seen`,
            remedy: 'see to what failed below first',
          })
        : ok(id, title, `${detail}${blocks}`)
  return [
    summary,
    ...tellOverdue(rows),
    ...tellWrongKeys(rows),
    ...tellLate(rows, shortfall),
    ...tellUnproven(rows, shortfall),
    ...report.failures.map(tellFailure),
  ]
}

function tellOverdue(rows: readonly RequestRow[]): readonly Finding[] {
  const overdue = rows.filter(({ secondsLeft }) => secondsLeft !== null && secondsLeft < 0)
  if (overdue.length === 0) return []
  const detail = `${overdue.length} past their deadline`
  const remedy = 'see why each of them is not exiting yet: validator-ejector explain <index>'
  return [warning({ id: 'request-deadlines', title: 'deadlines', detail, remedy })]
}

function tellWrongKeys(rows: readonly RequestRow[]): readonly Finding[] {
  const wrong = rows.filter(({ reason }) => reason === 'pubkey-mismatch')
  if (wrong.length === 0) return []
  const names = wrong.map(({ validator }) => validator).join(', ')
  const detail = `the registry has other public keys than the requests name, at ${names}`
  const remedy = waitReasons['pubkey-mismatch'].long
  return [failure({ id: 'request-pubkeys', title: 'public keys', detail, remedy })]
}

function tellLate(rows: readonly RequestRow[], { late }: Shortfall): readonly Finding[] {
  const waiting = rows.filter(
    ({ reason, validator }) => reason === 'message-epoch' && late.has(validator as ValidatorIndex),
  )
  if (waiting.length === 0) return []
  const names = waiting.map(({ validator }) => validator).join(', ')
  const detail = `valid only after the deadline: those of ${names}`
  const remedy = waitReasons['message-epoch'].long
  return [failure({ id: 'message-epochs', title: 'messages', detail, remedy })]
}

/** A node makes such a request up. The others may be genuine: evidence or trust is missing here. */
const INVENTED: ReadonlySet<string> = new Set<ProofReasonCode>([
  'wrong-chain',
  'no-chain-id',
  'bad-signature',
  'unknown-contract',
  'unknown-call',
  'wrong-target',
  'nested-execute',
  'bad-calldata',
  'data-length',
  'requests-count',
  'record-missing',
  'record-differs',
  'other-report',
])

function tellUnproven(rows: readonly RequestRow[], shortfall: Shortfall): readonly Finding[] {
  const unproven = rows.filter(({ verdict }) => verdict === 'unproven')
  if (unproven.length === 0) return []
  const owed = unproven.filter(
    ({ validator, reason }) =>
      shortfall.unproven.has(validator as ValidatorIndex) &&
      reason !== null &&
      !INVENTED.has(reason),
  )
  const codes = [...new Set(unproven.map(({ reason }) => reason ?? 'not judged'))].sort()
  const [id, title] = ['request-proof', 'proof']
  const detail = `${unproven.length} not proven, so nothing is sent for them: ${codes.join(', ')}`
  const remedy = 'see "When a request is not proven" in docker/README.md for each reason'
  if (owed.length === 0) return [warning({ id, title, detail, remedy })]
  const still = `; ${owed.length === 1 ? 'one validator is' : `${owed.length} validators are`} active still`
  return [failure({ id, title, detail: `${detail}${still}`, remedy })]
}

const tellFailure = (why: string): Finding =>
  failure({
    id: 'cycle',
    title: 'cycle',
    detail: why,
    remedy: 'the daemon would try it again soon; see the nodes above',
  })

/** What the daemon would have done about past requests. */
export function checkReplay(
  rows: readonly RequestRow[],
  fromBlock: number,
  { window }: Pick<CycleFound, 'window'>,
): Finding {
  const count = (verdict: Verdict) => rows.filter((row) => row.verdict === verdict).length
  const [id, title] = ['replay', `since block ${fromBlock}`]
  if (fromBlock > window.to) {
    const detail = `nothing: the last finalized block is ${window.to}`
    return warning({ id, title, detail, remedy: 'give --from-block an earlier block' })
  }
  const [ready, missing] = [count('ready'), count('missing')]
  const detail = `${rows.length} requests: the daemon would have sent ${ready}, and ${missing} had no message, ${count('waiting')} would have waited, ${count('unproven')} were not proven`
  if (ready === rows.length) return ok(id, title, detail)
  const remedy = 'see each of them below; messages of validators that left may be gone for good'
  return warning({ id, title, detail, remedy })
}
