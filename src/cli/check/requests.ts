import type { ValidatorIndex } from '../../lib/primitives.ts'
import type { ProofReasonCode } from '../../proof/reasons.ts'
import { isHeldTooLong } from '../../requests/brake.ts'
import type { Case } from '../../requests/cycle-parts.ts'
import { describeTimeLeft } from '../../requests/deadlines.ts'
import type { Facts } from '../../requests/facts.ts'
import { type Outcome, type RequestView, viewOf } from '../../requests/rendering.ts'
import { sumUpUnread, UNREAD_REMEDY } from '../../requests/unread.ts'
import { waitReasons } from '../../requests/wait-reasons.ts'
import type { Colours } from '../context.ts'
import type { RequestsFound } from '../gather/requests.ts'
import { type Finding, failure, ok, shorten, warning } from './finding.ts'

/** One request, with what the daemon would do about it. */
export type RequestRow = Omit<RequestView, 'outcome' | 'open' | 'history'> & {
  readonly verdict: Outcome
  /** Only while it is open, and not of a replay. */
  readonly deadline: string | null
  readonly secondsLeft: number | null
}

type Told = { readonly findings: readonly Finding[]; readonly rows: readonly RequestRow[] }

/** The most urgent first. */
function rowsOf(cases: readonly Case[], facts: Facts, now: number): readonly RequestRow[] {
  return cases
    .map((one) => toRow(viewOf(one, { facts, now, dryRun: false, isHeld: false })))
    .toSorted((a, b) => a.requestedAt.localeCompare(b.requestedAt) || a.validator - b.validator)
}

function toRow({ outcome, open, history, ...view }: RequestView): RequestRow {
  const isReady = outcome === 'ready'
  return {
    ...view,
    ...(isReady ? { reason: null, meaning: null, remedy: null, detail: null } : { file: null }),
    verdict: outcome,
    deadline: open?.deadline ?? null,
    secondsLeft: open?.secondsLeft ?? null,
  }
}

const counter =
  (rows: readonly RequestRow[]) =>
  (...verdicts: readonly Outcome[]) =>
    rows.filter(({ verdict }) => verdicts.includes(verdict)).length

/** What the requests say of the daemon: would it serve each? */
export function tellRequests(found: RequestsFound, location: string, now: number): Told {
  const rows = rowsOf(found.report.cases, found.parts.journal.facts, now)
  const findings = [
    summarize(rows, found, location),
    ...tellOverdue(rows),
    ...tellWrongKeys(rows),
    ...tellLate(rows, found),
    ...tellRateLimited(found),
    ...tellFinalized(rows),
    ...tellUnproven(rows, found),
    ...tellUnread(found),
    ...tellAlarms(found),
    ...found.report.failures.map(tellFailure),
  ]
  return { findings, rows }
}

function summarize(
  rows: readonly RequestRow[],
  { report, window }: RequestsFound,
  location: string,
): Finding {
  const count = counter(rows)
  const [missing, ready, pending] = [count('missing'), count('ready'), count('pending')]
  const open = `${missing + ready + pending} open: ${ready} ready, ${missing} missing, ${pending} pending`
  const told = { id: 'requests', title: 'requests' }
  const detail = `${open}; ${count('exiting', 'left')} exiting or exited, since block ${window.from}`
  if (missing > 0) {
    const remedy = `sign exits for the missing validators, and put them into ${location}`
    return failure({ ...told, detail, remedy })
  }
  if (report.failures.length === 0) return ok(told.id, told.title, detail)
  const remedy = 'see what failed below, and run check again once that works'
  return warning({ ...told, detail: `${detail}, as far as could be read`, remedy })
}

function tellOverdue(rows: readonly RequestRow[]): readonly Finding[] {
  const overdue = rows.filter(({ secondsLeft }) => secondsLeft !== null && secondsLeft < 0)
  if (overdue.length === 0) return []
  const detail = `${overdue.length} past their deadline`
  const remedy = 'see why each of them is not exiting yet: validator-ejector explain <index>'
  return [warning({ id: 'request-deadlines', title: 'deadlines', detail, remedy })]
}

const namesOf = (rows: readonly RequestRow[]) => rows.map(({ validator }) => validator).join(', ')

function tellWrongKeys(rows: readonly RequestRow[]): readonly Finding[] {
  const wrong = rows.filter(({ reason }) => reason === 'pubkey-mismatch')
  if (wrong.length === 0) return []
  const detail = `the registry has other public keys than the requests name, at ${namesOf(wrong)}`
  const remedy = waitReasons['pubkey-mismatch'].long
  return [failure({ id: 'request-pubkeys', title: 'public keys', detail, remedy })]
}

const isIn = (set: ReadonlySet<ValidatorIndex>, { validator }: RequestRow) =>
  set.has(validator as ValidatorIndex)

function tellLate(rows: readonly RequestRow[], { late }: RequestsFound): readonly Finding[] {
  const waiting = rows.filter((row) => row.reason === 'message-epoch' && isIn(late, row))
  if (waiting.length === 0) return []
  const detail = `valid only after the deadline: those of ${namesOf(waiting)}`
  const remedy = waitReasons['message-epoch'].long
  return [failure({ id: 'message-epochs', title: 'messages', detail, remedy })]
}

