import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { until } from '../support/until.ts'
import { createWorld, cycles, OURS, type World } from '../support/world.ts'

let world: World
afterEach(() => world.close())

test('what a journal remembers from a wider scope is not carried out in a narrower one', async () => {
  world = await createWorld()
  const journal = { STATE_FILE: join(world.home, 'state.sqlite') }
  const former = OURS.operatorId + 1
  world.writeMessage(1)
  world.writeMessage(2)
  world.ask({ ...world.requestOf(1), operatorId: former })
  const wide = `{"${OURS.moduleId}":[${OURS.operatorId},${former}]}`
  const first = await world.start({ ...journal, EJECTOR_SCOPE: wide, DRY_RUN: 'true' })
  await until('it was seen and proven', () => first.said('dry run: would send').length === 1)
  await first.end()

  world.ask(world.requestOf(2))
  const second = await world.start(journal)
  await until('the one of ours left', () => world.consensus.postedExits().length > 0)
  await cycles(second, 2)
  const left = world.consensus.postedExits() as { message: { validator_index: string } }[]
  expect(new Set(left.map(({ message }) => message.validator_index))).toEqual(new Set(['2']))
})
