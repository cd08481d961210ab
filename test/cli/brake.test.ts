import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { until } from '../support/until.ts'
import { createWorld, type World } from '../support/world.ts'
import { check, envOf, marked, runHere } from './command.ts'
import { paragraph } from './explain-support.ts'

let world: World
afterEach(() => world.close())

/** Requested so many hours ago; one has left of those that may within the hour. */
async function setUp(...hoursAgo: readonly number[]) {
  world = await createWorld({ beacon: { epoch: 10_000 } })
  hoursAgo.forEach((hours, index) => {
    world.writeMessage(index)
    world.chain.submitReport({
      requests: [world.requestOf(index)],
      timestamp: Math.floor(Date.now() / 1_000) - Math.round(hours * 3_600),
    })
  })
  world.chain.finalize()
  const env = { MAX_EXITS_PER_HOUR: '1', STATE_FILE: join(world.home, 'state.sqlite') }
  const app = await world.start(env)
  await until('one has left', () => world.beacon.accepted.length > 0)
  await app.end()
  return env
}

const TIME = '20\\d\\d-\\d\\d-\\d\\d[T ]\\d\\d:\\d\\d:\\d\\d'

test('what the brake holds back is told with its time by explain and check', async () => {
  const env = await setUp(40, 30)

  const explained = await runHere(['explain', '1'], envOf(world, env))
  expect(paragraph(explained, 'Next')[0]).toMatch(
    new RegExp(
      `^MAX_EXITS_PER_HOUR is reached. Unless more urgent ones wait too, the exit is submitted from ${TIME} UTC.$`,
    ),
  )

  const checked = await check(world, env)
  expect(checked.stdout).toMatch(new RegExp(`pending  1 .*  not before ${TIME}Z`))
  expect(marked(checked, '✗').filter((line) => line.includes('rate limit'))).toEqual([])
})

test('check fails for what the brake holds back beyond its deadline', async () => {
  const env = await setUp(95.5, 95.4)

  const checked = await check(world, env)

  expect(marked(checked, '✗')).toContain(
    '✗ rate limit: MAX_EXITS_PER_HOUR holds back beyond the deadline: 1\n  → set a larger MAX_EXITS_PER_HOUR, or none',
  )
  expect(checked.code).toBe(1)
})
