import type { NextExitsOfOperator } from '../jobs/next-exits.ts'
import type { MessageSnapshot } from '../messages/snapshot.ts'
import type { Case } from '../requests/cycle-parts.ts'
import type { Facts } from '../requests/facts.ts'
import type { HappeningView, RequestView } from '../requests/rendering.ts'

/** Rows of one list; how many there are in all is told beside them. */
const MAX_ROWS = 1_000
/** Submissions of one exit that are shown: the first, and the latest of them. */
const MAX_OFFERS = 4

export type List = { readonly total: number; readonly rows: readonly object[] }

export const listOf = <Item>(
  items: readonly Item[],
  toRow: (item: Item) => object,
  max = MAX_ROWS,
): List => ({ total: items.length, rows: items.slice(0, max).map(toRow) })

const timeOf = (unixMs: number | undefined) =>
  unixMs === undefined ? null : new Date(unixMs).toISOString()

const namesOf = ({ validator, pubkey, module, operator, requestedAt, state }: RequestView) => ({
  validator,
  pubkey,
  module,
  operator,
  requestedAt,
  state,
})

export function openRow(view: RequestView): object {
  const { reason, meaning, detail, notBefore, file, ageSeconds, open } = view
  return {
    ...namesOf(view),
    reason,
    meaning,
    detail,
    notBefore,
    file,
    ageSeconds,
    deadline: open?.deadline ?? null,
    timeLeftSeconds: open?.secondsLeft ?? null,
    passed: open?.passed ?? [],
    lateCost: open?.lateCost ?? null,
  }
}

export function unprovenRow(view: RequestView): object {
  const { reason, meaning, transaction } = view
  return { ...namesOf(view), reason, meaning: meaning ?? 'not judged yet', transaction }
}

/** An exit from the request to the finalized state. */
export function exitRow({ request, verdict }: Case, view: RequestView, facts: Facts): object {
  const { history, seenAt } = view
  const answers = history.flatMap((one) =>
    one.kind === 'accepted' || one.kind === 'refused' ? [one] : [],
  )
  return {
    ...namesOf(view),
    seenAt,
    proof: proofOf(verdict),
    firstOfferedAt: history.find(({ kind }) => kind !== 'seen')?.at ?? null,
    firstAcceptedAt: timeOf(facts.offers.get(request.validatorIndex)?.firstAcceptedAt),
    offers: [...answers.slice(0, 1), ...answers.slice(1).slice(1 - MAX_OFFERS)].map((one) => ({
      at: one.at,
      accepted: one.kind === 'accepted',
      answers: one.answers,
    })),
    exitingAt: firstSeen(history, ['exiting', 'settled']),
    settledAt: firstSeen(history, ['settled']),
  }
}

function proofOf(verdict: Case['verdict']): object | null {
  if (verdict?.kind !== 'proven') return null
  const { by, refSlot, signers, transactions } = verdict
  return { by, reportSlot: refSlot === undefined ? null : Number(refSlot), signers, transactions }
}

const firstSeen = (history: readonly HappeningView[], wanted: readonly string[]) =>
  history.find((one) => one.kind === 'seen' && wanted.includes(one.as))?.at ?? null

/** How far the messages of one operator reach; without what messages tell in webhook mode. */
export const nextExitsRow = ({ order, runway }: NextExitsOfOperator): object => ({
  module: order.moduleId,
  operator: order.operatorId,
  name: order.name ?? null,
  readAt: timeOf(order.readAt),
  keys: order.keys.length,
  overTarget: order.overTarget,
  suggested: runway?.suggested ?? null,
  signed: runway?.signed ?? null,
  runway: runway?.runway ?? null,
  firstUnsigned: runway?.firstUnsigned ?? null,
})

export function messagesOf(snapshot: MessageSnapshot): object {
  const exits = [...snapshot.exits].map(([validator, { file, entry, used }]) => ({
    used,
    row: { validator, file, entry },
  }))
  const rowOf = ({ row }: { readonly row: object }) => row
  return {
    readAt: timeOf(snapshot.readAt),
    files: snapshot.files,
    left: listOf(
      exits.filter(({ used }) => !used),
      rowOf,
    ),
    used: listOf(
      exits.filter(({ used }) => used),
      rowOf,
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
