import { describeTimeLeft } from '../requests/deadlines.ts'
import type { StatusDocument } from './status-document.ts'

/** All is well, something to look at, something to do now. */
export type Level = 'well' | 'look' | 'act'

export type Finding = {
  /** The alert of docker/prometheus/alerts.yml with the same condition, without its prefix. */
  readonly alert: string | undefined
  readonly level: Exclude<Level, 'well'>
  /** A sentence without its full stop. */
  readonly text: string
  /** Where on the page the details are. */
  readonly section: Section
}

export type Section = 'requests' | 'next' | 'messages' | 'nodes' | 'oracle' | 'daemon'

export type Judgement = {
  readonly level: Level
  /** The worst first; without those that a worse one covers. */
  readonly findings: readonly Finding[]
}

type Rule = Omit<Finding, 'text'> & {
  /** Alerts that say this and more: as in alertmanager.yml. */
  readonly coveredBy?: readonly string[]
  /** What is the matter; `undefined` while nothing is. */
  readonly tell: (status: StatusDocument) => string | undefined
}

const HOUR_S = 3_600
const MINUTE_S = 60

/**
 * What there is to look at or to do, under the conditions of the alerts. The page says at once what an
 * alert says after its time; where a condition holds on any healthy day for a while, that while is here
 * too. That the daemon is away or restarts it cannot tell of itself.
 */
export function judge(status: StatusDocument): Judgement {
  const all = rules.flatMap(({ tell, coveredBy, ...rule }) => {
    const text = tell(status)
    return text === undefined ? [] : [{ coveredBy: coveredBy ?? [], finding: { ...rule, text } }]
  })
  const alerts = new Set(all.map(({ finding }) => finding.alert))
  const findings = all
    .filter(({ coveredBy }) => !coveredBy.some((alert) => alerts.has(alert)))
    .map(({ finding }) => finding)
  const [act, look] = (['act', 'look'] as const).map((level) =>
    findings.filter((finding) => finding.level === level),
  )
  const ordered = [...(act ?? []), ...(look ?? [])]
  return { level: ordered[0]?.level ?? 'well', findings: ordered }
}

/** `1 exit`, `3 exits`. */
export const countOf = (count: number, noun: string, plural = `${noun}s`): string =>
  `${count.toLocaleString('en')} ${count === 1 ? noun : plural}`

const secondsSince = (
  { at }: StatusDocument,
  then: string | null | undefined,
): number | undefined =>
  then === null || then === undefined ? undefined : (Date.parse(at) - Date.parse(then)) / 1_000

const plain = (seconds: number) => describeTimeLeft(Math.floor(seconds))

type Operators = NonNullable<StatusDocument['operators']>['rows']
const operatorsOf = ({ operators }: StatusDocument): Operators => operators?.rows ?? []
const sum = (status: StatusDocument, count: (one: Operators[number]) => number) =>
  operatorsOf(status).reduce((total, one) => total + count(one), 0)

/** @param isNear - whether so little is left of the time of an operator's most urgent exit */
const deadline =
  (isNear: (secondsLeft: number, age: number) => boolean, tell: (left: string) => string) =>
  (status: StatusDocument): string | undefined => {
    const left = operatorsOf(status).flatMap(({ timeLeftSeconds, oldestAgeSeconds }) =>
      timeLeftSeconds !== null && isNear(timeLeftSeconds, oldestAgeSeconds)
        ? [timeLeftSeconds]
        : [],
    )
    return left.length === 0 ? undefined : tell(plain(Math.min(...left)))
  }

/** @param below - percent of the messages that are unused */
const messagesBelow = (below: number) => (status: StatusDocument) => {
  const { messages } = status
  if (messages === null || messages === undefined) return undefined
  const [left, used] = [messages.left.total, messages.used.total]
  const percent = left + used === 0 ? 0 : (100 * left) / (left + used)
  return percent < below ? `Only ${Math.floor(percent)} % of the messages are unused` : undefined
}

