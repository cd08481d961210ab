import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { startWebhookReceiver } from '../sim/webhook-receiver.ts'
import { until } from '../support/until.ts'
import { createWorld, cycles, type RunningApp, type World } from '../support/world.ts'

const HOUR = 3_600
const OPERATOR = { module: '1', operator: '5' }

let world: World
afterEach(() => world.close())

function askHoursAgo(hours: number, ...indices: readonly number[]) {
  world.chain.submitReport({
    requests: indices.map((index) => world.requestOf(index)),
    timestamp: Math.floor(Date.now() / 1_000) - hours * HOUR,
  })
  world.chain.finalize()
}

const countOf = async (app: RunningApp, step: string) =>
  (await app.metric(`exit_request_to_${step}_seconds_count`, OPERATOR)) ?? Number.NaN

async function counts(app: RunningApp) {
  return {
    submission: await countOf(app, 'submission'),
    exiting: await countOf(app, 'exiting'),
    settled: await countOf(app, 'settled'),
  }
}

const settled = (app: RunningApp, count: number) =>
  until('it is settled', async () => {
    return (await app.metric('exit_requests', { state: 'settled', ...OPERATOR })) === count
  })

test('each step of an exit is measured once, from the time of the request', async () => {
  world = await createWorld()
  world.writeMessage(1)
  askHoursAgo(5, 1)
  const app = await world.start()
  await until('it was accepted', async () => (await countOf(app, 'submission')) === 1)
  expect(await counts(app)).toEqual({ submission: 1, exiting: 0, settled: 0 })

  world.beacon.advance()
  await until('it is exiting', async () => (await countOf(app, 'exiting')) === 1)
  world.beacon.finalize()
  await settled(app, 1)
  await cycles(app, 3)

  expect(await counts(app)).toEqual({ submission: 1, exiting: 1, settled: 1 })
  const sum = await app.metric('exit_request_to_settled_seconds_sum', OPERATOR)
  expect(Math.round((sum ?? 0) / HOUR)).toBe(5)
})

test('an exit that is offered again and again, and taken out by a reorg, is measured once', async () => {
  world = await createWorld({ beaconNodes: [{ keepsExits: false }] })
  world.writeMessage(1)
  askHoursAgo(5, 1)
  const app = await world.start({ JOB_INTERVAL: '30' })
  await until('it was offered three times', () => world.consensus.postedExits().length >= 3)
  world.consensus.set({ keepsExits: true })
  world.beacon.autoInclude = true
  await until('it is exiting', async () => (await countOf(app, 'exiting')) === 1)
  world.beacon.reorgOutExits()
  await until('that was seen', () => app.said('active again').length > 0)
  await until('it is exiting again', () => app.said('validator is exiting').length >= 2)
  await cycles(app)

  expect(await counts(app)).toEqual({ submission: 1, exiting: 1, settled: 0 })
  expect(app.said('active again')[0]?.details?.timeLeft).toMatch(/^3 d /)
})

test('what a restart finds again is not measured again', async () => {
  world = await createWorld()
  const stateFile = { STATE_FILE: join(world.home, 'state.sqlite') }
  world.writeMessage(1)
  askHoursAgo(5, 1)
  const first = await world.start(stateFile)
  await until('it was accepted', async () => (await countOf(first, 'submission')) === 1)
  await first.end()

  const second = await world.start(stateFile)
  world.beacon.advance()
  await until('it is exiting', async () => (await countOf(second, 'exiting')) === 1)
  expect(await counts(second)).toEqual({ submission: 0, exiting: 1, settled: 0 })
  await second.end()

  const third = await world.start(stateFile)
  world.beacon.finalize()
  await settled(third, 1)
  expect(await counts(third)).toEqual({ submission: 0, exiting: 0, settled: 1 })
  await third.end()

  const fourth = await world.start(stateFile)
  await settled(fourth, 1)
  await cycles(fourth)
  expect(await counts(fourth)).toEqual({ submission: 0, exiting: 0, settled: 0 })
})

test('a validator that had left before anybody looked is no measurement', async () => {
  world = await createWorld({
    beacon: { validators: [{ exitEpoch: 900, withdrawableEpoch: 1_200 }, {}] },
  })
  askHoursAgo(5, 0)
  const app = await world.start()
  await until('it is known', async () => {
    return (await app.metric('exit_requests', { state: 'lapsed', ...OPERATOR })) === 1
  })
  await cycles(app)

  expect(await counts(app)).toEqual({ submission: 0, exiting: 0, settled: 0 })
})

test('each answer of each node to a submission is counted', async () => {
  world = await createWorld({ beaconNodes: [{}, {}, {}] })
  const [taking, refusing, silent] = world.beaconNodes.map(({ url }) => new URL(url).host)
  const match = { path: '/eth/v1/beacon/pool/voluntary_exits' }
  world.beaconNodes[1]?.faults.add({ kind: 'status', status: 400, body: 'no', match })
  world.beaconNodes[2]?.faults.add({ kind: 'reset', match })
  world.writeMessage(1)
  askHoursAgo(5, 1)
  const app = await world.start({ JOB_INTERVAL: '600000', FINALITY_EVENTS: 'false' })
  const answers = async (host: string | undefined) => {
    const results = ['accepted', 'refused', 'unanswered'] as const
    return Promise.all(
      results.map((result) => app.metric('exit_submissions_total', { host: `${host}`, result })),
    )
  }

  await until('all have answered', async () => {
    const all = (await Promise.all([taking, refusing, silent].map(answers))).flat()
    return all.reduce<number>((sum, count) => sum + (count ?? 0), 0) === 3
  })
  expect(await answers(taking)).toEqual([1, 0, 0])
  expect(await answers(refusing)).toEqual([0, 1, 0])
  expect(await answers(silent)).toEqual([0, 0, 1])
})

test('each answer of the webhook is counted, those before a repetition too', async () => {
  world = await createWorld()
  const receiver = await startWebhookReceiver()
  try {
    receiver.faults.add({ kind: 'status', status: 503, times: 1 })
    receiver.faults.add({ kind: 'reset', times: 1 })
    askHoursAgo(5, 1)
    const app = await world.start({
      MESSAGES_LOCATION: '',
      VALIDATOR_EXIT_WEBHOOK: `${receiver.url}/token-in-a-path`,
      WEBHOOK_MAX_RETRIES: '2',
    })
    const { host } = new URL(receiver.url)
    const count = (result: string) => app.metric('exit_submissions_total', { host, result })
    await until('it was accepted', async () => (await count('accepted')) === 1)

    expect([await count('refused'), await count('unanswered')]).toEqual([1, 1])
    expect(await app.metrics()).not.toContain('token-in-a-path')
  } finally {
    await receiver.close()
  }
})
