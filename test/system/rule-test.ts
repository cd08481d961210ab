import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { docker, run } from './tools.ts'

/** A step of the series below, and of the evaluation, as in prometheus.yml. */
const STEP = '30s'
/** Steps: 3 hours 20 minutes. */
const STEPS = 400

/**
 * Series by name without prefix, and labels; `undefined` takes one away. Values in promtool's
 * notation: `1x10 0x390` is 1 for 10 steps more, then 0.
 */
export type SeriesSet = Readonly<Record<string, string | undefined>>

/** For all the time there is. */
export const always = (value: number) => `${value}x${STEPS}`
/** A value for so many steps, and then another one. */
export const first = (value: number, steps: number, then: number) =>
  `${value}x${steps - 1} ${then}x${STEPS - steps}`
/** Something that took a while, and passed. */
export const passing = (value: number, from: number, steps: number, otherwise = 0) =>
  `${otherwise}x${from - 1} ${value}x${steps - 1} ${otherwise}x${STEPS - from - steps}`
/** Goes on with the clock: by 30 s at each step. */
export const running = (from: number) => `${from}+30x${STEPS}`
export const runningOut = (from: number) => `${from}-30x${STEPS}`
/** One more in each cycle of 6.5 minutes. */
export const eachCycle = (from = 0, cycles = 30) =>
  Array.from({ length: cycles }, (_, at) => `${from + at}x12`).join(' ')

export const OURS = 'module="1",operator="5"'
const STATES = ['seen', 'unproven', 'proven', 'submitted', 'exiting', 'settled', 'lapsed']
const NODES = ['execution|el-1:8545', 'execution|el-2:8545', 'consensus|cl-1:5052']

const forEach = (keys: readonly string[], series: (key: string) => readonly [string, string]) =>
  Object.fromEntries(keys.map(series))

/** A daemon with which nothing is wrong. promtool's clock begins in 1970. */
export const healthy: SeriesSet = {
  up: always(1),
  process_start_time_seconds: always(0),
  'build_info{version="1.0.0",mode="message"}': always(1),
  'exit_messages{valid="true"}': always(100),
  'exit_messages{valid="false"}': always(0),
  exit_messages_left_number: always(90),
  exit_messages_left_percent: always(90),
  'event_security_verification{result="success"}': always(10),
  'event_security_verification{result="error"}': always(0),
  'exit_submissions_total{host="cl-1:5052",result="accepted"}': always(10),
  'exit_submissions_total{host="cl-1:5052",result="refused"}': always(2),
  'exit_submissions_total{host="cl-1:5052",result="unanswered"}': always(1),
  ...forEach(STATES, (state) => [
    `exit_requests{state="${state}",${OURS}}`,
    always(state === 'settled' ? 10 : 0),
  ]),
  [`exit_request_oldest_age_seconds{${OURS}}`]: always(0),
  ...forEach(['delayed', 'delinquent', 'module'], (limit) => [
    `exit_requests_overdue{limit="${limit}",${OURS}}`,
    always(0),
  ]),
  [`exit_requests_without_message{${OURS}}`]: always(0),
  [`next_exits_runway{${OURS}}`]: always(40),
  [`next_exits_keys{${OURS}}`]: always(400),
  [`next_exits_suggested{${OURS}}`]: always(40),
  [`next_exits_signed{${OURS}}`]: always(40),
  ...forEach(['finalized', 'invented'], (finding) => [
    `unproven_requests{finding="${finding}"}`,
    always(0),
  ]),
  exit_requests_held: always(0),
  submissions_on_hold: always(0),
  exit_requests_rate_limited: always(0),
  exit_requests_rate_limited_late: always(0),
  exit_rate_limit_wait_seconds: always(0),
  'job_duration_seconds_count{name="validator-ejector",interval="384000",result="success"}':
    eachCycle(1),
  last_successful_cycle_timestamp_seconds: running(0),
  finalized_block_timestamp_seconds: running(0),
  unread_blocks: always(0),
  protocol_version_unknown: always(0),
  ...forEach(NODES, (node) => [`node_up{${labelsOf(node)}}`, always(1)]),
  ...forEach(NODES, (node) => [`node_synced{${labelsOf(node)}}`, always(1)]),
  journal_degraded: always(0),
  oracle_allowlist_missing: always(0),
  oracle_allowlist_stale: always(0),
  oracle_allowlist_announced: always(0),
  oracle_seats_vacant: always(0),
  dry_run: always(0),
  trust_mode: always(0),
}

function labelsOf(node: string): string {
  const [layer, host] = node.split('|')
  return `layer="${layer}",host="${host}"`
}

/** All of them taken away. */
export const nothing: SeriesSet = Object.fromEntries(
  Object.keys(healthy).map((name) => [name, undefined]),
)

const NOT_OURS = ['up', 'process_start_time_seconds']

/** As Prometheus stores it: prefix, and labels of the daemon and of the scrape. */
function storedAs(name: string): string {
  const [, metric = '', labels = ''] = /^(\w+)(?:\{(.*)\})?$/.exec(name) ?? []
  const all = [
    ...(labels === '' ? [] : [labels]),
    ...(metric === 'up' ? [] : ['app="validator-ejector"']),
    'job="validator-ejector"',
    ...(labels.includes('instance=') ? [] : ['instance="ejector:8989"']),
  ]
  return `${NOT_OURS.includes(metric) ? '' : 'validator_ejector_'}${metric}{${all.join(',')}}`
}

const inputOf = (series: SeriesSet) =>
  Object.entries(series).flatMap(([name, values]) =>
    values === undefined ? [] : [{ series: storedAs(name), values }],
  )

/** Has promtool play tests with the repository's alerts. */
async function playTests(folder: string, tests: readonly object[]) {
  const content = {
    rule_files: [docker('prometheus/alerts.yml')],
    evaluation_interval: STEP,
    tests: tests.map((one) => ({ interval: STEP, ...one })),
  }
  const file = join(folder, `${crypto.randomUUID()}.yml`)
  writeFileSync(file, stringify(content))
  try {
    return await run('promtool', ['test', 'rules', file])
  } finally {
    rmSync(file)
  }
}

/**
 * @param at - when to look, in Prometheus' words: `1h5m`
 * @param firing - every alert that fires then
 */
export function play(folder: string, series: SeriesSet, at: string, firing: readonly string[]) {
  const looks = {
    expr: 'group by (alertname) (ALERTS{alertstate="firing"})',
    eval_time: at,
    exp_samples: firing.map((name) => ({ labels: `{alertname="${name}"}`, value: 1 })),
  }
  return playTests(folder, [{ input_series: inputOf(series), promql_expr_test: [looks] }])
}

type Played = { readonly alert: string; readonly at: string; readonly series: SeriesSet }

/** What the alerts say when they fire: promtool prints it, since nothing is said to be expected. */
export async function playForWords(folder: string, played: readonly Played[]): Promise<string> {
  const { output } = await playTests(
    folder,
    played.map(({ alert, at, series }) => ({
      input_series: inputOf(series),
      alert_rule_test: [{ eval_time: at, alertname: alert, exp_alerts: [] }],
    })),
  )
  return output
}
