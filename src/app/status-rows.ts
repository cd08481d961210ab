import type { NextExitsOfOperator } from '../jobs/next-exits.ts'
import { messageReasons, remedyOf } from '../messages/reasons.ts'
import type { MessageSnapshot } from '../messages/snapshot.ts'
import type {
  ExitRow,
  List,
  MessagesView,
  ModeParts,
  NextExitsRow,
  OpenRow,
  OperatorRow,
  UnprovenRow,
} from '../page/status-document.ts'
import type { Case } from '../requests/cycle-parts.ts'
import type { Facts } from '../requests/facts.ts'
import { type OperatorSummary, operatorKey } from '../requests/operator-summary.ts'
import type { HappeningView, RequestView } from '../requests/rendering.ts'

/** Rows of one list; how many there are in all is told beside them. */
const MAX_ROWS = 1_000
/** Submissions of one exit that are shown: the first, and the latest of them. */
const MAX_OFFERS = 4

export const listOf = <Item, Row>(
  items: readonly Item[],
  toRow: (item: Item) => Row,
  max = MAX_ROWS,
): List<Row> => ({ total: items.length, rows: items.slice(0, max).map(toRow) })

const timeOf = (unixMs: number | undefined) =>
  unixMs === undefined ? null : new Date(unixMs).toISOString()

const namesOf = ({
  validator,
  pubkey,
  module,
  operator,
  requestedAt,
  seenAt,
  state,
}: RequestView) => ({ validator, pubkey, module, operator, requestedAt, seenAt, state })

const foundOf = ({ block, transaction, reason, meaning, remedy }: RequestView) => ({
  block,
  transaction,
  reason,
  meaning,
  remedy,
})

export function openRow(one: Case, view: RequestView, facts: Facts): OpenRow {
  const { detail, notBefore, file, ageSeconds, open } = view
  return {
    ...namesOf(view),
    ...foundOf(view),
    ...storyOf(one, view, facts),
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

export const unprovenRow = (view: RequestView): UnprovenRow => ({
  ...namesOf(view),
  ...foundOf(view),
  meaning: view.meaning ?? 'not judged yet',
  detail: view.detail,
  finding: view.finding,
})

/** An exit from the request to the finalized state. */
export const exitRow = (one: Case, view: RequestView, facts: Facts): ExitRow => ({
  ...namesOf(view),
  ...storyOf(one, view, facts),
  exitingAt: firstSeen(view.history, ['exiting', 'settled']),
  settledAt: firstSeen(view.history, ['settled']),
})

function storyOf({ request }: Case, { history, proof }: RequestView, facts: Facts) {
  const answers = history.flatMap((one) =>
    one.kind === 'accepted' || one.kind === 'refused' ? [one] : [],
  )
  return {
    proof,
    firstOfferedAt: history.find(({ kind }) => kind !== 'seen')?.at ?? null,
    firstAcceptedAt: timeOf(facts.offers.get(request.validatorIndex)?.firstAcceptedAt),
    offers: [...answers.slice(0, 1), ...answers.slice(1).slice(1 - MAX_OFFERS)].map((one) => ({
      at: one.at,
      accepted: one.kind === 'accepted',
      answers: one.answers,
    })),
  }
}

/** Answers to exits, over all validators: one line for each node that rejected it or kept silent. */
export function answersSince(facts: Facts, since: number) {
  const answers = [...facts.history.values()]
    .flat()
    .flatMap((one) => (one.kind === 'offer-answered' && one.at >= since ? [one] : []))
  return {
    accepted: answers.filter(({ accepted }) => accepted).length,
    rejected: answers.reduce((sum, one) => sum + (one.accepted ? 0 : one.answers.length), 0),
  }
}

export const operatorRow = (
  { moduleId, operatorId, ...summary }: OperatorSummary,
  name: string | undefined,
): OperatorRow => ({
  module: moduleId,
  operator: operatorId,
  name: name ?? null,
  states: summary.states,
  overdue: summary.overdue,
  withoutMessage: summary.withoutMessage,
  oldestAgeSeconds: summary.oldestAge,
  timeLeftSeconds: summary.timeLeft ?? null,
})

const firstSeen = (history: readonly HappeningView[], wanted: readonly string[]) =>
  history.find((one) => one.kind === 'seen' && wanted.includes(one.as))?.at ?? null

/** What there is beside requests and nodes where exits are handed out. */
export function ejectorStatus(
  summaries: readonly OperatorSummary[],
  snapshot: MessageSnapshot | undefined,
  nextExits: readonly NextExitsOfOperator[],
  drift: ModeParts['drift'] | undefined,
): ModeParts {
  const names = new Map(nextExits.map(({ order }) => [operatorKey(order), order.name]))
  return {
    operators: listOf(summaries, (summary) =>
      operatorRow(summary, names.get(operatorKey(summary))),
    ),
    messages: snapshot === undefined ? null : messagesOf(snapshot),
    nextExits: listOf(nextExits, nextExitsRow),
    drift: drift ?? null,
  }
}

/** How far the messages of one operator reach; without what messages tell in webhook mode. */
const nextExitsRow = ({ order, runway }: NextExitsOfOperator): NextExitsRow => ({
  module: order.moduleId,
  operator: order.operatorId,
  name: order.name ?? null,
  readAt: timeOf(order.readAt),
  keys: order.keys.length,
  overTarget: order.overTarget,
  suggested: runway?.suggested ?? null,
  signed: runway?.signed ?? null,
  runway: runway?.runway ?? null,
  firstUnsigned: runway?.missing[0]?.index ?? null,
  missing: (runway?.missing ?? []).map(({ index, pubkey }) => ({ validator: index, pubkey })),
})

function messagesOf(snapshot: MessageSnapshot): MessagesView {
  const exits = [...snapshot.exits].map(([validator, { file, entry, used }]) => ({
    used,
    row: { validator, file, entry },
  }))
  const rowOf = ({ row }: (typeof exits)[number]) => row
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
      meaning: messageReasons[code].short,
      remedy: remedyOf(code),
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
