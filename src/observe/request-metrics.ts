import type { Asked } from '../requests/deadlines.ts'
import type { OperatorOrder, Runway } from '../requests/next-exits.ts'
import { type OperatorSummary, summarize } from '../requests/operator-summary.ts'
import type { Scope } from '../requests/scope.ts'
import type { SubmissionResult } from '../requests/submission.ts'
import type { Instruments } from './instruments.ts'

/** How far an exit has come since the protocol asked for it. */
export type Step = 'submission' | 'exiting' | 'settled'

const SUBMISSION_RESULTS: readonly SubmissionResult[] = ['accepted', 'refused', 'unanswered']
const STEPS: readonly Step[] = ['submission', 'exiting', 'settled']

const MINUTE_S = 60
const HOUR_S = 60 * MINUTE_S
const DAY_S = 24 * HOUR_S
/** Seconds. Finality takes a quarter of an hour; delayed is a day, delinquent four. */
const STEP_BUCKETS = [
  ...[5, 10, 15, 20, 30].map((minutes) => minutes * MINUTE_S),
  ...[1, 2, 4, 8, 12].map((hours) => hours * HOUR_S),
  ...[1, 2, 3, 4, 7, 14].map((days) => days * DAY_S),
]

const labelsOf = ({ moduleId, operatorId }: Pick<Asked, 'moduleId' | 'operatorId'>) => ({
  module: String(moduleId),
  operator: String(operatorId),
})

/** Gauges of what holds exits back: an alert can tell "nothing" from "not measured". */
const AT_FIRST_ZERO = [
  'submissions_on_hold',
  'exit_requests_held',
  'exit_requests_rate_limited',
  'exit_requests_rate_limited_late',
  'exit_rate_limit_wait_seconds',
] as const

/**
 * What is measured of requests and their exits. The series of the scope are there from the start,
 * so that an alert can tell "none" from "not measured".
 */
export function createRequestMetrics(instruments: Instruments, scope: Scope) {
  const { counter, set, histogram } = instruments
  const setSummaries = createSummarySetter(instruments)
  let summariesNow = () => summarize([], scope, 0)
  const setRunways = createRunwaySetter(instruments)
  let runwaysNow: () => readonly NextExitsMeasured[] = () => []

  for (const name of AT_FIRST_ZERO) set(name, 0)
  for (const finding of ['finalized', 'invented']) set('unproven_requests', 0, { finding })
  const submissions = counter('exit_submissions_total')
  const steps = Object.fromEntries(
    STEPS.map((step) => [step, histogram(`exit_request_to_${step}_seconds`, STEP_BUCKETS)]),
  ) as Record<Step, ReturnType<typeof histogram>>
  for (const [moduleId, operatorIds] of scope) {
    for (const operatorId of operatorIds) {
      for (const step of STEPS) steps[step].zero(labelsOf({ moduleId, operatorId }))
    }
  }

  return {
    /**
     * Ages and times left are those of the scrape, not of the latest cycle.
     *
     * @param summaries - every operator of the scope; series of others are gone
     */
    setExitRequests: (summaries: () => readonly OperatorSummary[]) => {
      summariesNow = summaries
    },
    /** How far the messages reach, as it is when it is asked for; what is not there has no series. */
    setNextExits: (measured: () => readonly NextExitsMeasured[]) => {
      runwaysNow = measured
    },
    /** To be called before the metrics are read. */
    updateExitRequests: () => {
      setSummaries(summariesNow())
      setRunways(runwaysNow())
    },
    /** Whom exits are offered to, from the start. */
    expectSubmissions: (hosts: readonly string[]) => {
      for (const host of hosts) {
        for (const result of SUBMISSION_RESULTS) submissions.inc({ host, result }, 0)
      }
    },
    /** @param host - as it is configured, never more of the URL */
    countSubmission: (host: string, result: SubmissionResult) => submissions.inc({ host, result }),
    /** The caller observes a request at most once for each step. */
    observeStep: (step: Step, request: Asked, seconds: number) =>
      steps[step].observe(labelsOf(request), seconds),
  }
}

export type NextExitsMeasured = {
  readonly order: Pick<OperatorOrder, 'moduleId' | 'operatorId'>
  readonly runway: Runway | undefined
}

function createRunwaySetter({ gaugeSet }: Instruments) {
  const keys = gaugeSet('next_exits_keys')
  const ofValidators = (['runway', 'suggested', 'signed'] as const).map(
    (name) => [name, gaugeSet(`next_exits_${name}`)] as const,
  )
  return (measured: readonly NextExitsMeasured[]): void => {
    const known = measured.flatMap(({ order, runway }) =>
      runway === undefined || runway.keys === 0 ? [] : [[labelsOf(order), runway] as const],
    )
    keys(known.map(([labels, runway]) => [labels, runway.keys]))
    // Keys that the beacon chain does not know yet cannot be asked for, nor signed for.
    const askable = known.filter(([, { suggested }]) => suggested > 0)
    for (const [name, set] of ofValidators) {
      set(askable.map(([labels, runway]) => [labels, runway[name]]))
    }
  }
}

function createSummarySetter({ gaugeSet }: Instruments) {
  const requests = gaugeSet('exit_requests')
  const oldest = gaugeSet('exit_request_oldest_age_seconds')
  const deadline = gaugeSet('exit_request_deadline_seconds')
  const overdue = gaugeSet('exit_requests_overdue')
  const withoutMessage = gaugeSet('exit_requests_without_message')

  return (summaries: readonly OperatorSummary[]): void => {
    const each = <Item>(itemsOf: (summary: OperatorSummary) => readonly Item[]) =>
      summaries.flatMap((summary) => itemsOf(summary).map((item) => [summary, item] as const))

    requests(
      each(({ states }) => Object.entries(states)).map(([summary, [state, count]]) => [
        { state, ...labelsOf(summary) },
        count,
      ]),
    )
    overdue(
      each(({ overdue }) => Object.entries(overdue)).map(([summary, [limit, count]]) => [
        { limit, ...labelsOf(summary) },
        count,
      ]),
    )
    oldest(summaries.map((summary) => [labelsOf(summary), summary.oldestAge]))
    withoutMessage(summaries.map((summary) => [labelsOf(summary), summary.withoutMessage]))
    deadline(
      each(({ timeLeft }) => (timeLeft === undefined ? [] : [timeLeft])).map(
        ([summary, seconds]) => [labelsOf(summary), seconds],
      ),
    )
  }
}
