import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { freePorts } from '../devnet/http.ts'
import { filledIn, panelQueries } from '../packaging/monitoring.ts'
import { startDaemon } from '../support/daemon.ts'
import { until } from '../support/until.ts'
import { createWorld, type World } from '../support/world.ts'
import { startReceiver } from './receiver.ts'
import { startStack } from './stack.ts'

const PATIENCE_MS = 30_000
const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

/** Built daemons with messages for validators 2 to 9, and all that watches them. */
async function createScene(count = 1) {
  const world = await createWorld()
  closers.push(() => world.close())
  for (let index = 2; index < 10; index += 1) world.writeMessage(index)
  const holdFile = join(world.home, 'hold')
  const ports = await freePorts(count)
  const daemons = ports.map((port) => startWatchedDaemon(world, port, holdFile))
  const receiver = await startReceiver()
  closers.push(receiver.close)
  const targets = ports.map((port) => `127.0.0.1:${port}`)
  const stack = await startStack(join(world.home, 'stack'), targets, receiver.url)
  closers.push(stack.stop)

  /** Polls until exactly these fire. */
  const onlyFiring = (...names: readonly string[]) =>
    until(
      `only "${names}" fires`,
      async () => {
        const firing = await stack.firing()
        const found = firing.map(({ labels }) => labels.alertname).sort()
        return `${found}` === `${[...names].sort()}` ? { alerts: firing } : undefined
      },
      PATIENCE_MS,
    )
  return { world, holdFile, daemons, receiver, stack, onlyFiring }
}

function startWatchedDaemon(world: World, port: number, holdFile: string) {
  const env = world.env({
    HTTP_PORT: `${port}`,
    JOB_INTERVAL: '500',
    HOLD_FILE: holdFile,
    LOGGER_LEVEL: 'info',
  })
  const daemon = startDaemon(env, world.home)
  const end = async () => {
    daemon.child.kill('SIGTERM')
    await daemon.exited
  }
  closers.push(end)
  return { end }
}

/** Long enough for whatever is pending to fire. */
async function settle({ stack }: Awaited<ReturnType<typeof createScene>>) {
  const cycles = async () => {
    const counts = await stack.query(
      'min by (app) (validator_ejector_job_duration_seconds_count{result="success"})',
    )
    return counts[0]
  }
  const before = await until('a good cycle is scraped', cycles, PATIENCE_MS)
  const isOver = async () => ((await cycles()) ?? 0) >= before + 12
  await until('cycles of six seconds', isOver, PATIENCE_MS)
}

test('a request without a message goes off in a real Prometheus, is delivered, and clears', {
  timeout: 4 * PATIENCE_MS,
}, async () => {
  const scene = await createScene()
  const { world, stack, receiver, onlyFiring } = scene
  await settle(scene)
  expect(await stack.firing()).toEqual([])
  expect(await stack.brokenRules()).toEqual([])

  world.ask(world.requestOf(1))
  const { alerts } = await onlyFiring('ValidatorEjectorRequestWithoutMessage')
  expect(alerts[0]).toMatchObject({
    labels: { severity: 'critical', job: 'validator-ejector', module: '1', operator: '5' },
    annotations: {
      summary: '1 exit request(s) of module 1, operator 5 have no message',
      runbook_url: 'docker/RUNBOOK.md#an-exit-lacks-its-message',
    },
  })
  const isTold = (status: string) =>
    receiver.received.includes(`ValidatorEjectorRequestWithoutMessage: ${status}`)
  await until('somebody is told', () => isTold('firing'), PATIENCE_MS)

  world.writeMessage(1)
  await until('the exit is sent', () => world.beacon.accepted.length > 0, PATIENCE_MS)
  await onlyFiring()
  await until('the end is told', () => isTold('resolved'), PATIENCE_MS)
  const accepted = 'validator_ejector_exit_submissions_total{result="accepted"} > 0'
  expect(await stack.query(accepted)).toHaveLength(1)
})

test('HOLD_FILE, a node that dies, and the end of the daemon are noticed', {
  timeout: 6 * PATIENCE_MS,
}, async () => {
  const scene = await createScene()
  const { world, holdFile, daemons, stack, onlyFiring } = scene
  writeFileSync(holdFile, '')
  world.ask(world.requestOf(2))
  await onlyFiring('ValidatorEjectorOnHold', 'ValidatorEjectorExitsHeld')
  rmSync(holdFile)
  await onlyFiring()

  await world.consensus.close()
  await onlyFiring(
    'ValidatorEjectorCyclesFail',
    'ValidatorEjectorNodeDown',
    'ValidatorEjectorNoUsableNode',
  )

  await daemons[0]?.end()
  const namesOf = async () => (await stack.firing()).map(({ labels }) => labels.alertname)
  const isNoticed = async () => {
    const names = await namesOf()
    return names.includes('ValidatorEjectorDown') && !names.includes('ValidatorEjectorNodeDown')
  }
  await until('its end is noticed, and what it said is forgotten', isNoticed, PATIENCE_MS)
  // What it said of the hour before it ended still counts.
  expect((await namesOf()).sort()).toEqual(['ValidatorEjectorCyclesFail', 'ValidatorEjectorDown'])
})

test('every panel has something to show, for two daemons side by side', {
  timeout: 4 * PATIENCE_MS,
}, async () => {
  const scene = await createScene(2)
  const { world, stack } = scene
  const keys = Array.from({ length: 10 }, (_, index) => world.beacon.pubkey(index))
  Object.assign(world.chain.modules[0] ?? {}, { keys: { 5: keys } })
  world.ask(world.requestOf(1), world.requestOf(2))
  await until('the exit is sent', () => world.beacon.accepted.length > 0, PATIENCE_MS)
  world.beacon.advance()
  await settle(scene)

  const empty: string[] = []
  for (const expr of panelQueries) {
    const found = await stack.query(filledIn(expr))
    if (found.length === 0) empty.push(expr)
  }
  expect(empty).toEqual([])
  const [ready = ''] = panelQueries
  expect(await stack.query(filledIn(ready))).toEqual([1, 1])
})
