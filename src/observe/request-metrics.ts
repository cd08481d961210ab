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

const keyOf = ({ module, operator }: ReturnType<typeof labelsOf>) => `${module}:${operator}`

/** Whose requests are measured from the start, and by whom. */
type Measured = { readonly scope: Scope; readonly mode: 'message' | 'webhook' | 'watch' }

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
export function createRequestMetrics(instruments: Instruments, { scope, mode }: Measured) {
  const { counter, set, histogram } = instruments
  const setSummaries = createSummarySetter(instruments, mode)
  const setOperators = createOperatorSetter(instruments)
  let operatorsNow: () => readonly OperatorMeasured[] = () => []
  /** Operators with series of steps, by their labels. */
  const stepped = new Map<string, ReturnType<typeof labelsOf>>()
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

  /** Who was asked for nothing lately, and is not in the scope, has no series. */
  function forgetSteps(summaries: readonly OperatorSummary[]): void {
    const kept = new Set(summaries.map((summary) => keyOf(labelsOf(summary))))
    for (const [key, labels] of stepped) {
      if (kept.has(key)) continue
      for (const step of STEPS) steps[step].remove(labels)
      stepped.delete(key)
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
    /** What only `watch` knows of operators, as it is when it is asked for. */
    setOperators: (measured: () => readonly OperatorMeasured[]) => {
      operatorsNow = measured
    },
    /** To be called before the metrics are read. */
    updateExitRequests: () => {
      const summaries = summariesNow()
      setSummaries(summaries)
      forgetSteps(summaries)
      setOperators(operatorsNow())
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
    observeStep: (step: Step, request: Asked, seconds: number) => {
      const labels = labelsOf(request)
      steps[step].observe(labels, seconds)
      stepped.set(keyOf(labels), labels)
    },
  }
}

export type OperatorMeasured = Pick<Asked, 'moduleId' | 'operatorId'> & {
  /** For people, cut; empty where the module knows none. */
  readonly name: string
  /** Requests of the last 24 hours. */
  readonly lastDay: number
  /** Of its late exits, those that the staking module knows to be proven late, or triggered. */
  readonly reportedLate: number
  readonly triggered: number
}

function createOperatorSetter({ gaugeSet }: Instruments) {
  const info = gaugeSet('operator_info')
  const lastDay = gaugeSet('exit_requests_last_day')
  const reportedLate = gaugeSet('exit_requests_reported_late')
  const triggered = gaugeSet('exit_requests_triggered')
  return (measured: readonly OperatorMeasured[]): void => {
    info(measured.map((one) => [{ ...labelsOf(one), name: one.name }, 1]))
    const days = new Map<string, number>()
    for (const one of measured) {
      const { module } = labelsOf(one)
      days.set(module, (days.get(module) ?? 0) + one.lastDay)
    }
    lastDay([...days].map(([module, count]) => [{ module }, count]))
    reportedLate(measured.map((one) => [labelsOf(one), one.reportedLate]))
    triggered(measured.map((one) => [labelsOf(one), one.triggered]))
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

/** @param mode - in `watch` nobody holds a message */
function createSummarySetter({ gaugeSet }: Instruments, mode: Measured['mode']) {
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
    if (mode !== 'watch') {
      withoutMessage(summaries.map((summary) => [labelsOf(summary), summary.withoutMessage]))
    }
    deadline(
      each(({ timeLeft }) => (timeLeft === undefined ? [] : [timeLeft])).map(
        ([summary, seconds]) => [labelsOf(summary), seconds],
      ),
    )
  }
}
