import { afterEach, test } from 'vitest'
import { seededAddress } from '../sim/contracts.ts'
import { until } from '../support/until.ts'
import { createWorld, cycles, type World } from '../support/world.ts'

let world: World
afterEach(() => world.close())

test('what the former exit bus asked for between the last reading and the change is served', async () => {
  world = await createWorld()
  const { chain } = world
  for (const index of [1, 2, 3]) world.writeMessage(index)
  world.ask(world.requestOf(1))
  const app = await world.start()
  const isSent = (index: number) => world.beacon.accepted.some((exit) => exit.index === index)
  await until('the first is sent', () => isSent(1))
  await cycles(app)

  // No cycle reads in between: all of this happens at once.
  chain.submitReport({ requests: [world.requestOf(2)] })
  chain.exitBus = seededAddress('the next exit bus')
  world.ask(world.requestOf(3))
  await until('both are sent', () => isSent(2) && isSent(3))
})
