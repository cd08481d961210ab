import { afterEach, describe, expect, test } from 'vitest'
import { pause } from '../../src/lib/deadline.ts'
import { MODULE_ABI } from '../sim/abi.ts'
import type { SimModule } from '../sim/contracts.ts'
import { startWebhookReceiver } from '../sim/webhook-receiver.ts'
import { until } from '../support/until.ts'
import { createWorld, cycles, type RunningApp, type World } from '../support/world.ts'

const HOUR = 3_600
const SELECTOR = MODULE_ABI.getFunction('exitDeadlineThreshold')?.selector ?? ''
const THRESHOLD = { rpc: 'eth_call', body: new RegExp(`${SELECTOR}0{63}5"`) }
const OPERATOR = { module: '1', operator: '5' }

let world: World
afterEach(() => world.close())

async function setUp(module: Partial<SimModule> = {}, nodes = 1) {
  world = await createWorld({
    // Old enough that every exit was possible when it was asked for.
    beacon: { epoch: 10_000 },
    execution: { modules: [{ id: 1, ...module }] },
    executionNodes: Array.from({ length: nodes }, () => ({})),
  })
}

/** A genuine request that is this many hours old. */
function askHoursAgo(hours: number, ...indices: readonly number[]) {
  world.chain.submitReport({
    requests: indices.map((index) => world.requestOf(index)),
    timestamp: Math.floor(Date.now() / 1_000) - hours * HOUR,
  })
  world.chain.finalize()
}

const open = (app: RunningApp, state: string, count: number) =>
  until(`${count} ${state}`, async () => {
    return (await app.metric('exit_requests', { state, ...OPERATOR })) === count
  })

/** In hours, as the gauge shows it. */
async function hoursLeft(app: RunningApp) {
  const seconds = await app.metric('exit_request_deadline_seconds', OPERATOR)
  return seconds === undefined ? undefined : Math.round(seconds / HOUR)
}

const thresholdCalls = () =>
  world.executionNodes.flatMap((node) =>
    node.calls.filter(({ body }) => THRESHOLD.body.test(body) && body.includes('eth_call')),
  ).length

/** Operators whose limit was asked for, in this order. */
function askedFor(): readonly number[] {
  return world.execution
    .rpcCalls('eth_call')
    .map(({ params }) => String((params[0] as { data: string }).data))
    .filter((data) => data.startsWith(SELECTOR))
    .map((data) => Number(`0x${data.slice(10)}`))
}

