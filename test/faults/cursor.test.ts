import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { until } from '../support/until.ts'
import { createWorld, cycles, type World } from '../support/world.ts'

let world: World
afterEach(() => world.close())

const PRELOAD = 100
const env = () => ({
  BLOCKS_PRELOAD: String(PRELOAD),
  STATE_FILE: join(world.home, 'journal.sqlite'),
  JOB_INTERVAL: '20',
})

test('what one node left out while the other was down is found after an outage longer than the look-back', async () => {
  world = await createWorld({ executionNodes: [{}, {}] })
  const [hider, honest] = world.executionNodes
  world.writeMessage(1)
  const first = await world.start(env())
  await until('messages are loaded', () => first.said('messages loaded').length > 0)
  await cycles(first)

  await honest?.refuse()
  hider?.onResult('eth_getLogs', () => [])
  world.ask(world.requestOf(1))
  world.chain.mine(10)
  world.chain.finalize()
  await cycles(first, 3)
  await first.end()

  await honest?.revive()
  world.chain.mine(3 * PRELOAD)
  world.chain.finalize()
  await world.start(env())
  await until('the exit is sent', () => world.beacon.accepted.length > 0)
  expect(world.beacon.accepted.map(({ index }) => index)).toEqual([1])
})

test('so it is when the other one had been down since the daemon began', async () => {
  world = await createWorld({ executionNodes: [{}, {}] })
  const [hider, honest] = world.executionNodes
  world.writeMessage(1)
  await honest?.refuse()
  hider?.onResult('eth_getLogs', () => [])
  const first = await world.start(env())
  await until('messages are loaded', () => first.said('messages loaded').length > 0)
  world.ask(world.requestOf(1))
  world.chain.mine(10)
  world.chain.finalize()
  await cycles(first, 3)
  await first.end()

  await honest?.revive()
  world.chain.mine(3 * PRELOAD)
  world.chain.finalize()
  await world.start(env())
  await until('the exit is sent', () => world.beacon.accepted.length > 0)
})
