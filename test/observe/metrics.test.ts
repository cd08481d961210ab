import { afterEach, describe, expect, test } from 'vitest'
import type { ModuleId, OperatorId } from '../../src/lib/primitives.ts'
import { metricTable } from '../../src/observe/metric-table.ts'
import { createMetrics, type Metrics } from '../../src/observe/metrics.ts'
import { LIMITS } from '../../src/requests/deadlines.ts'
import { requestStates } from '../../src/requests/derive.ts'
import { type OperatorSummary, summarize } from '../../src/requests/operator-summary.ts'
import { until } from '../support/until.ts'

const MODULE = 1 as ModuleId
const OPERATOR = 5 as OperatorId
const SCOPE = new Map([[MODULE, [OPERATOR]]])

const summaryOf = (more: Partial<OperatorSummary> = {}): OperatorSummary => ({
  moduleId: MODULE,
  operatorId: OPERATOR,
  states: { seen: 0, unproven: 0, proven: 2, submitted: 0, exiting: 0, settled: 5, lapsed: 0 },
  oldestAge: 90_000,
  timeLeft: undefined,
  overdue: { delayed: 1, delinquent: 0, module: 0 },
  withoutMessage: 1,
  ...more,
})

const made: Metrics[] = []
afterEach(() => {
  for (const metrics of made.splice(0)) metrics.stop()
})

function create(options: Partial<Parameters<typeof createMetrics>[0]> = {}) {
  const metrics = createMetrics({
    prefix: 'p_',
    version: '1.2.3',
    mode: 'message',
    dryRun: false,
    trustMode: true,
    nodeMetrics: false,
    scope: new Map(),
    ...options,
  })
  made.push(metrics)
  return metrics
}

/** Samples as `name{labels}` → value, the label `app` left out. */
async function samplesOf(metrics: Metrics) {
  const { body } = await metrics.expose()
  const lines = body.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return Object.fromEntries(
    lines.map((line) => {
      const [, name, labels, value] = /^(\w+)\{(.*)\} (\S+)$/.exec(line) ?? []
      const others = `${labels}`.split(',').filter((label) => label !== 'app="validator-ejector"')
      expect(others).toHaveLength(`${labels}`.split(',').length - 1)
      return [`${name}{${others.join(',')}}`, Number(value)]
    }),
  )
}

test('at start: what runs, counters at 0 for both labels, and no messages left as yet', async () => {
  expect(await samplesOf(create())).toEqual({
    'p_build_info{version="1.2.3",mode="message"}': 1,
    'p_dry_run{}': 0,
    'p_trust_mode{}': 1,
    'p_exit_messages{valid="true"}': 0,
    'p_exit_messages{valid="false"}': 0,
    'p_exit_actions{result="success"}': 0,
    'p_exit_actions{result="error"}': 0,
    'p_event_security_verification{result="success"}': 0,
    'p_event_security_verification{result="error"}': 0,
    'p_exit_requests_held{}': 0,
    'p_submissions_on_hold{}': 0,
    'p_exit_requests_rate_limited{}': 0,
    'p_exit_requests_rate_limited_late{}': 0,
    'p_exit_rate_limit_wait_seconds{}': 0,
    'p_unproven_requests{finding="finalized"}': 0,
    'p_unproven_requests{finding="invented"}': 0,
  })
  expect((await create().expose()).body).not.toContain('messages_left')
})

test('each load sets the messages anew', async () => {
  const metrics = create()
  metrics.setMessages(10, 2)
  metrics.setMessages(7, 1)
  metrics.setMessagesLeft(6, 2)

  expect(await samplesOf(metrics)).toMatchObject({
    'p_exit_messages{valid="true"}': 7,
    'p_exit_messages{valid="false"}': 1,
    'p_exit_messages_left_number{}': 6,
    'p_exit_messages_left_percent{}': 75,
  })

  metrics.setMessagesLeft(0, 0)
  expect(await samplesOf(metrics)).toMatchObject({ 'p_exit_messages_left_percent{}': 0 })
})

/** Gauges that somebody sets by name. */
const SET_BY_NAME = [
  'finalized_block_timestamp_seconds',
  'unread_blocks',
  'protocol_version_unknown',
  'finality_events_connected',
  'oracle_allowlist_missing',
  'oracle_allowlist_stale',
  'oracle_allowlist_announced',
  'oracle_seats_vacant',
] as const

