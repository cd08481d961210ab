import { afterEach, describe, expect, test } from 'vitest'
import { metricTable } from '../src/sinks/metric-table.ts'
import { createMetrics, type Metrics } from '../src/sinks/metrics.ts'

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
  })
  expect((await create().expose()).body).not.toContain('left')
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
  metrics.setLastSuccessfulCycle(1_700_000_000)
  metrics.setNode({ layer: 'consensus', host: 'node.example', up: true, synced: false })
  metrics.setExitRequests({ proven: 2, settled: 5 })
  metrics.setExitRequestsHeld(1)
  metrics.setFinalizedBlock(1)
  metrics.setFinalityEvents(true)
  metrics.setAllowlistDrift(1, 0)
  metrics.setJournalDegraded(false)
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
    'p_exit_requests{state="settled"}': 5,
    'p_journal_degraded{}': 0,
    'p_last_successful_cycle_timestamp_seconds{}': 1_700_000_000,
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
  const end = metrics.timeJob(1)
  await new Promise((resolve) => setTimeout(resolve, 60))
  end('success')
  const name = 'p_job_duration_seconds_sum{name="validator-ejector",interval="1",result="success"}'
  const sum = (await samplesOf(metrics))[name]

  expect(sum).toBeGreaterThan(0.05)
  expect(sum).toBeLessThan(5)
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