/** @param most - the largest number that is in order */
const counted = (
  count: (status: StatusDocument) => number | undefined,
  tell: (count: number, status: StatusDocument) => string,
  most = 0,
) => {
  return (status: StatusDocument): string | undefined => {
    const found = count(status) ?? 0
    return found > most ? tell(found, status) : undefined
  }
}

const when = (test: (status: StatusDocument) => boolean | undefined, text: string) => {
  return (status: StatusDocument) => (test(status) === true ? text : undefined)
}

const nodesWhere = (
  status: StatusDocument,
  test: (node: NonNullable<StatusDocument['nodes']>[number]) => boolean,
) => (status.nodes ?? []).filter(test).map(({ layer, host }) => `${layer} node ${host}`)

const layersWithoutNode = ({ nodes = [] }: StatusDocument) =>
  (['execution', 'consensus'] as const).filter((layer) => {
    const ours = nodes.filter((node) => node.layer === layer)
    return ours.length > 0 && ours.every(({ synced }) => !synced)
  })

const runways = ({ nextExits }: StatusDocument) =>
  (nextExits?.rows ?? []).flatMap(({ suggested, runway, ...one }) =>
    suggested === null || runway === null || suggested === 0 ? [] : [{ ...one, suggested, runway }],
  )

const requestRules: readonly Rule[] = [
  {
    alert: 'ExitOverdue',
    level: 'act',
    section: 'requests',
    tell: counted(
      (status) => sum(status, ({ overdue }) => overdue.delinquent),
      (count) => `${countOf(count, 'exit is', 'exits are')} past the deadline`,
    ),
  },
  {
    alert: 'RequestWithoutMessage',
    level: 'act',
    section: 'requests',
    tell: counted(
      (status) => sum(status, ({ withoutMessage }) => withoutMessage),
      (count) => `${countOf(count, 'requested exit has', 'requested exits have')} no message`,
    ),
  },
  {
    alert: 'Deadline4Hours',
    level: 'act',
    section: 'requests',
    coveredBy: ['ExitOverdue'],
    tell: deadline(
      (left) => left <= 4 * HOUR_S,
      (left) => `An exit is due: ${left}`,
    ),
  },
  {
    alert: 'Deadline24Hours',
    level: 'act',
    section: 'requests',
    coveredBy: ['ExitOverdue', 'Deadline4Hours'],
    tell: deadline(
      (left) => left <= 24 * HOUR_S,
      (left) => `An exit is due in ${left}`,
    ),
  },
  {
    alert: 'RequestUnproven',
    level: 'act',
    section: 'requests',
    tell: counted(
      (status) => unprovenFor(status, 30 * MINUTE_S),
      (count) => `${countOf(count, 'request is', 'requests are')} not proven, for half an hour`,
    ),
  },
  {
    alert: 'ExitsNotAccepted',
    level: 'act',
    section: 'requests',
    tell: when(
      (status) =>
        (status.requests?.answers.rejected ?? 0) >= 3 &&
        status.requests?.answers.accepted === 0 &&
        sum(status, ({ states }) => states.proven + states.submitted) > 0,
      'No node accepts the exits',
    ),
  },
  {
    alert: 'ExitsRateLimited',
    level: 'act',
    section: 'requests',
    tell: counted(
      ({ requests }) => requests?.rateLimited.late,
      (count) =>
        `${countOf(count, 'exit misses its', 'exits miss their')} deadline because of MAX_EXITS_PER_HOUR`,
    ),
  },
  {
    alert: 'VerificationErrors',
    level: 'look',
    section: 'requests',
    coveredBy: ['RequestUnproven'],
    tell: counted(
      ({ requests }) =>
        requests?.unproven.rows.filter(
          ({ state, reason }) => state === 'unproven' && reason !== 'answer-missing',
        ).length,
      (count) => `${countOf(count, 'request is', 'requests are')} not proven`,
    ),
  },
  {
    alert: 'ExitDelayed',
    level: 'look',
    section: 'requests',
    coveredBy: ['ExitOverdue', 'Deadline4Hours', 'Deadline24Hours'],
    tell: counted(
      (status) => sum(status, ({ overdue }) => overdue.delayed),
      (count) => `${countOf(count, 'exit takes', 'exits take')} more than 24 hours`,
    ),
  },
  {
    alert: 'DeadlineHalfGone',
    level: 'look',
    section: 'requests',
    coveredBy: ['ExitOverdue', 'Deadline4Hours', 'Deadline24Hours'],
    tell: deadline(
      (left, age) => left <= age,
      (left) => `Half of the time for an exit is gone: ${left} remaining`,
    ),
  },
  {
    alert: 'ExitsHeld',
    level: 'look',
    section: 'requests',
    tell: counted(
      ({ requests }) => requests?.held,
      (count) => `${countOf(count, 'due exit is', 'due exits are')} held back by HOLD_FILE`,
    ),
  },
]

