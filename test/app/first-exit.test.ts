import { afterEach, expect, test } from 'vitest'
import { until } from '../support/until.ts'
import { createWorld, cycles, type World, type WorldOptions } from '../support/world.ts'

let world: World
const setUp = async (options?: WorldOptions) => {
  world = await createWorld(options)
  return world
}
afterEach(() => world.close())

test('a validator that was asked for leaves, and only that one', async () => {
  const { beacon, ask, requestOf, writeMessage, start } = await setUp()
  for (const index of [1, 2, 3]) writeMessage(index)
  ask(requestOf(2), requestOf(3, { operatorId: 6 }))

  const app = await world.start()
  await until('the exit is accepted', () => beacon.accepted.length > 0)
  beacon.advance()
  beacon.finalize()
  await until('it is seen', () => app.said('finalized state').length > 0)
  await cycles(app)

  expect(beacon.exitedIndices()).toEqual([2])
  expect(await app.metric('exit_actions', { result: 'success' })).toBe(1)
  expect(await app.metric('exit_actions', { result: 'error' })).toBe(0)
  expect(await app.metric('event_security_verification', { result: 'success' })).toBe(1)
  expect(app.lines.filter(({ level }) => level === 'error')).toEqual([])
  void start
})
