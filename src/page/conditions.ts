import { describeTimeLeft } from '../requests/deadlines.ts'
import type { StatusDocument } from './status-document.ts'

/** What is the matter, without a full stop; `undefined` while nothing is. */
export type Tell = (status: StatusDocument) => string | undefined

export type Section = 'requests' | 'operators' | 'next' | 'messages' | 'nodes' | 'oracle' | 'daemon'

export type Rule = {
  /** The alert of docker/prometheus/alerts.yml with the same condition, without its prefix. */
  readonly alert: string | undefined
  /** Something to do now, something to look at. */
  readonly level: 'act' | 'look'
  /** Where on the page the details are. */
  readonly section: Section
  readonly tell: Tell
  /** What to do, where that can be said in a line. */
  readonly remedy?: string | undefined
}

export const act = (section: Section, alert: string, tell: Tell, remedy: string): Rule => ({
  alert,
  level: 'act',
  section,
  tell,
  remedy,
})

export const look = (section: Section, alert: string | undefined, tell: Tell): Rule => ({
  alert,
  level: 'look',
  section,
  tell,
})

export const HOUR_S = 3_600
const MINUTE_S = 60

/** `1 exit`, `3 exits`. */
export const countOf = (count: number, noun: string, plural = `${noun}s`): string =>
  `${count.toLocaleString('en')} ${count === 1 ? noun : plural}`

/** `3 exits are past the deadline`. */
export const saying =
  (rest: string, noun: string, plural?: string) =>
  (count: number): string =>
    `${countOf(count, noun, plural)} ${rest}`

export const secondsSince = (
  { at }: StatusDocument,
  then: string | null | undefined,
): number | undefined =>
  then === null || then === undefined ? undefined : (Date.parse(at) - Date.parse(then)) / 1_000

export const plain = (seconds: number) => describeTimeLeft(Math.floor(seconds))

const operatorsOf = ({ operators }: StatusDocument) => operators?.rows ?? []
type Operator = ReturnType<typeof operatorsOf>[number]
/** Others' exits have alerts of their own. */
const isWatch = ({ mode }: StatusDocument) => mode.delivery === 'watch'

/** Our exits past a limit; none in `watch`. */
export const late = (limit: 'delayed' | 'delinquent') => (status: StatusDocument) =>
  isWatch(status) ? 0 : sum(({ overdue }) => overdue[limit])(status)

/** Exits that `watch` sees past 24 hours. */
export const delayedOfOthers = (status: StatusDocument) =>
  isWatch(status) ? sum(({ overdue }) => overdue.delayed)(status) : 0

export const operatorsOverdue: Tell = (status) => {
  const names = (isWatch(status) ? operatorsOf(status) : [])
    .filter(({ overdue }) => overdue.delinquent > 0)
    .map(({ name, module, operator }) => name ?? `operator ${operator} of module ${module}`)
  if (names.length === 0) return undefined
  const more = names.length > 3 ? ` and ${names.length - 3} more` : ''
  return `Past the deadline: ${names.slice(0, 3).join(', ')}${more}`
}

export const sum = (count: (one: Operator) => number) => (status: StatusDocument) =>
  operatorsOf(status).reduce((total, one) => total + count(one), 0)

/** @param most - the largest number that is in order */
export function counted(
  count: (status: StatusDocument) => number | undefined,
  text: (count: number) => string,
  most = 0,
): Tell {
  return (status) => {
    const found = count(status) ?? 0
    return found > most ? text(found) : undefined
  }
}

/** How the allowlist differs from the oracle's signers. */
export const drifted = (
  list: 'missing' | 'announced' | 'stale' | 'vacant',
  text: (count: number) => string,
): Tell => counted(({ drift }) => drift?.[list].length, text)

export const when =
  (test: (status: StatusDocument) => boolean | undefined, text: string): Tell =>
  (status) =>
    test(status) === true ? text : undefined

/** @param isNear - whether so little is left of the time of an operator's most urgent exit */
export const deadline =
  (isNear: (left: number, age: number) => boolean, text: (left: string) => string): Tell =>
  (status) => {
    const left = (isWatch(status) ? [] : operatorsOf(status)).flatMap(
      ({ timeLeftSeconds: one, oldestAgeSeconds }) =>
        one !== null && isNear(one, oldestAgeSeconds) ? [one] : [],
    )
    return left.length === 0 ? undefined : text(plain(Math.min(...left)))
  }

/** @param below - percent of the messages that are unused */
export const messagesBelow =
  (below: number): Tell =>
  ({ messages }) => {
    if (messages === null || messages === undefined) return undefined
    const [left, used] = [messages.left.total, messages.used.total]
    const percent = left + used === 0 ? 0 : (100 * left) / (left + used)
    return percent < below ? `Only ${Math.floor(percent)} % of the messages are unused` : undefined
  }

type Node = NonNullable<StatusDocument['nodes']>[number]
export const nodesWhere =
  (test: (node: Node) => boolean, text: string): Tell =>
  ({ nodes = [] }) => {
    const found = nodes.filter(test).map(({ layer, host }) => `${layer} node ${host}`)
    return found.length === 0 ? undefined : `${text} ${found.join(', ')}`
  }

export const noUsableNode: Tell = ({ nodes = [] }) => {
  const dead = (['execution', 'consensus'] as const).filter((layer) => {
    const ours = nodes.filter((node) => node.layer === layer)
    return ours.length > 0 && ours.every(({ synced }) => !synced)
  })
  return dead.length === 0 ? undefined : `No ${dead.join(' and no ')} node is up and synced`
}

export const runways = ({ nextExits }: StatusDocument) =>
  (nextExits?.rows ?? []).flatMap(({ suggested, runway }) =>
    suggested === null || runway === null || suggested === 0 ? [] : [{ suggested, runway }],
  )

export const isLoading = ({ mode, messages }: StatusDocument) =>
  mode.delivery === 'message' && (messages === null || messages === undefined)

/** Complete evidence did not prove them: a missing answer says nothing yet. */
export const isRejected = ({
  state,
  reason,
}: {
  readonly state: string
  readonly reason: string | null
}) => state === 'unproven' && reason !== 'answer-missing'

/** Unproven requests of which consensus nodes say so. */
export const unprovenThat =
  (finding: 'finalized' | 'invented') =>
  ({ requests }: StatusDocument): number =>
    (requests?.unproven.rows ?? []).filter((row) => row.finding === finding).length

/** Requests that are known for half an hour, and not proven. */
export const longUnproven = (status: StatusDocument) =>
  status.requests?.unproven.rows.filter(
    ({ seenAt, requestedAt }) =>
      (secondsSince(status, seenAt ?? requestedAt) ?? 0) >= 30 * MINUTE_S,
  ).length

export const isAccepted = (status: StatusDocument) => {
  const { accepted = 0, rejected = 0 } = status.requests?.answers ?? {}
  return (
    accepted > 0 ||
    rejected < 3 ||
    sum(({ states }) => states.proven + states.submitted)(status) === 0
  )
}
