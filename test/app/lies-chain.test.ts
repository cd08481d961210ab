import { afterEach, expect, test } from 'vitest'
import { until } from '../support/until.ts'
import { createWorld, cycles, type World } from '../support/world.ts'

let world: World
afterEach(() => world.close())

const genesis = (change: object) => ({ path: /\/genesis$/, change })
const spec = (change: object) => ({ path: /\/spec$/, change })
const NEVER = '18446744073709551615'

test.each([
  ['root of the validators', genesis({ genesis_validators_root: `0x${'9'.repeat(64)}` })],
  ['time of the genesis', genesis({ genesis_time: '9999999999' })],
  ['time until a validator may leave', spec({ SHARD_COMMITTEE_PERIOD: NEVER })],
  ['length of an epoch', spec({ SLOTS_PER_EPOCH: NEVER })],
  ['length of a slot', spec({ SECONDS_PER_SLOT: NEVER })],
  ['fork version', spec({ CAPELLA_FORK_VERSION: '0x99999999' })],
  ['epoch of a fork', spec({ DENEB_FORK_EPOCH: NEVER })],
])('one node with another %s holds no exit back', async (_name, { path, change }) => {
  world = await createWorld({ beaconNodes: [{}, {}] })
  world.consensus.onResult(path, (body) => ({ data: { ...body.data, ...change } }))
  world.writeMessage(1)
  world.ask(world.requestOf(1))
  const app = await world.start()
  await until('it is served', () => world.beacon.accepted.length > 0)
  expect(app.said('message rejected')).toEqual([])
})

test('a node that was away when the chain was asked about is asked when it is back', async () => {
  world = await createWorld({ beaconNodes: [{}, {}] })
  const [liar, honest] = world.beaconNodes
  liar?.onResult(/\/genesis$/, (body) => ({
    data: { ...body.data, genesis_validators_root: `0x${'9'.repeat(64)}` },
  }))
  const away = honest?.faults.add({ kind: 'reset' })
  world.writeMessage(1)
  world.ask(world.requestOf(1))
  let ahead = 0
  const app = await world.start({}, { now: () => Date.now() + ahead })
  await until('the message is refused', () => app.said('wrong-signature').length > 0)
  expect(world.beacon.accepted).toEqual([])

  away?.remove()
  await cycles(app, 2)
  ahead = 61_000
  await until('it is served', () => world.beacon.accepted.length > 0)
})