function tellRateLimited({ report }: RequestsFound): readonly Finding[] {
  const late = report.cases.filter(isHeldTooLong).map(({ request }) => request.validatorIndex)
  if (late.length === 0) return []
  const detail = `MAX_EXITS_PER_HOUR holds back beyond the deadline: ${late.join(', ')}`
  const remedy = 'set a larger MAX_EXITS_PER_HOUR, or none'
  return [failure({ id: 'rate-limit', title: 'rate limit', detail, remedy })]
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
  'no-slot',
  'block-contradicted',
  'not-in-block',
])

/** Where consensus nodes were asked: by PROOF=finality, either or both. */
function tellFinalized(rows: readonly RequestRow[]): readonly Finding[] {
  const proofs = rows.flatMap(({ proof }) => proof ?? [])
  const final = proofs.filter(({ finalizedBlock }) => finalizedBlock !== null)
  if (final.length === 0) return []
  const hosts = [...new Set(final.flatMap(({ confirmedBy }) => confirmedBy))].join(', ')
  const detail = `${final.length} of ${proofs.length} proven requests are in a finalized block, as ${hosts} says`
  return [ok('request-finality', 'proof', detail)]
}

function tellUnproven(rows: readonly RequestRow[], { owed }: RequestsFound): readonly Finding[] {
  const unproven = rows.filter(({ verdict }) => verdict === 'unproven')
  if (unproven.length === 0) return []
  const active = unproven.filter(
    (row) => isIn(owed, row) && row.reason !== null && !INVENTED.has(row.reason),
  ).length
  const codes = [...new Set(unproven.map(({ reason }) => reason ?? 'not judged'))].sort()
  const told = { id: 'request-proof', title: 'proof' }
  const detail = `${unproven.length} not proven, so nothing is submitted for them: ${codes.join(', ')}`
  const remedy = 'see "When a request is not proven" in docker/README.md for each reason'
  if (active === 0) return [warning({ ...told, detail, remedy })]
  const still = active === 1 ? 'one validator is' : `${active} validators are`
  return [failure({ ...told, detail: `${detail}; ${still} active still`, remedy })]
}

/** Requests in such blocks are not seen by anybody. */
function tellUnread({ parts: { journal } }: RequestsFound): readonly Finding[] {
  const { unread } = journal.facts
  if (unread.length === 0) return []
  const detail = sumUpUnread(unread)
  return [failure({ id: 'unread-blocks', title: 'blocks', detail, remedy: UNREAD_REMEDY })]
}

/** What the daemon would log as an error or a warning, whenever it was said. */
function tellAlarms({ alarms, warnings }: RequestsFound): readonly Finding[] {
  const told = { id: 'alarm', title: 'alarm' }
  const remedy = 'see which node it names: correct it, or remove it from the configuration'
  return [
    ...alarms.map((detail) => failure({ ...told, detail, remedy })),
    ...warnings.map((detail) => warning({ ...told, title: 'warning', detail, remedy })),
  ]
}

const tellFailure = (detail: string): Finding =>
  failure({
    id: 'cycle',
    title: 'cycle',
    detail,
    remedy: 'the daemon would try it again soon; see the nodes above',
  })

/** What the daemon would have done about past requests. */
export function tellReplay(found: RequestsFound, fromBlock: number, now: number): Told {
  const all = rowsOf(found.replayed ?? [], found.parts.journal.facts, now)
  const rows = all.map((row) => ({ ...row, deadline: null, secondsLeft: null }))
  const told = { id: 'replay', title: `since block ${fromBlock}` }
  if (fromBlock > found.window.to) {
    const detail = `nothing: the last finalized block is ${found.window.to}`
    const remedy = 'give --from-block an earlier block'
    return { findings: [warning({ ...told, detail, remedy })], rows }
  }
  const count = counter(rows)
  const detail = `${rows.length} requests: the daemon would have submitted ${count('ready')}, and ${count('missing')} had no message, ${count('pending')} would have been pending, ${count('unproven')} were not proven`
  if (count('ready') === rows.length) return { findings: [ok(told.id, told.title, detail)], rows }
  const remedy = 'see each of them below; messages of validators that exited may be gone for good'
  return { findings: [warning({ ...told, detail, remedy })], rows }
}

/** What is over needs no line: how many there are is said. */
export const linesOfRequests = (rows: readonly RequestRow[], colours: Colours) =>
  shorten(
    rows
      .filter(({ verdict }) => verdict !== 'left')
      .map((row) => `    ${lineOfRequest(row, colours)}`),
  )

function lineOfRequest(row: RequestRow, { green, yellow, red }: Colours): string {
  const { verdict, validator, module, operator, file, detail, meaning, secondsLeft } = row
  const paints = { ready: green, missing: red, pending: yellow, unproven: yellow } as const
  const word = verdict.padEnd(8)
  const isBoth = verdict === 'unproven' && detail !== null
  const what = isBoth ? `${meaning}: ${detail}` : (detail ?? meaning)
  const time = describeTimeLeft(secondsLeft ?? 0)
  return [
    verdict in paints ? paints[verdict as keyof typeof paints](word) : word,
    ` ${validator}`,
    `  module ${module}, operator ${operator}`,
    secondsLeft === null ? '' : `  ${secondsLeft < 0 ? time : `${time} remaining`}`,
    file === null ? '' : `  ${file}`,
    what === null ? '' : `  ${what}`,
  ].join('')
}
