import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { exitRequestLog } from '../sim/abi.ts'
import { createScene, type Scene } from '../support/liar.ts'
import { until } from '../support/until.ts'
import { createWorld, cycles, type World } from '../support/world.ts'

let close: () => Promise<void>
afterEach(() => close())

async function setUp(): Promise<World> {
  const world = await createWorld()
  close = world.close
  return world
}

describe('at a start, past exits', () => {
  test.each([
    ['with a state file', true],
    ['without one', false],
  ])('are summed up in one line, %s', async (_, hasFile) => {
    const world = await setUp()
    const past = [1, 2, 3]
    world.ask(...past.map((index) => world.requestOf(index)), world.requestOf(4))
    for (const index of past) world.beacon.setValidator(index, { exitEpoch: 990 })
    world.beacon.finalize()
    const env = hasFile ? { STATE_FILE: join(world.home, 'state.sqlite') } : {}
    const summary = 'exit requests: validators of 3 earlier ones have exited already'
    const first = await world.start(env)
    await until('it is told', () => first.said(summary).length > 0)
    await cycles(first)
    await first.end()

    const second = await world.start(env)
    await until('it is told', () => second.said(summary).length > 0)
    await cycles(second)

    for (const { said } of [first, second]) {
      expect(said(summary)).toHaveLength(1)
      expect(said('exit request proven').map(({ details }) => details?.validator)).toEqual([4])
    }
  })
})

describe('a line that asks for something says what to do:', () => {
  test('a request without a message', async () => {
    const world = await setUp()
    world.ask(world.requestOf(1))
    const app = await world.start()
    const [line] = await until('it is told', () => {
      const lines = app.said('no message found')
      return lines.length > 0 && lines
    })

    expect(line?.level).toBe('error')
    expect(line?.details).toMatchObject({
      validator: 1,
      reason: 'no-message',
      remedy: expect.stringContaining('Add one to the messages location'),
    })
  })

  test('an event that a node made up: which node told it, and no other', async () => {
    const scene: Scene = await createScene('beside an honest node')
    close = scene.close
    const { app, chain, request, validator, world, forgeLog, liar } = scene
    const [real, invented] = [validator(), validator()]
    const { dataTransaction } = chain.submitReport({ requests: [request(real)] })
    forgeLog(exitRequestLog(chain.exitBus, request(invented), 1), dataTransaction)
    chain.finalize()
    const [line] = await until('it is told', () => {
      const lines = app.said('record-missing')
      return lines.length > 0 && lines
    })

    expect(world.executionNodes.length).toBeGreaterThan(1)
    expect(line?.details).toMatchObject({
      validator: invented,
      toldBy: [new URL(liar.url).host],
      remedy: expect.any(String),
    })
  })

  test('a STATE_FILE that is a folder, once', async () => {
    const world = await setUp()
    mkdirSync(join(world.home, 'state'))
    const app = await world.start({ STATE_FILE: join(world.home, 'state') })
    await until('cycles end', () => app.said('STATE_FILE').length > 0)
    await cycles(app, 3)

    const lines = app.said('STATE_FILE')
    expect(lines).toHaveLength(1)
    expect(lines[0]?.level).toBe('error')
    expect(lines[0]?.message).toMatch(/state is a folder .*: remove it, or name a file in it/)
  })

  test('a HOLD_FILE in a folder that does not exist, once', async () => {
    const world = await setUp()
    const app = await world.start({ HOLD_FILE: join(world.home, 'nowhere', 'hold') })
    await until('it is told', () => app.said('HOLD_FILE').length > 0)
    await cycles(app, 3)

    const lines = app.said('HOLD_FILE')
    expect(lines).toHaveLength(1)
    expect(lines[0]?.message).toMatch(/its folder does not exist.*Create or mount .*nowhere/)
  })

  test('a clock that is wrong, once', async () => {
    const world = await setUp()
    const app = await world.start({}, { now: () => Date.now() + 300_000 })
    await until('it is told', () => app.said('clock of this machine').length > 0)
    await cycles(app, 3)

    const lines = app.said('clock of this machine')
    expect(lines).toHaveLength(1)
    expect(lines[0]).toMatchObject({
      level: 'warn',
      message: expect.stringMatching(/^clock of this machine: (29\d|30\d) s ahead of the nodes$/),
      details: { remedy: expect.stringContaining('NTP') },
    })
  })
})