test('everything of the table comes out with its type, labels and help, and nothing else', async () => {
  const metrics = create()
  const request = { host: 'node.example', status: 200, result: 'success', seconds: 0.1 } as const
  metrics.setMessagesLeft(1, 0)
  metrics.setLoadProgress({ files: 9, done: 4, valid: 3, refused: 1, secondsLeft: 5 })
  metrics.countExit('success')
  metrics.countVerification('error')
  metrics.observePolling(3, 0.5)
  metrics.observeExecutionRequest(request)
  metrics.observeConsensusRequest({ ...request, status: undefined, result: 'error' })
  metrics.timeJob(384_000)('success')
  metrics.timeMessageReload(384_000)('error')
  metrics.set('last_successful_cycle_timestamp_seconds', 1_700_000_000)
  const node = { layer: 'consensus', host: 'node.example', up: true, synced: false } as const
  metrics.setNode({ ...node, chainId: undefined, why: 'syncing' })
  metrics.setExitRequests(() => [summaryOf({ timeLeft: 60 })])
  const runway = { runway: 1, suggested: 2, signed: 1, keys: 3, missing: [] }
  const asked = { moduleId: MODULE, operatorId: OPERATOR }
  metrics.setOperators(() => [{ ...asked, name: 'One', lastDay: 1, reportedLate: 1, triggered: 1 }])
  metrics.setNextExits(() => [{ order: { moduleId: MODULE, operatorId: OPERATOR }, runway }])
  metrics.expectSubmissions(['node.example:5052'])
  for (const step of ['submission', 'exiting', 'settled'] as const) {
    metrics.observeStep(step, { moduleId: MODULE, operatorId: OPERATOR, timestamp: 0 }, 7_200)
  }
  for (const name of SET_BY_NAME) metrics.set(name, 1)
  metrics.set('journal_degraded', false)
  metrics.setLoadProgress({ files: 3, done: 1, valid: 1, refused: 0, secondsLeft: 4 })

  const { body, contentType } = await metrics.expose()
  const samples = await samplesOf(metrics)
  const types = [...body.matchAll(/^# TYPE p_(\w+) (\w+)$/gm)].map(([, name, type]) => [name, type])
  const expected = Object.entries(metricTable).map(([name, { type }]) => [name, type])

  expect(types.sort()).toEqual(expected.sort())
  for (const [name, { help, labels }] of Object.entries(metricTable)) {
    expect(body).toContain(`# HELP p_${name} ${help}\n`)
    const shown = Object.keys(samples).find((sample) =>
      new RegExp(`^p_${name}(_count)?\\{`).test(sample),
    )
    const shownLabels = [...`${shown}`.matchAll(/(\w+)="/g)].map(([, label]) => label)
    expect(shownLabels.sort(), name).toEqual([...labels].sort())
  }
  expect(contentType).toBe('text/plain; version=0.0.4; charset=utf-8')
  expect(samples).toMatchObject({
    'p_execution_request_duration_seconds_count{result="success",status="200",domain="node.example"}': 1,
    'p_consensus_request_duration_seconds_count{result="error",status="unknown",domain="node.example"}': 1,
    'p_job_duration_seconds_count{name="validator-ejector",interval="384000",result="success"}': 1,
    'p_job_message_reloader_duration_seconds_count{name="message-reloader",interval="384000",result="error"}': 1,
    'p_node_up{layer="consensus",host="node.example"}': 1,
    'p_node_synced{layer="consensus",host="node.example"}': 0,
    'p_exit_requests{state="settled",module="1",operator="5"}': 5,
    'p_journal_degraded{}': 0,
    'p_last_successful_cycle_timestamp_seconds{}': 1_700_000_000,
  })
})

describe('requests', () => {
  const ours = 'module="1",operator="5"'

  test('the series of the scope are there from the start', async () => {
    const samples = await samplesOf(create({ scope: SCOPE }))

    for (const state of requestStates) {
      expect(samples[`p_exit_requests{state="${state}",${ours}}`]).toBe(0)
    }
    for (const limit of LIMITS) {
      expect(samples[`p_exit_requests_overdue{limit="${limit}",${ours}}`]).toBe(0)
    }
    expect(samples[`p_exit_requests_without_message{${ours}}`]).toBe(0)
    expect(samples[`p_exit_request_oldest_age_seconds{${ours}}`]).toBe(0)
    expect(samples[`p_exit_request_deadline_seconds{${ours}}`]).toBeUndefined()
    for (const step of ['submission', 'exiting', 'settled']) {
      expect(samples[`p_exit_request_to_${step}_seconds_count{${ours}}`]).toBe(0)
    }
  })

  test('what is gone leaves no series behind', async () => {
    const metrics = create({ scope: SCOPE })
    const other = 9 as OperatorId
    metrics.setExitRequests(() => [summaryOf({ timeLeft: -60 }), summaryOf({ operatorId: other })])
    expect(await samplesOf(metrics)).toMatchObject({
      [`p_exit_request_deadline_seconds{${ours}}`]: -60,
      'p_exit_requests{state="proven",module="1",operator="9"}': 2,
    })

    metrics.setExitRequests(() => summarize([], SCOPE, 0))
    const samples = await samplesOf(metrics)
    expect(samples[`p_exit_requests{state="proven",${ours}}`]).toBe(0)
    expect(samples[`p_exit_request_deadline_seconds{${ours}}`]).toBeUndefined()
    expect(Object.keys(samples).filter((name) => name.includes('operator="9"'))).toEqual([])
  })

  test('each answer to a submission counts, for hosts that are expected from the start', async () => {
    const metrics = create()
    metrics.expectSubmissions(['a:5052', 'b:5052'])
    metrics.countSubmission('a:5052', 'accepted')
    metrics.countSubmission('a:5052', 'refused')
    metrics.countSubmission('a:5052', 'refused')

    const samples = Object.entries(await samplesOf(metrics)).filter(([name]) =>
      name.startsWith('p_exit_submissions_total'),
    )
    expect(samples).toEqual([
      ['p_exit_submissions_total{host="a:5052",result="accepted"}', 1],
      ['p_exit_submissions_total{host="a:5052",result="refused"}', 2],
      ['p_exit_submissions_total{host="a:5052",result="unanswered"}', 0],
      ['p_exit_submissions_total{host="b:5052",result="accepted"}', 0],
      ['p_exit_submissions_total{host="b:5052",result="refused"}', 0],
      ['p_exit_submissions_total{host="b:5052",result="unanswered"}', 0],
    ])
  })
})

test('the number of events stays a bounded label', async () => {
  const metrics = create()
  for (const events of [0, 99, 100, 5_000]) metrics.observePolling(events, 0.1)
  const counts = Object.entries(await samplesOf(metrics)).filter(([name]) =>
    name.includes('_count'),
  )

  expect(counts).toEqual([
    ['p_polling_last_blocks_duration_seconds_count{eventsNumber="0"}', 1],
    ['p_polling_last_blocks_duration_seconds_count{eventsNumber="99"}', 1],
    ['p_polling_last_blocks_duration_seconds_count{eventsNumber="100+"}', 2],
  ])
})

test('a job is timed in seconds', async () => {
  const metrics = create()
  const before = performance.now()
  const end = metrics.timeJob(1)
  await until('the clock moves on', () => performance.now() - before > 5)
  end('success')
  const seconds = (performance.now() - before) / 1_000
  const name = 'p_job_duration_seconds_sum{name="validator-ejector",interval="1",result="success"}'
  const sum = (await samplesOf(metrics))[name]

  expect(sum).toBeGreaterThan(0)
  expect(sum).toBeLessThanOrEqual(seconds)
})

describe('Node’s own metrics', () => {
  test('have no prefix, but the label', async () => {
    const { body } = await create({ nodeMetrics: true }).expose()

    expect(body).toMatch(/^process_cpu_seconds_total\{app="validator-ejector"\} /m)
    expect(body).toMatch(/^nodejs_version_info\{/m)
    expect(body).not.toContain('p_process')
  })

  test('two sets do not get in each other’s way', async () => {
    const [one, two] = [create({ nodeMetrics: true }), create({ nodeMetrics: true })]
    one.countExit('success')
    one.stop()

    expect((await one.expose()).body.trim()).toBe('')
    expect(await samplesOf(two)).toMatchObject({ 'p_exit_actions{result="success"}': 0 })
  })
})
