import type { MessageSnapshot } from '../messages/snapshot.ts'
import { proofReasons } from '../proof/reasons.ts'
import type { Case } from '../requests/cycle-parts.ts'
import { ageOf, deadlineOf, passedLimits, timeLeft } from '../requests/deadlines.ts'
import { type RequestState, stateAfterOffers } from '../requests/derive.ts'
import type { ExitRequest } from '../requests/exit-request.ts'
import type { Facts, HistoryFact } from '../requests/facts.ts'
import { waitReasons } from '../requests/wait-reasons.ts'

/** Rows of one list; how many there are in all is told beside them. */
const MAX_ROWS = 1_000
/** Offers of one story: the first, and the latest of them. */
const MAX_OFFERS = 4

export type List = { readonly total: number; readonly rows: readonly object[] }

export const listOf = <Item>(
  items: readonly Item[],
  toRow: (item: Item) => object,
  max = MAX_ROWS,
): List => ({ total: items.length, rows: items.slice(0, max).map(toRow) })

/** What stops every submission, whatever a single request may be. */
export type Brakes = { readonly dryRun: boolean; readonly isHeld: boolean }

/** A request with its state as it is now: the cycle may have handed its exit out since. */
export const stateNow = ({ request, state }: Case, facts: Facts): RequestState =>
  stateAfterOffers(state, facts.offers.get(request.validatorIndex))

const isoOf = (unixMs: number) => new Date(unixMs).toISOString()
const timeOf = (unixMs: number | undefined) => (unixMs === undefined ? null : isoOf(unixMs))

const namesOf = (request: ExitRequest) => ({
  validator: request.validatorIndex,
  pubkey: request.pubkey,
  module: request.moduleId,
  operator: request.operatorId,
  requestedAt: isoOf(request.timestamp * 1_000),
})

/** What the rows of open requests need beside the request. */
export type Surroundings = Brakes & {
  readonly facts: Facts
  readonly snapshot: MessageSnapshot | undefined
  /** Unix ms. */
  readonly now: number
}

export function openRow(one: Case, surroundings: Surroundings): object {
  const { request, limit, message, next } = one
  const { facts, snapshot, now } = surroundings
  const { reason, meaning } = reasonOf(one, stateNow(one, facts), surroundings)
  return {
    ...namesOf(request),
    state: stateNow(one, facts),
    reason,
    meaning,
    detail:
      (next.kind === 'wait' ? (next.detail ?? whyMissing(next, request, snapshot)) : null) ?? null,
    file: message?.file ?? null,
    ageSeconds: ageOf(request, now),
    deadline: isoOf(deadlineOf(request, limit) * 1_000),
    timeLeftSeconds: timeLeft(request, now, limit),
    passed: passedLimits(request, now, limit),
  }
}

/** The refusal that an operator would look for, where a file named this validator. */
function whyMissing(
  { code }: Case['next'] & { kind: 'wait' },
  { validatorIndex }: ExitRequest,
  snapshot: MessageSnapshot | undefined,
): string | undefined {
  if (code !== 'no-message') return undefined
  const refusal = snapshot?.refused.find((one) => one.validatorIndex === validatorIndex)
  return refusal && `${refusal.file} was refused: ${refusal.code}: ${refusal.detail}`
}

function reasonOf({ next, state }: Case, stateIsNow: RequestState, { dryRun, isHeld }: Brakes) {
  if (next.kind === 'wait') return { reason: next.code, meaning: waitReasons[next.code].short }
  if (isHeld) return { reason: 'held', meaning: 'HOLD_FILE exists' }
  if (dryRun) return { reason: 'dry-run', meaning: 'DRY_RUN is on' }
  if (state !== stateIsNow) return { reason: 'accepted', meaning: waitReasons.accepted.short }
  return { reason: 'due', meaning: 'offered, and offered again in the next cycle' }
}

export function unprovenRow({ request, state, verdict }: Case): object {
  const reason = verdict?.kind === 'unproven' ? verdict.code : null
  return {
    ...namesOf(request),
    state,
    reason,
    meaning: reason === null ? 'not judged yet' : proofReasons[reason].short,
    transaction: request.transactionHash,
  }
}

/** When something last happened to it, unix ms. */
export const latestOf = ({ request }: Case, facts: Facts): number =>
  facts.history.get(request.validatorIndex)?.at(-1)?.at ?? 0

/** The story of an exit, from the request to the finalized state. */
export function exitRow({ request, state, verdict }: Case, facts: Facts): object {
  const history = facts.history.get(request.validatorIndex) ?? []
  const offers = history.flatMap((fact) => (fact.kind === 'offer-answered' ? [fact] : []))
  const firstOffer = history.find(({ kind }) => kind !== 'sighting')
  return {
    ...namesOf(request),
    state,
    seenAt: timeOf(facts.requests.get(request.key)?.seenAt),
    proof: proofOf(verdict),
    firstOfferedAt: timeOf(firstOffer?.at),
    firstAcceptedAt: timeOf(facts.offers.get(request.validatorIndex)?.firstAcceptedAt),
    offers: [...offers.slice(0, 1), ...offers.slice(1).slice(1 - MAX_OFFERS)].map((offer) => ({
      at: isoOf(offer.at),
      accepted: offer.accepted,
      answers: offer.answers,
    })),
    exitingAt: timeOf(firstSighting(history, ['exiting', 'settled'])),
    settledAt: timeOf(firstSighting(history, ['settled'])),
  }
}

function proofOf(verdict: Case['verdict']): object | null {
  if (verdict?.kind !== 'proven') return null
  const { by, refSlot, signers, transactions } = verdict
  return { by, reportSlot: refSlot === undefined ? null : Number(refSlot), signers, transactions }
}

const firstSighting = (history: readonly HistoryFact[], wanted: readonly string[]) =>
  history.find((fact) => fact.kind === 'sighting' && wanted.includes(fact.seen))?.at

export function messagesOf(snapshot: MessageSnapshot): object {
  const exits = [...snapshot.exits]
  return {
    readAt: isoOf(snapshot.readAt),
    files: snapshot.files,
    left: listOf(
      exits.filter(([, { used }]) => !used),
      ([validator, { file, entry }]) => ({ validator, file, entry }),
    ),
    used: listOf(
      exits.filter(([, { used }]) => used),
      ([validator, { file, entry }]) => ({ validator, file, entry }),
    ),
    refused: listOf(snapshot.refused, ({ file, entry, validatorIndex, code, detail }) => ({
      file,
      entry: entry ?? null,
      validator: validatorIndex ?? null,
      reason: code,
      detail,
    })),
    superseded: listOf(snapshot.superseded, ({ validatorIndex, file, entry, by }) => ({
      validator: validatorIndex,
      file,
      entry,
      by,
    })),
  }
}
