import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { startWebhookReceiver } from '../sim/webhook-receiver.ts'
import { until } from '../support/until.ts'
import { createWorld, cycles, type RunningApp, type World } from '../support/world.ts'

let world: World
afterEach(() => world.close())

const HOUR = 60 * 60 * 1_000

/** Two clocks that go on as they are told, beside the real time. */
function createClocks() {
  const ahead = { now: 0, elapsed: 0 }
  return {
    seams: {
      now: () => Date.now() + ahead.now,
      elapsed: () => performance.now() + ahead.elapsed,
    },
    pass(milliseconds: number) {
      ahead.now += milliseconds
      ahead.elapsed += milliseconds
    },
    set(milliseconds: number) {
      ahead.now += milliseconds
    },
  }
}

const left = () => new Set(world.beacon.accepted.map(({ index }) => index))

const held = (app: RunningApp) => app.metric('exit_requests_rate_limited')

/** @param hoursAgo - when each was requested, in the order of the validators 1, 2, … */
async function ask(...hoursAgo: readonly number[]) {
  world = await createWorld({ beacon: { epoch: 10_000 } })
  const now = Math.floor(Date.now() / 1_000)
  hoursAgo.forEach((hours, at) => {
    world.writeMessage(at + 1)
    world.chain.submitReport({
      requests: [world.requestOf(at + 1)],
      timestamp: now - Math.round(hours * 3_600),
    })
  })
  world.chain.finalize()
}

describe('MAX_EXITS_PER_HOUR', () => {
  test('the most urgent leave, the others wait for their turn and say when, none is dropped', async () => {
    await ask(1, 40, 20, 30)
    const clocks = createClocks()
    const env = {
      MAX_EXITS_PER_HOUR: '2',
      RUN_STATUS: 'true',
      STATE_FILE: join(world.home, 's.sqlite'),
    }
    const app = await world.start(env, clocks.seams)
    await until('two wait', async () => (await held(app)) === 2 && left().size === 2)
    await cycles(app)
    expect(left()).toEqual(new Set([2, 4]))

    const said = app.said('exit is pending: MAX_EXITS_PER_HOUR is reached')
    expect(said.map(({ details }) => details?.validator).toSorted()).toEqual([1, 3])
    expect(said[0]?.details?.detail).toMatch(/^not before 20\d\d-.*Z$/)
    expect(await app.metric('exit_requests_rate_limited_late')).toBe(0)
    const wait = await app.metric('exit_rate_limit_wait_seconds')
    expect(wait).toBeGreaterThan(3_000)
    expect(wait).toBeLessThanOrEqual(3_600)
    const status = (await (await fetch(`${app.url}/status`)).json()) as StatusOfRequests
    const rows = status.requests.open.rows.filter(({ reason }) => reason === 'rate-limited')
    expect(rows.map(({ validator }) => validator)).toEqual([3, 1])
    expect(Date.parse(rows[0]?.notBefore ?? '')).toBeGreaterThan(Date.now() + 50 * 60_000)

    clocks.pass(HOUR)
    await until('the others left too', () => left().size === 4)
    await until('nothing waits', async () => (await held(app)) === 0)
    expect(app.said(/"level":"error"/)).toEqual([])
  })

  test('a restart and a clock that is set back go on counting', async () => {
    await ask(4, 3, 2)
    const clocks = createClocks()
    const env = { MAX_EXITS_PER_HOUR: '1', STATE_FILE: join(world.home, 's.sqlite') }
    const first = await world.start(env, clocks.seams)
    await until('two wait', async () => (await held(first)) === 2)
    await first.end()

    clocks.set(-24 * HOUR)
    const second = await world.start(env, clocks.seams)
    await until('two wait again', async () => (await held(second)) === 2)
    await cycles(second)
    expect(left()).toEqual(new Set([1]))
    expect(second.said('begins to count anew')).toEqual([])
    clocks.pass(HOUR)
    await until('the next one leaves', () => left().has(2))
    await cycles(second)
    expect(left()).toEqual(new Set([1, 2]))
  })

  test('without STATE_FILE a restart begins to count anew', async () => {
    await ask(4, 3)
    const first = await world.start({ MAX_EXITS_PER_HOUR: '1' })
    await until('one waits', async () => (await held(first)) === 1)
    await first.end()
    world.beacon.setValidator(1, { exitEpoch: 10_010, withdrawableEpoch: 10_266 })
    await world.start({ MAX_EXITS_PER_HOUR: '1' })
    await until('both left', () => left().size === 2)
  })

  test('an exit whose turn comes after its deadline is told as an error', async () => {
    await ask(95.5, 95)
    const app = await world.start({ MAX_EXITS_PER_HOUR: '1' })
    await until('it is told', () => app.said('held back past its deadline').length > 0)
    expect(await app.metric('exit_requests_rate_limited_late')).toBe(1)
    expect(app.said('held back past its deadline')[0]).toMatchObject({
      level: 'error',
      details: { validator: 2, reason: 'rate-limited' },
    })
  })

  test('a rehearsal uses nothing up, and HOLD_FILE is told instead where it exists', async () => {
    await ask(4, 3)
    const env = { MAX_EXITS_PER_HOUR: '1', STATE_FILE: join(world.home, 's.sqlite') }
    const dry = await world.start({ ...env, DRY_RUN: 'true' })
    await until(
      'it is rehearsed',
      () => dry.said('dry run: 1 ready, 0 missing, 1 pending').length > 1,
    )
    await dry.end()

    const stopped = await world.start({ ...env, HOLD_FILE: world.folder })
    await until('both are held', async () => (await stopped.metric('exit_requests_held')) === 2)
    expect(await held(stopped)).toBe(0)
    await stopped.end()

    const app = await world.start(env)
    await until('one waits', async () => (await held(app)) === 1)
    await until('one left', () => left().size === 1)
  })

  test('a webhook call that is refused counts, and is repeated', async () => {
    await ask(4, 3)
    const receiver = await startWebhookReceiver()
    receiver.faults.add({ kind: 'status', status: 500 })
    try {
      const env = {
        MAX_EXITS_PER_HOUR: '1',
        MESSAGES_LOCATION: '',
        VALIDATOR_EXIT_WEBHOOK: receiver.url,
      }
      const app = await world.start(env)
      await until('it was called again', () => receiver.calls.length >= 3)
      await cycles(app)
      const called = receiver.bodies().map(({ validatorIndex }) => validatorIndex)
      expect(new Set(called)).toEqual(new Set(['1']))
      expect(await held(app)).toBe(1)
    } finally {
      await receiver.close()
    }
  })
})

type StatusOfRequests = {
  readonly requests: {
    readonly open: {
      readonly rows: readonly { validator: number; reason: string; notBefore: string | null }[]
    }
  }
}
