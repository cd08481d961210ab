import { afterEach, describe, expect, test } from 'vitest'
import type { SimModule } from '../sim/contracts.ts'
import { until } from '../support/until.ts'
import {
  createWorld,
  cycles,
  type RunningApp,
  type World,
  type WorldOptions,
} from '../support/world.ts'

const OPERATOR = { module: '1', operator: '5' }
const DAY = 86_400

let world: World
afterEach(() => world.close())

/** Operator 5 of module 1 has these validators, in this order of the module. */
async function setUp(
  indices: readonly number[],
  module: Partial<SimModule> = {},
  more: WorldOptions = {},
) {
  world = await createWorld({
    beacon: { validators: 60, epoch: 10_000 },
    execution: { modules: [{ id: 1 }, { id: 2 }] },
    ...more,
  })
  Object.assign(ourModule(), { keys: { 5: keysOf(indices) }, ...module })
}
const ourModule = () => world.chain.modules[0] as SimModule
const keysOf = (indices: readonly number[]) => indices.map((index) => world.beacon.pubkey(index))
const UNKNOWN = `0x${'ab'.repeat(48)}`
const ascending = (count: number) => Array.from({ length: count }, (_, index) => index)

const gauges = async (app: RunningApp, labels = OPERATOR) => ({
  runway: await app.metric('next_exits_runway', labels),
  keys: await app.metric('next_exits_keys', labels),
  suggested: await app.metric('next_exits_suggested', labels),
  signed: await app.metric('next_exits_signed', labels),
})

const shows = (app: RunningApp, wanted: Partial<Awaited<ReturnType<typeof gauges>>>) =>
  until(`the gauges are ${JSON.stringify(wanted)}`, async () => {
    expect(await gauges(app)).toMatchObject(wanted)
    return true
  })

const NOTHING = { runway: undefined, keys: undefined, suggested: undefined, signed: undefined }

/** Asks on chain, so many days ago. */
function askDaysAgo(days: number, index: number) {
  world.chain.submitReport({
    requests: [world.requestOf(index)],
    timestamp: Math.floor(Date.now() / 1_000) - days * DAY,
  })
  world.chain.finalize()
}

describe('the runway', () => {
  test('ends at the first validator without a message, however many come after it', async () => {
    await setUp([9, 3, 7, 1, 5])
    for (const index of [1, 3, 7, 9]) world.writeMessage(index)
    const app = await world.start()

    await shows(app, { runway: 2, keys: 5, suggested: 1, signed: 1 })
    world.writeMessage(5)
    await shows(app, { runway: 5 })
  })

  test('shows what is signed of the first tenth, rounded up', async () => {
    await setUp(ascending(21))
    for (const index of [0, 2, 20]) world.writeMessage(index)
    const app = await world.start()
    await shows(app, { runway: 1, keys: 21, suggested: 3, signed: 2 })
  })

  test('passes over who exits, consolidates, or was asked for within 14 days', async () => {
    await setUp(ascending(6))
    world.beacon.setValidator(0, { exitEpoch: 10_100 })
    world.beacon.finalize()
    world.beacon.pendingConsolidations.push([1, 40])
    askDaysAgo(13, 2)
    askDaysAgo(14.2, 3)
    world.writeMessage(3)
    const app = await world.start()
    // 3 was asked for longer ago, and is asked for again; then 4 and 5.
    await shows(app, { keys: 3, runway: 1 })
  })

  test('of a request that nobody can prove takes nobody out', async () => {
    await setUp(ascending(3))
    world.chain.submitReport({ requests: [world.requestOf(0)] })
    world.chain.finalize()
    const stranger = `0x${'11'.repeat(20)}`
    const app = await world.start({ ORACLE_ADDRESSES_ALLOWLIST: JSON.stringify([stranger]) })
    await until('it is unproven', async () => {
      return (await app.metric('exit_requests', { state: 'unproven', ...OPERATOR })) === 1
    })
    await shows(app, { keys: 3 })
  })

  test('gets shorter with a request, and the keys are read again', async () => {
    await setUp(ascending(3))
    for (const index of [0, 1]) world.writeMessage(index)
    const app = await world.start()
    await shows(app, { keys: 3, runway: 2 })

    ourModule().keys[5] = keysOf(ascending(4))
    askDaysAgo(0, 0)
    await shows(app, { keys: 3, runway: 1 })
  })

  test('a node without consolidations excludes none', async () => {
    await setUp(ascending(3), {}, { beaconNodes: [{ consolidationsSupported: false }] })
    world.beacon.pendingConsolidations.push([1, 2])
    const app = await world.start()
    await shows(app, { keys: 3 })
  })

  test('keys that the beacon chain does not know count as keys, and nothing else', async () => {
    await setUp([2])
    ourModule().keys[5] = [UNKNOWN, ...keysOf([2])]
    world.writeMessage(2)
    const app = await world.start()
    await shows(app, { keys: 2, runway: 1, suggested: 1, signed: 1 })
  })

  test('is absent while there is no key that could be asked for', async () => {
    await setUp([])
    ourModule().keys[5] = [UNKNOWN]
    const app = await world.start()
    await shows(app, { ...NOTHING, keys: 1 })
  })
})

describe('the numbers are absent', () => {
  test('without keys', async () => {
    await setUp([])
    const app = await world.start()
    await until('the order was read', () => app.said('the order was read').length > 0)
    expect(await gauges(app)).toEqual(NOTHING)
  })

  test('in webhook mode', async () => {
    await setUp(ascending(3))
    const app = await world.start({
      MESSAGES_LOCATION: '',
      VALIDATOR_EXIT_WEBHOOK: 'http://127.0.0.1:1/exit',
    })
    await until('the order was read', () => app.said('the order was read').length > 0)
    expect(await gauges(app)).toEqual(NOTHING)
  })

  test('of a module that does not answer, and of no other; it is tried at each cycle', async () => {
    await setUp(ascending(3))
    const other = world.chain.modules[1] as SimModule
    other.keys = { 0: keysOf([30]) }
    world.chain.contracts.set(other.address, () => undefined)
    const app = await world.start({ EJECTOR_SCOPE: '{"2":[0],"1":[5]}' })
    await shows(app, { keys: 3 })
    await cycles(app, 2)
    expect(await gauges(app, { module: '2', operator: '0' })).toEqual(NOTHING)
    const warned = app
      .said('could not be read; it is tried')
      .filter(({ level }) => level === 'warn')
    expect(warned.map(({ details }) => details?.module)).toEqual([2])

    world.chain.contracts.delete(other.address)
    await until('the other module is read', async () => {
      return (await gauges(app, { module: '2', operator: '0' })).keys === 1
    })
  })
})

describe('reading the keys', () => {
  test.each([
    ['with signatures and flags', false],
    ['alone', true],
  ])('works for modules that give them %s', async (_, keysAlone) => {
    await setUp([4, 2], { keysAlone })
    const app = await world.start()
    await shows(app, { keys: 2 })
  })

  test('asks for fewer where a call takes too much gas', async () => {
    const validators = 1_200
    await setUp([], { maxKeys: 300 }, { beacon: { validators, epoch: 10_000 } })
    ourModule().keys[5] = Array.from({ length: validators }, (_, at) => oddKey(at))
    const app = await world.start()
    await shows(app, { keys: validators })
  })
})

/** 48 bytes that follow from a number. */
const oddKey = (at: number) => `0x${at.toString(16).padStart(96, '0')}`