describe('an open request', () => {
  test('shows its age, the time left, and the limits that it has passed', async () => {
    await setUp()
    askHoursAgo(30, 1)
    askHoursAgo(100, 2)
    const app = await world.start()
    await open(app, 'proven', 2)

    const age = (await app.metric('exit_request_oldest_age_seconds', OPERATOR)) ?? 0
    expect(Math.round(age / HOUR)).toBe(100)
    expect(await hoursLeft(app)).toBe(-4)
    expect(await app.metric('exit_requests_overdue', { limit: 'delayed', ...OPERATOR })).toBe(2)
    expect(await app.metric('exit_requests_overdue', { limit: 'delinquent', ...OPERATOR })).toBe(1)
    expect(await app.metric('exit_requests_overdue', { limit: 'module', ...OPERATOR })).toBe(1)
    await until('the message is missed', async () => {
      return (await app.metric('exit_requests_without_message', OPERATOR)) === 2
    })
    const [line] = app.said('no message found')
    expect(line?.details?.timeLeft).toMatch(/^overdue by 4 h|^2 d 18 h|^2 d 17 h/)
  })

  test('counts as submitted in the cycle that hands it out, and as nothing when it has left', async () => {
    await setUp()
    world.writeMessage(1)
    askHoursAgo(30, 1)
    const app = await world.start({ JOB_INTERVAL: '600000', FINALITY_EVENTS: 'false' })
    await open(app, 'submitted', 1)
    expect(await app.metric('exit_requests', { state: 'proven', ...OPERATOR })).toBe(0)
    expect(await hoursLeft(app)).toBe(66)
    await app.end()

    world.beacon.advance()
    world.beacon.finalize()
    const again = await world.start()
    await open(again, 'lapsed', 1)
    expect(await hoursLeft(again)).toBeUndefined()
    expect(await again.metric('exit_request_oldest_age_seconds', OPERATOR)).toBe(0)
    expect(await again.metric('exit_requests_overdue', { limit: 'delayed', ...OPERATOR })).toBe(0)
  })

  test('ages between cycles too: a cycle that hangs hides no deadline', async () => {
    await setUp()
    askHoursAgo(20, 1)
    let ahead = 0
    const app = await world.start(
      { JOB_INTERVAL: '600000', FINALITY_EVENTS: 'false' },
      { now: () => Date.now() + ahead },
    )
    await open(app, 'proven', 1)
    expect(await hoursLeft(app)).toBe(76)
    ahead = 5 * HOUR * 1_000

    expect(await hoursLeft(app)).toBe(71)
    const age = (await app.metric('exit_request_oldest_age_seconds', OPERATOR)) ?? 0
    expect(Math.round(age / HOUR)).toBe(25)
    expect(await app.metric('exit_requests_overdue', { limit: 'delayed', ...OPERATOR })).toBe(1)
  })

  test('that nobody can prove is shown, and has no deadline', async () => {
    await setUp()
    askHoursAgo(30, 1)
    const app = await world.start({ ORACLE_ADDRESSES_ALLOWLIST: `["0x${'11'.repeat(20)}"]` })
    await open(app, 'unproven', 1)

    expect(await hoursLeft(app)).toBeUndefined()
    expect(await app.metric('exit_requests_overdue', { limit: 'delayed', ...OPERATOR })).toBe(0)
  })

  test('series of the scope are there before anything is asked for', async () => {
    await setUp()
    const app = await world.start({ EJECTOR_SCOPE: '{"1":[5,6]}' })

    for (const operator of ['5', '6']) {
      const labels = { module: '1', operator }
      expect(await app.metric('exit_requests', { state: 'proven', ...labels })).toBe(0)
      expect(await app.metric('exit_requests_without_message', labels)).toBe(0)
      expect(await app.metric('exit_request_to_exiting_seconds_count', labels)).toBe(0)
    }
    expect(await app.metric('submissions_on_hold')).toBe(0)
    expect(await app.metric('exit_requests_held')).toBe(0)
  })
})

test('the clock of an exit starts when the chain allows it', async () => {
  await setUp({ exitDeadlineSeconds: 48 * HOUR })
  // That was 26 hours ago, and after the request: SHARD_COMMITTEE_PERIOD is 256 epochs.
  world.beacon.registry.change(1, { activationEpoch: 10_000 - 256 - 244 })
  askHoursAgo(40, 1)
  const app = await world.start()
  await open(app, 'proven', 1)

  expect(await hoursLeft(app)).toBe(22)
})

