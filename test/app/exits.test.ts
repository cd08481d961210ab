import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { until } from '../support/until.ts'
import { createWorld, cycles, type World, type WorldOptions } from '../support/world.ts'

let world: World
const setUp = async (options?: WorldOptions) => {
  world = await createWorld(options)
  return world
}
afterEach(() => world.close())

const posts = (index: number) =>
  world.beaconNodes.flatMap((node) =>
    node.postedExits().filter((exit) => {
      const { message } = exit as { message: { validator_index: string } }
      return message.validator_index === String(index)
    }),
  ).length

describe('offering an exit', () => {
  test('goes to every consensus node, and a dead one is not waited for', async () => {
    await setUp({ beaconNodes: [{}, {}, {}] })
    await world.beaconNodes[1]?.refuse()
    world.writeMessage(1)
    world.ask(world.requestOf(1))

    await world.start()
    await until('both live nodes have it', () =>
      [0, 2].every((at) => world.beaconNodes[at]?.postedExits().length === 1),
    )
  })

  test('is repeated after 1, 2, 4 … intervals while the validator is still active', async () => {
    await setUp({ beaconNodes: [{ keepsExits: false }] })
    world.writeMessage(1)
    world.ask(world.requestOf(1))

    const app = await world.start({ JOB_INTERVAL: '50' })
    await until('it was offered four times', () => posts(1) >= 4)
    const [first, second, third, fourth] = world.consensus.calls
      .filter(({ path }) => path.endsWith('voluntary_exits'))
      .map(({ at }) => at) as [number, number, number, number]

    // Slack is a tenth of an interval; a busy machine only makes the gaps longer.
    expect(second - first).toBeGreaterThanOrEqual(44)
    expect(third - second).toBeGreaterThanOrEqual(94)
    expect(fourth - third).toBeGreaterThanOrEqual(190)
    expect(await app.metric('exit_actions', { result: 'success' })).toBe(1)
  })

  test('is repeated in the next cycle when it was refused, and counted once', async () => {
    await setUp()
    world.consensus.faults.add({
      kind: 'status',
      status: 500,
      body: 'no',
      match: { path: '/eth/v1/beacon/pool/voluntary_exits' },
      times: 3,
    })
    world.writeMessage(1)
    world.ask(world.requestOf(1))

    const app = await world.start()
    await until('it is accepted', () => world.beacon.accepted.length > 0)

    expect(posts(1)).toBe(4)
    expect(await app.metric('exit_actions', { result: 'error' })).toBe(1)
    expect(await app.metric('exit_actions', { result: 'success' })).toBe(1)
  })

  test('starts over when a reorg takes the exit out', async () => {
    await setUp({ beacon: { autoInclude: true } })
    world.writeMessage(1)
    world.ask(world.requestOf(1))

    const app = await world.start()
    await until('it is seen exiting', () => app.said('validator is exiting').length > 0)
    world.beacon.reorgOutExits()
    await until('it is exiting again', () => world.beacon.exitedIndices().length > 0)

    expect(app.said('active again')).toHaveLength(1)
    expect(posts(1)).toBe(2)
  })

  test('goes on while one of two nodes still says active, and settles when both agree', async () => {
    await setUp({ beaconNodes: [{}, { lag: 1 }] })
    world.writeMessage(1)
    world.ask(world.requestOf(1))

    const app = await world.start({ JOB_INTERVAL: '50' })
    await until('it is accepted', () => world.beacon.accepted.length > 0)
    world.beacon.advance()
    world.beacon.finalize()
    await cycles(app, 3)
    expect(await app.metric('exit_requests', { state: 'submitted' })).toBe(1)

    world.beacon.advance()
    world.beacon.finalize()
    await until(
      'it is settled',
      async () => (await app.metric('exit_requests', { state: 'settled' })) === 1,
    )
    await cycles(app, 2)
  })

  test('does nothing for a validator that is already exiting', async () => {
    await setUp({ beacon: { validators: [{ exitEpoch: 900, withdrawableEpoch: 1200 }, {}] } })
    world.writeMessage(0)
    world.writeMessage(1)
    world.ask(world.requestOf(0), world.requestOf(1))

    const app = await world.start()
    await until('the other one is sent', () => world.beacon.accepted.length > 0)
    await cycles(app)

    expect(posts(0)).toBe(0)
    expect(await app.metric('exit_requests', { state: 'lapsed' })).toBe(1)
    expect(await app.metric('exit_messages', { valid: 'true' })).toBe(2)
    expect(await app.metric('exit_messages_left_number')).toBe(1)
    expect(await app.metric('exit_messages_left_percent')).toBe(50)
  })

  test('never happens when the registry has another public key for that index', async () => {
    await setUp()
    world.writeMessage(1)
    world.writeMessage(2)
    world.ask(world.requestOf(1, { pubkey: world.beacon.pubkey(7) }), world.requestOf(2))

    const app = await world.start()
    await until('the other one is sent', () => world.beacon.accepted.length > 0)
    await cycles(app)

    expect(posts(1)).toBe(0)
    expect(app.said('pubkey-mismatch').map(({ level }) => level)).toEqual(['error'])
  })

  test('never happens for another key that exits under that index: the request stays open', async () => {
    await setUp()
    world.beacon.registry.change(1, { exitEpoch: 5 })
    world.beacon.finalize()
    world.writeMessage(1)
    world.ask(world.requestOf(1, { pubkey: world.beacon.pubkey(2) }))

    const app = await world.start()
    await until('it is refused', () => app.said('pubkey-mismatch').length > 0)
    await cycles(app, 2)

    expect(app.said('pubkey-mismatch').map(({ level }) => level)).toEqual(['error'])
    expect(await app.metric('exit_requests', { state: 'proven' })).toBe(1)
    expect(await app.metric('exit_requests', { state: 'lapsed' })).toBe(0)
    expect(app.said('validator is exiting')).toEqual([])
    expect(posts(1)).toBe(0)
  })
})

