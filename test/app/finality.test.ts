import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createWaker } from '../../src/jobs/finality-watch.ts'
import { until } from '../support/until.ts'
import { createWorld, type RunningApp, type World, type WorldOptions } from '../support/world.ts'

let world: World
const setUp = async (options?: WorldOptions) => {
  world = await createWorld(options)
  return world
}
afterEach(() => world?.close())

/** Only an event can start a second cycle in time. */
const QUIET = { JOB_INTERVAL: '600000' }

async function startQuiet(more: NodeJS.ProcessEnv = {}): Promise<RunningApp> {
  world.writeMessage(1)
  const app = await world.start({ ...QUIET, ...more })
  await until('the first cycle is over', async () => (await good(app)) === 1)
  return app
}

const good = (app: RunningApp) => app.metric('job_duration_seconds_count', { result: 'success' })

const connected = async (app: RunningApp) => {
  await until('a stream is open', () => world.beaconNodes.some((node) => node.openStreams() > 0))
  await until('events come', async () => {
    world.beacon.advanceSlots()
    return (await app.metric('finality_events_connected')) === 1
  })
}

describe('a finalized event', () => {
  test('brings the request that is open at once, whatever the interval', async () => {
    await setUp()
    const app = await startQuiet()
    await connected(app)
    world.ask(world.requestOf(1))
    world.beacon.finalize()

    await until('the exit is sent', () => world.beacon.accepted.length > 0)
    expect(app.said(/"level":"(warn|error)"/)).toEqual([])
  })

  test('waits for the execution node, whose finalized tag moves later', async () => {
    await setUp()
    const app = await startQuiet()
    await connected(app)
    world.chain.submitReport({ requests: [world.requestOf(1)] })
    world.execution.clearCalls()
    world.beacon.finalize()
    const polls = () => world.execution.rpcCalls('eth_getBlockByNumber').length
    await until('it polls', () => polls() === 2)
    expect(world.execution.rpcCalls('eth_getLogs')).toEqual([])

    world.chain.finalize()
    await until('the exit is sent', () => world.beacon.accepted.length > 0)
  })

  test('is heard again after all nodes were gone, and that is said', async () => {
    await setUp()
    const app = await startQuiet()
    await connected(app)
    await world.consensus.refuse()
    await until('it is said', () => app.said('no finality events any more').length > 0)
    expect(await app.metric('finality_events_connected')).toBe(0)

    await world.consensus.revive()
    await connected(app)
    expect(app.said('finality events come from')).toMatchObject([
      { level: 'debug' },
      { level: 'info' },
    ])
    expect(app.said('no finality events any more')).toMatchObject([{ level: 'warn' }])
    world.ask(world.requestOf(1))
    world.beacon.finalize()
    await until('the exit is sent', () => world.beacon.accepted.length > 0)
  })

  test('is not needed: a node without events is said once, and polling goes on', async () => {
    await setUp({ beaconNodes: [{ eventStream: 'refused' }] })
    world.writeMessage(1)
    const app = await world.start()
    await until('tried twice', () => app.said('event stream of').length >= 2)
    world.ask(world.requestOf(1))
    await until('the exit is sent', () => world.beacon.accepted.length > 0)

    expect(app.said('gives no finality events')).toMatchObject([{ level: 'info' }])
    expect(await app.metric('finality_events_connected')).toBe(0)
    expect(app.said(/"level":"(warn|error)"/)).toEqual([])
  })

  test('with FINALITY_EVENTS=false nobody listens', async () => {
    await setUp()
    const app = await startQuiet({ FINALITY_EVENTS: 'false' })
    expect(world.consensus.calls.filter(({ path }) => path === '/eth/v1/events')).toEqual([])
    expect(await app.metric('finality_events_connected')).toBeUndefined()
  })

  test('does not hold up the end', async () => {
    await setUp()
    const app = await startQuiet()
    await connected(app)
    world.beacon.finalize()
    await until('it polls', () => world.execution.rpcCalls('eth_getBlockByNumber').length > 1)
    const polls = () => world.execution.rpcCalls('eth_getBlockByNumber').length
    app.stop()
    await app.ended
    // It would poll some 48 times, twice a second.
    expect(polls()).toBeLessThan(24)
    await until('the stream is closed', () => world.consensus.openStreams() === 0)
  })
})

describe('the waker', () => {
  beforeEach(() => {
    vi.useFakeTimers()
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  function setUpWaker(readFinalized: () => Promise<number>, lastRead: () => number | undefined) {
    const stopping = new AbortController()
    let wakes = 0
    let polls = 0
    const waker = createWaker({
      readFinalized: () => {
        polls += 1
        return readFinalized()
      },
      lastRead,
      wake: () => {
        wakes += 1
      },
      pollForMs: 100,
      pollEveryMs: 10,
      restMs: 10,
    })
    const nudge = () => waker.nudge(stopping.signal)
    return { nudge, stopping, wakes: () => wakes, polls: () => polls }
  }
  const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms)

  test.each([
    ['never moves', async () => 7],
    ['never comes', () => Promise.reject(new Error('down'))],
    ['hangs', () => new Promise<number>(() => {})],
  ])('wakes once in the end when the finalized block %s', async (_, read) => {
    const { nudge, wakes } = setUpWaker(read, () => 7)
    nudge()
    await pass(99)
    expect(wakes()).toBe(0)
    await pass(1)
    expect(wakes()).toBe(1)
    await pass(1_000)
    expect(wakes()).toBe(1)
  })

  test('remembers one nudge while it waits, and gives no more to one that never stops', async () => {
    const { nudge, wakes, polls } = setUpWaker(
      async () => 7,
      () => 7,
    )
    for (let i = 0; i < 1_000; i += 1) nudge()
    await pass(1_000)
    expect(wakes()).toBe(2)
    expect(polls()).toBeLessThanOrEqual(22)
  })

  test('wakes at once when nothing was read yet, and not after the end', async () => {
    const { nudge, wakes, stopping } = setUpWaker(
      async () => 7,
      () => undefined,
    )
    nudge()
    await pass(0)
    expect(wakes()).toBe(1)
    await pass(30)
    stopping.abort()
    nudge()
    await pass(30)
    expect(wakes()).toBe(1)
  })
})
