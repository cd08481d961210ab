import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { exitRequestLog } from '../sim/abi.ts'
import { seededWallet } from '../sim/ledger.ts'
import { until } from '../support/until.ts'
import { createWorld, cycles, type World } from '../support/world.ts'

let world: World
afterEach(() => world.close())

/** An event that no proof would bear: its transaction carries no call of the protocol. */
function askWithoutProof(validatorIndex: number): void {
  const { chain, requestOf } = world
  const logs = [exitRequestLog(chain.exitBus, requestOf(validatorIndex), 0)]
  chain.addTransaction({ signer: seededWallet('anybody'), to: chain.exitBus, logs })
  chain.finalize()
}

const served = () =>
  new Set(
    (world.consensus.postedExits() as { message: { validator_index: string } }[]).map(
      ({ message }) => message.validator_index,
    ),
  )

test('in trust mode a request that comes after the first cycle is carried out too', async () => {
  world = await createWorld()
  for (const validator of [1, 2, 3]) world.writeMessage(validator)
  const trusting = { TRUST_MODE: 'true', STATE_FILE: join(world.home, 'state.sqlite') }
  askWithoutProof(1)
  const first = await world.start(trusting)
  await until('the one from before the start is served', () => served().has('1'))

  await cycles(first, 2)
  askWithoutProof(2)
  await until('the one that came meanwhile is served', () => served().has('2'))
  expect(first.said('exit requested')).toHaveLength(2)
  await first.end()

  const second = await world.start(trusting)
  await cycles(second, 2)
  askWithoutProof(3)
  await until('the one that came after a restart is served', () => served().has('3'))
  expect(second.said('exit requested')).toHaveLength(1)
})