describe('the deadline of the module', () => {
  test('counts from the first word on', async () => {
    await setUp({ exitDeadlineSeconds: 48 * HOUR })
    askHoursAgo(30, 1)
    const app = await world.start()
    await open(app, 'proven', 1)

    expect(await hoursLeft(app)).toBe(18)
    for (const line of ['exit requested', 'exit request proven', 'no message found']) {
      const [first] = await until(line, () => app.said(line).length > 0 && app.said(line))
      expect(first?.details?.timeLeft, line).toMatch(/^1[78] h/)
    }
    expect(app.said('its deadline for exits')[0]?.details).toEqual({
      module: 1,
      operator: 5,
      allows: '2 d 0 h',
      assumed: '4 d 0 h',
    })
  })

  test('is told to the webhook', async () => {
    await setUp({ exitDeadlineSeconds: 48 * HOUR })
    const receiver = await startWebhookReceiver()
    try {
      askHoursAgo(30, 1)
      await world.start({ MESSAGES_LOCATION: '', VALIDATOR_EXIT_WEBHOOK: receiver.url })
      const body = await until('it is called', () => receiver.calls[0]?.body)
      const { requestedAt, deadline } = JSON.parse(body)

      expect((Date.parse(deadline) - Date.parse(requestedAt)) / 1_000).toBe(48 * HOUR)
    } finally {
      await receiver.close()
    }
  })

  test.each([
    ['is 120 hours, as for some community operators', { exitDeadlineSeconds: 120 * HOUR }, 90],
    ['is later, and counts as 120 hours', { exitDeadlineSeconds: 400 * HOUR }, 90],
    ['is absurd, and counts as 96 hours', { exitDeadlineSeconds: 0 }, 66],
    ['is not known, and counts as 96 hours', { exitDeadlineSeconds: undefined }, 66],
  ])('%s', async (_, module, left) => {
    await setUp(module)
    askHoursAgo(30, 1)
    const app = await world.start()
    await open(app, 'proven', 1)
    await until('it was asked for', () => thresholdCalls() > 0)
    await cycles(app)

    expect(await hoursLeft(app)).toBe(left)
    expect(app.said('its deadline for exits')).toHaveLength(left === 66 ? 0 : 1)
  })

  test('is read once, not in each cycle', async () => {
    await setUp()
    const app = await world.start({ JOB_INTERVAL: '20' })
    await cycles(app, 10)

    expect(thresholdCalls()).toBe(1)
  })

  test('of many operators is read a few at a time', async () => {
    await setUp()
    const operators = Array.from({ length: 20 }, (_, id) => id)
    const app = await world.start({ EJECTOR_SCOPE: JSON.stringify({ 1: operators }) })
    await cycles(app, 1)
    expect(askedFor().length).toBeLessThan(operators.length)

    await until('each was asked for', () => askedFor().length >= operators.length)
    await cycles(app)
    expect(askedFor()).toEqual(operators)
  })

  test('of the last of many operators is read, also when the first ones are due again', async () => {
    await setUp()
    const operators = Array.from({ length: 20 }, (_, id) => id)
    let ahead = 0
    const app = await world.start(
      { EJECTOR_SCOPE: JSON.stringify({ 1: operators }) },
      {
        now: () => Date.now() + ahead,
        // So long between cycles that each time the first ones are due again.
        pause: async (_, signal) => {
          ahead += 2 * HOUR * 1_000
          await pause(50, signal)
        },
      },
    )
    await cycles(app, 8)

    expect(new Set(askedFor())).toEqual(new Set(operators))
  })

  test('is read again after an hour', async () => {
    await setUp()
    let ahead = 0
    const app = await world.start({ JOB_INTERVAL: '20' }, { now: () => Date.now() + ahead })
    await until('it was read', () => thresholdCalls() === 1)
    askHoursAgo(30, 1)
    await open(app, 'proven', 1)
    const [module] = world.chain.modules
    if (module !== undefined) module.exitDeadlineSeconds = 40 * HOUR
    ahead = HOUR * 1_000

    await until('it is the new one', async () => (await hoursLeft(app)) === 9)
    expect(thresholdCalls()).toBe(2)
  })

  test('that is never answered fails no cycle, and holds no exit back', async () => {
    await setUp()
    world.execution.faults.add({ kind: 'hang', match: THRESHOLD })
    world.writeMessage(1)
    askHoursAgo(30, 1)
    const app = await world.start()
    await until('it is sent', () => world.beacon.accepted.length > 0)
    await cycles(app, 3)

    expect(app.lines.filter(({ level }) => level === 'error')).toEqual([])
    expect(await hoursLeft(app)).toBe(66)
  })

  test('comes from another node where one gives none', async () => {
    await setUp({ exitDeadlineSeconds: 48 * HOUR }, 2)
    world.execution.faults.add({ kind: 'reset', match: THRESHOLD })
    askHoursAgo(30, 1)
    const app = await world.start()
    await open(app, 'proven', 1)

    await until('it counts', async () => (await hoursLeft(app)) === 18)
  })
})
