import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { until } from '../support/until.ts'
import { createWorld, cycles, type World } from '../support/world.ts'

let world: World
afterEach(() => world.close())

const sentTo = ({ consensus }: World) =>
  (consensus.postedExits() as { message: { validator_index: string } }[]).map(
    ({ message }) => message.validator_index,
  )

test('nothing is submitted while HOLD_FILE exists, and that is said aloud', async () => {
  world = await createWorld()
  const file = join(world.home, 'hold')
  writeFileSync(file, '')
  world.writeMessage(1)
  world.ask(world.requestOf(1), world.requestOf(2))

  const app = await world.start({ HOLD_FILE: file })
  await until('it is held', () => app.said('HOLD_FILE exists: 1 held').length >= 3)
  await cycles(app)
  expect(app.said('HOLD_FILE exists: 1 held')[0]?.details).toEqual({ mostUrgent: '4 d 0 h' })
  expect(await app.metric('exit_requests_held')).toBe(1)
  expect(await app.metric('submissions_on_hold')).toBe(1)
  expect(world.consensus.postedExits()).toEqual([])

  rmSync(file)
  await until('it is sent', () => world.beacon.accepted.length > 0)
  expect(await app.metric('exit_requests_held')).toBe(0)
  expect(await app.metric('submissions_on_hold')).toBe(0)
})

test('a stop that holds nothing back shows as a stop, and holds nothing', async () => {
  world = await createWorld()
  const file = join(world.home, 'hold')
  writeFileSync(file, '')
  world.writeMessage(1)
  const app = await world.start({ HOLD_FILE: file })
  await until('it is on hold', async () => (await app.metric('submissions_on_hold')) === 1)
  expect(await app.metric('exit_requests_held')).toBe(0)

  world.ask(world.requestOf(1))
  await until('one is held', async () => (await app.metric('exit_requests_held')) === 1)
  // Somebody else exits it meanwhile.
  world.beacon.setValidator(1, { exitEpoch: 1_010, withdrawableEpoch: 1_266 })
  await until('none is held', async () => (await app.metric('exit_requests_held')) === 0)
  expect(await app.metric('submissions_on_hold')).toBe(1)
})

test('a stop that comes while exits are handed out holds back the rest', async () => {
  world = await createWorld({ beacon: { validators: 60 } })
  const file = join(world.home, 'hold')
  const validators = Array.from({ length: 50 }, (_, at) => at)
  for (const validator of validators) world.writeMessage(validator)
  let goOn = () => {}
  const until32 = new Promise<void>((resolve) => {
    goOn = resolve
  })
  const pool = '/eth/v1/beacon/pool/voluntary_exits'
  world.consensus.faults.add({ kind: 'hold', until: until32, match: { path: pool } })

  const app = await world.start({ HOLD_FILE: file })
  await until('all messages are there', () => app.said('messages loaded').length > 0)
  world.ask(...validators.map((validator) => world.requestOf(validator)))
  await until('as many as may be are under way', () => world.consensus.postedExits().length === 32)
  writeFileSync(file, '')
  goOn()
  await until('the rest is held', () => app.said('HOLD_FILE exists').length > 0)
  expect(world.consensus.postedExits()).toHaveLength(32)

  rmSync(file)
  await until('the rest is sent', () => new Set(sentTo(world)).size === 50)
})