describe('a request without a message', () => {
  test('is said and counted once, and served when the message appears', async () => {
    await setUp()
    world.writeMessage(9)
    world.ask(world.requestOf(1))

    const app = await world.start()
    await until('it is said', () => app.said('no message found').length > 0)
    await cycles(app, 3)
    expect(app.said('no message found')).toHaveLength(1)
    expect(await app.metric('exit_actions', { result: 'error' })).toBe(1)

    world.writeMessage(1)
    await until('it is sent', () => world.beacon.accepted.length > 0)
    expect(await app.metric('exit_actions', { result: 'success' })).toBe(1)
    expect(await app.metric('exit_actions', { result: 'error' })).toBe(1)
  })

  test('an emptied folder is obeyed, a folder that is gone is not', async () => {
    await setUp()
    world.writeMessage(1)
    const app = await world.start()
    await until('loaded', async () => (await app.metric('exit_messages_left_number')) === 1)

    rmSync(join(world.folder, '1.json'))
    await until('emptied', async () => (await app.metric('exit_messages_left_number')) === 0)
    expect(app.said('holds no .json file').length).toBeGreaterThan(0)

    world.writeMessage(2)
    await until('loaded again', async () => (await app.metric('exit_messages_left_number')) === 1)
    rmSync(world.folder, { recursive: true })
    await until('said', () => app.said('load messages').length > 0)
    world.ask(world.requestOf(2))
    await until('sent from memory', () => world.beacon.accepted.length > 0)
  })
})

describe('what cannot be done yet waits with its reason', () => {
  test.each([
    ['not-active', { activationEpoch: 1003 }, 4],
    ['shard-committee-period', { activationEpoch: 745 }, 1],
  ])('%s', async (code, validator, epochs) => {
    await setUp({
      beacon: { validators: [validator], shardCommitteePeriod: 256, genesisTime: 4e9 },
    })
    if (code === 'not-active') world.beacon.shardCommitteePeriod = 0
    world.writeMessage(0)
    world.ask(world.requestOf(0))

    const app = await world.start()
    await until('it waits', () => app.said(code).length > 0)
    await cycles(app)
    expect(posts(0)).toBe(0)
    expect(await app.metric('exit_actions', { result: 'error' })).toBe(0)

    world.beacon.advance(epochs)
    await until('it is sent', () => world.beacon.accepted.length > 0)
  })

  test('pending-partial-withdrawal', async () => {
    await setUp()
    world.beacon.pendingPartialWithdrawals.push({ validatorIndex: 1 })
    world.writeMessage(1)
    world.ask(world.requestOf(1))

    const app = await world.start()
    await until('it waits', () => app.said('pending-partial-withdrawal').length > 0)
    await cycles(app)
    expect(posts(1)).toBe(0)

    world.beacon.pendingPartialWithdrawals.pop()
    await until('it is sent', () => world.beacon.accepted.length > 0)
  })

  test('a node that cannot tell pending withdrawals holds nothing back', async () => {
    await setUp({ beaconNodes: [{ partialWithdrawalsSupported: false }] })
    world.writeMessage(1)
    world.ask(world.requestOf(1))

    await world.start()
    await until('it is sent', () => world.beacon.accepted.length > 0)
  })
})

describe('DRY_RUN', () => {
  test('rehearses everything but the submission', async () => {
    await setUp({
      beacon: { validators: [{}, {}, { exitEpoch: 900 }, { activationEpoch: 990 }] },
    })
    for (const index of [0, 2, 3]) world.writeMessage(index)
    world.ask(...[0, 1, 2, 3].map((index) => world.requestOf(index)))

    const app = await world.start({ DRY_RUN: 'true' })
    const summary = 'dry run: 1 ready, 1 missing, 1 pending, 1 already exiting'
    await until('it sums up', () => app.said(summary).length > 1)

    expect(app.said('dry run: would send').map(({ details }) => details)).toMatchObject([
      { validator: 0, file: '0.json' },
    ])
    expect(app.said('no message found').map(({ details }) => details)).toMatchObject([
      { validator: 1 },
    ])
    expect(world.consensus.postedExits()).toEqual([])
    expect(await app.metric('exit_actions', { result: 'success' })).toBe(0)
  })
})