/** Requests that are known for longer than this, and not proven. */
const unprovenFor = (status: StatusDocument, seconds: number) =>
  status.requests?.unproven.rows.filter(
    ({ seenAt, requestedAt }) => (secondsSince(status, seenAt ?? requestedAt) ?? 0) >= seconds,
  ).length

const messageRules: readonly Rule[] = [
  {
    alert: 'NoMessages',
    level: 'act',
    section: 'messages',
    tell: when(({ messages }) => messages?.left.total === 0, 'There is no unused message'),
  },
  {
    alert: 'MessagesBelow15Percent',
    level: 'act',
    section: 'messages',
    coveredBy: ['NoMessages'],
    tell: messagesBelow(15),
  },
  {
    alert: 'MessagesBelow30Percent',
    level: 'look',
    section: 'messages',
    coveredBy: ['NoMessages', 'MessagesBelow15Percent'],
    tell: messagesBelow(30),
  },
  {
    alert: 'NextExitNotSigned',
    level: 'act',
    section: 'next',
    coveredBy: ['NoMessages'],
    tell: when(
      (status) => runways(status).some(({ runway }) => runway === 0),
      'The validator that will be asked for next has no message',
    ),
  },
  {
    alert: 'RunwayShort',
    level: 'look',
    section: 'next',
    coveredBy: ['NextExitNotSigned', 'NoMessages'],
    tell: when(
      (status) => runways(status).some(({ runway, suggested }) => runway < suggested / 2),
      'Less than half of the suggested messages are there',
    ),
  },
  {
    alert: 'MessagesNotLoaded',
    level: 'look',
    section: 'messages',
    tell: when(
      (status) => isLoading(status) && (secondsSince(status, status.startedAt) ?? 0) > HOUR_S,
      'The messages have not been loaded within an hour',
    ),
  },
  {
    alert: 'InvalidMessages',
    level: 'look',
    section: 'messages',
    tell: counted(
      ({ messages }) => messages?.refused.total,
      (count) => `${countOf(count, 'file or entry is', 'files or entries are')} rejected`,
    ),
  },
]

const isLoading = ({ mode, messages }: StatusDocument) =>
  mode.delivery === 'message' && (messages === null || messages === undefined)

