import assert from 'node:assert/strict'
import { join } from 'node:path'
import { freePorts, request } from '../devnet/http.ts'
import type { Stage } from '../devnet/stage.ts'
import { until } from '../devnet/until.ts'
import { environmentOf } from './environment.ts'
import { DAEMON_MAIN } from './root.ts'
import type { Screen } from './screen.ts'
import type { World } from './world.ts'

const READY_DEADLINE_MS = 30_000
const CYCLES_DEADLINE_MS = 30_000
const STOP_DEADLINE_MS = 10_000

export type Daemon = Awaited<ReturnType<typeof startDaemon>>

/** The built daemon, as an operator starts it, in a hurry only in how often it polls. */
export async function startDaemon(
  stage: Stage,
  world: World,
  folder: string,
  screen: Screen,
  signal: AbortSignal,
  more: Readonly<Record<string, string>> = {},
) {
  const [port = 0] = await freePorts(1)
  const url = `http://127.0.0.1:${port}`
  const child = stage.launch('daemon', process.execPath, [DAEMON_MAIN], {
    // Not the project's folder: there may be somebody's `.env` in it.
    cwd: stage.folder,
    env: { ...environmentOf(world, folder, port, join(stage.folder, 'state.sqlite')), ...more },
  })
  screen.follow(child)

  const status = async (path: string) => (await request(`${url}${path}`)).status
  const metric = async (name: string, label: string) =>
    readMetric((await request(`${url}/metrics`)).text, `validator_ejector_${name}`, label)
  const cycles = () => metric('job_duration_seconds_count', 'result="success"')

  await until('the daemon is ready', READY_DEADLINE_MS, signal, async () =>
    assert.equal(await status('/readyz'), 200),
  )
  return {
    /** What can be opened in a browser now. */
    async pages(): Promise<readonly string[]> {
      const paths = ['/metrics', '/health', '/status']
      const found = await Promise.all(paths.map(async (path) => (await status(path)) !== 404))
      return paths.filter((_, at) => found[at]).map((path) => `${url}${path}`)
    },
    metric,
    /** Requests in a row that its messages can serve. */
    expectRunway: (length: number) =>
      until(`the runway is ${length}`, CYCLES_DEADLINE_MS, signal, async () =>
        assert.equal(await metric('next_exits_runway', 'operator="7"'), length),
      ),
    async letCyclesPass(count: number) {
      const before = await cycles()
      await until(`the daemon ends ${count} cycles`, CYCLES_DEADLINE_MS, signal, async () =>
        assert.ok((await cycles()) >= before + count),
      )
    },
    async stop() {
      assert.equal(await child.stop('SIGTERM', STOP_DEADLINE_MS), 0, 'exit code of the daemon')
    },
  }
}

/** Zero, as long as there is none. */
function readMetric(text: string, name: string, label: string): number {
  const lines = text.split('\n').filter((one) => one.startsWith(`${name}{`) && one.includes(label))
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0)
}
