import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { openJournalReadOnly } from '../../src/journal/read-only.ts'
import { until } from '../support/until.ts'
import { createWorld, cycles, type RunningApp, type World } from '../support/world.ts'

let world: World
afterEach(() => world.close())

const POOL = /voluntary_exits$/
const posts = (at = 0) => world.beaconNodes[at]?.postedExits().length ?? 0
const actions = async (app: RunningApp) => [
  await app.metric('exit_actions', { result: 'success' }),
  await app.metric('exit_actions', { result: 'error' }),
]

describe.each(['nimbus', 'lodestar'] as const)('%s, which refuses what it has', (flavour) => {
  test('an exit that it took, and refuses from then on, is no error', async () => {
    world = await createWorld({ beaconNodes: [{ flavour }] })
    world.writeMessage(1)
    world.ask(world.requestOf(1))
    const app = await world.start({ JOB_INTERVAL: '30' })
    await until('it was offered again and again', () => posts() >= 5)
    await cycles(app)

    expect(await actions(app)).toEqual([1, 0])
    expect(app.said('exit was not accepted')).toEqual([])
    expect(app.said('exit was accepted before').map(({ level }) => level)).toEqual(['info'])
    expect(app.lines.filter(({ level }) => level === 'error')).toEqual([])
  })

  test('and so it is after a restart', async () => {
    world = await createWorld({ beaconNodes: [{ flavour }] })
    world.writeMessage(1)
    world.ask(world.requestOf(1))
    const env = { STATE_FILE: join(world.home, 'journal.sqlite'), JOB_INTERVAL: '30' }
    const first = await world.start(env)
    await until('it was taken', () => first.said('exit submitted').length > 0)
    await first.end()
    const second = await world.start(env)
    await until('it was refused', () => second.said('exit was accepted before').length > 0)
    expect(await actions(second)).toEqual([0, 0])
    expect(second.said('exit was not accepted')).toEqual([])
  })

  test('what another node took is taken, though this one refuses it', async () => {
    world = await createWorld({ beaconNodes: [{ flavour }, { flavour: 'lighthouse' }] })
    world.beaconNodes[1]?.faults.add({ kind: 'trickle', everyMs: 50, match: { path: POOL } })
    world.beacon.offerExit(world.beacon.signExit(1), 'somebody else')
    world.writeMessage(1)
    world.ask(world.requestOf(1))
    const app = await world.start()
    await until('it was taken', () => app.said('exit submitted').length > 0)
    expect(await actions(app)).toEqual([1, 0])
    expect(app.said('exit submitted')[0]?.details?.answers).toHaveLength(2)
  })

  test('what it refuses before anybody took it is an error, once', async () => {
    world = await createWorld({ beaconNodes: [{ flavour }] })
    world.beacon.offerExit(world.beacon.signExit(1), 'somebody else')
    world.writeMessage(1)
    world.ask(world.requestOf(1))
    const app = await world.start({ JOB_INTERVAL: '30' })
    await until('it was offered again', () => posts() >= 3)
    await cycles(app)
    expect(await actions(app)).toEqual([0, 1])
    expect(app.said('exit was not accepted').length).toBeGreaterThan(1)
  })
})

test('each of several requests for one validator counts once, and one offer serves them all', async () => {
  world = await createWorld({ beacon: { autoInclude: true } })
  world.writeMessage(1)
  world.ask(world.requestOf(1))
  world.ask(world.requestOf(1))
  world.ask(world.requestOf(1, { keyIndex: 4 }))
  world.consensus.faults.add({ kind: 'status', status: 503, match: { path: POOL }, times: 2 })
  const app = await world.start({ JOB_INTERVAL: '30' })
  await until('it left', () => world.beacon.accepted.length > 0)
  await cycles(app, 3)
  expect(await actions(app)).toEqual([3, 3])
  expect(posts()).toBe(3)
})

test('requests without a message count once each, also for one validator', async () => {
  world = await createWorld()
  world.ask(world.requestOf(1))
  world.ask(world.requestOf(1))
  world.ask(world.requestOf(2))
  const app = await world.start({ JOB_INTERVAL: '30' })
  await until('it is said', () => app.said('exit cannot be submitted').length >= 3)
  await cycles(app, 3)
  expect(await actions(app)).toEqual([0, 3])
})

test('the journal holds what each node answered', async () => {
  world = await createWorld({ beaconNodes: [{}, { flavour: 'nimbus' }] })
  world.beaconNodes[1]?.faults.add({
    kind: 'status',
    status: 400,
    body: { message: `no: ${'x'.repeat(2_000)}` },
    match: { path: POOL },
  })
  world.beaconNodes[0]?.faults.add({
    kind: 'status',
    status: 500,
    match: { path: POOL },
    times: 2,
  })
  world.writeMessage(1)
  world.ask(world.requestOf(1))
  const file = join(world.home, 'journal.sqlite')
  const app = await world.start({ STATE_FILE: file, JOB_INTERVAL: '30' })
  await until('it was taken', () => app.said('exit submitted').length > 0)
  await app.end()

  const history = [...openJournalReadOnly(file).history.values()].flat()
  const hosts = world.beaconNodes.map(({ url }) => new URL(url).host)
  const refused = history.find((one) => one.kind === 'offer-answered' && !one.accepted)
  expect(refused).toMatchObject({ accepted: false })
  const answers = refused?.kind === 'offer-answered' ? refused.answers : []
  expect(answers.map((answer) => answer.split(': ')[0]).toSorted()).toEqual(hosts.toSorted())
  expect(Math.max(...answers.map(({ length }) => length))).toBeLessThanOrEqual(300)
})
