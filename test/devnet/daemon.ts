import assert from 'node:assert/strict'
import { freePorts, request } from './http.ts'
import type { Stage } from './stage.ts'
import { until } from './until.ts'

const JOB_INTERVAL_MS = 2_000
const READY_DEADLINE_MS = 60_000
const CYCLES_DEADLINE_MS = 60_000
/** What an orchestrator waits before it kills. */
const STOP_DEADLINE_MS = 10_000

export type Daemon = Awaited<ReturnType<typeof startDaemon>>

/**
 * Starts the built daemon, with an environment of nothing but `settings` and what is needed to
 * look into it, and waits until it says that it is ready.
 */
export async function startDaemon(
  stage: Stage,
  name: string,
  main: string,
  settings: Readonly<Record<string, string>>,
  signal: AbortSignal,
) {
  const [port] = await freePorts(1)
  const url = `http://127.0.0.1:${port}`
  const child = stage.launch(name, process.execPath, [main], {
    // Not the project's folder: there may be somebody's `.env` in it.
    cwd: stage.folder,
    env: {
      ...settings,
      JOB_INTERVAL: String(JOB_INTERVAL_MS),
      HTTP_PORT: String(port),
      RUN_METRICS: 'true',
      LOGGER_FORMAT: 'json',
      LOGGER_LEVEL: 'debug',
    },
  })

  const status = async (path: string) => (await request(`${url}${path}`)).status
  const metric = async (metricName: string, labels: Readonly<Record<string, string>> = {}) =>
    readMetric((await request(`${url}/metrics`)).text, `validator_ejector_${metricName}`, labels)
  const cycles = () => metric('job_duration_seconds_count', { result: 'success' })

  await until(`${name} is ready`, READY_DEADLINE_MS, signal, async () =>
    assert.equal(await status('/readyz'), 200),
  )
  return {
    status,
    metric,
    output: child.output,

    /** Waits until that many cycles have ended well from now on. */
    async letCyclesPass(count: number) {
      const before = await cycles()
      await until(`${name} ends ${count} cycles`, CYCLES_DEADLINE_MS, signal, async () =>
        assert.ok((await cycles()) >= before + count),
      )
    },

    /** As an orchestrator would stop it. */
    async stop() {
      assert.equal(await child.stop('SIGTERM', STOP_DEADLINE_MS), 0, `${name}: exit code`)
    },
  }
}

/** Lines of level `error` in a JSON log. */
export const errorLines = (output: string) =>
  output.split('\n').filter((line) => line.startsWith('{') && JSON.parse(line).level === 'error')

/** Sums the samples of one name that carry all these labels; throws when there is none. */
function readMetric(text: string, name: string, labels: Readonly<Record<string, string>>): number {
  const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`)
  const samples = text
    .split('\n')
    .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
    .filter((line) => wanted.every((label) => line.includes(label)))
    .map((line) => Number(line.slice(line.lastIndexOf(' '))))
  assert.ok(samples.length > 0, `no metric ${name}{${wanted.join(',')}}`)
  return samples.reduce((sum, value) => sum + value, 0)
}