const nodeRules: readonly Rule[] = [
  {
    alert: 'NoUsableNode',
    level: 'act',
    section: 'nodes',
    tell: counted(
      (status) => layersWithoutNode(status).length,
      (_count, status) => `No ${layersWithoutNode(status).join(' and no ')} node is up and synced`,
    ),
  },
  {
    alert: 'NoGoodCycle',
    level: 'act',
    section: 'daemon',
    tell: counted(
      (status) => secondsSince(status, status.cycles.lastGoodAt ?? status.startedAt),
      (seconds) => `There has been no good cycle for ${plain(seconds)}`,
      HOUR_S,
    ),
  },
  {
    alert: 'FinalityStale',
    level: 'act',
    section: 'nodes',
    tell: counted(
      (status) => secondsSince(status, status.reading?.finalizedAt),
      (seconds) => `The newest finalized block is ${plain(seconds)} old`,
      HOUR_S,
    ),
  },
  {
    alert: 'BlocksUnread',
    level: 'act',
    section: 'nodes',
    tell: counted(
      ({ reading }) => reading?.unreadBlocks,
      (count) => `${countOf(count, 'block')} cannot be read: requests in them are not seen`,
    ),
  },
  {
    alert: 'ProtocolVersionUnknown',
    level: 'look',
    section: 'daemon',
    tell: ({ reading }) => reading?.versionProblem ?? undefined,
  },
  {
    alert: 'NodeDown',
    level: 'look',
    section: 'nodes',
    tell: (status) => {
      const down = nodesWhere(status, ({ up }) => !up)
      return down.length === 0 ? undefined : `No answer from ${down.join(', ')}`
    },
  },
  {
    alert: 'NodeUnsynced',
    level: 'look',
    section: 'nodes',
    tell: (status) => {
      const behind = nodesWhere(status, ({ up, synced }) => up && !synced)
      return behind.length === 0 ? undefined : `Not following the chain: ${behind.join(', ')}`
    },
  },
  {
    alert: 'CyclesFail',
    level: 'look',
    section: 'daemon',
    coveredBy: ['NoGoodCycle'],
    tell: counted(
      ({ cycles }) => cycles.failedWithinHour,
      (count) => `${count} cycles failed within an hour`,
      2,
    ),
  },
  {
    alert: 'JournalDegraded',
    level: 'look',
    section: 'daemon',
    tell: when(({ journal }) => journal?.degraded, 'STATE_FILE cannot be written'),
  },
]

const settingRules: readonly Rule[] = [
  {
    alert: 'TrustMode',
    level: 'act',
    section: 'daemon',
    tell: when(
      ({ mode }) => mode.trustMode,
      'TRUST_MODE is on: requests are believed without proof',
    ),
  },
  {
    alert: 'AllowlistMissing',
    level: 'look',
    section: 'oracle',
    tell: counted(
      ({ drift }) => drift?.missing.length,
      (count) =>
        `${countOf(count, 'signer')} of the oracle ${count === 1 ? 'is' : 'are'} not in the allowlist`,
    ),
  },
  {
    alert: 'OracleKeyAnnounced',
    level: 'look',
    section: 'oracle',
    tell: counted(
      ({ drift }) => drift?.announced.length,
      (count) =>
        `${countOf(count, 'announced key')} of the oracle ${count === 1 ? 'is' : 'are'} not in the allowlist`,
    ),
  },
  {
    alert: 'AllowlistStale',
    level: 'look',
    section: 'oracle',
    tell: counted(
      ({ drift }) => drift?.stale.length,
      (count) =>
        `${countOf(count, 'address', 'addresses')} in the allowlist ${count === 1 ? 'signs' : 'sign'} no more`,
    ),
  },
  {
    alert: 'OracleSeatVacant',
    level: 'look',
    section: 'oracle',
    tell: counted(
      ({ drift }) => drift?.vacant.length,
      (count) =>
        `${countOf(count, 'member')} of the oracle ${count === 1 ? 'has' : 'have'} no signer`,
    ),
  },
  {
    alert: 'OnHold',
    level: 'look',
    section: 'daemon',
    tell: when(({ mode }) => mode.onHold, 'HOLD_FILE exists: nothing is submitted'),
  },
  {
    alert: 'DryRun',
    level: 'look',
    section: 'daemon',
    tell: when(({ mode }) => mode.dryRun, 'DRY_RUN is on: nothing is submitted'),
  },
]

/** Who has just started does not know yet whether all is well. */
const startRules: readonly Rule[] = [
  {
    alert: undefined,
    level: 'look',
    section: 'daemon',
    coveredBy: ['NoGoodCycle'],
    tell: when(
      ({ requests, lastCycle }) => requests === undefined || lastCycle === null,
      'The daemon starts: its first cycle has not ended, so nothing is known yet',
    ),
  },
  {
    alert: undefined,
    level: 'look',
    section: 'messages',
    coveredBy: ['MessagesNotLoaded'],
    tell: when(isLoading, 'The messages are still loading'),
  },
]

/** In the order in which they matter. */
const rules: readonly Rule[] = [
  ...requestRules,
  ...nodeRules,
  ...messageRules,
  ...settingRules,
  ...startRules,
]
