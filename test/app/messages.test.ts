import { renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { create } from '@chainsafe/bls-keystore'
import { afterEach, describe, expect, test } from 'vitest'
import { until } from '../support/until.ts'
import { createWorld, cycles, type RunningApp, type World } from '../support/world.ts'

let world: World
afterEach(() => world.close())

const write = (name: string, content: unknown) =>
  writeFileSync(
    join(world.folder, name),
    typeof content === 'string' ? content : JSON.stringify(content),
  )

type Counts = { valid: number; refused: number; left: number; percent: number }

/** What the metrics say of the messages, once a load has seen the folder as it is. */
const counts = (app: RunningApp, expected: Counts) =>
  until(`the counts ${JSON.stringify(expected)}`, async () => {
    const found = {
      valid: await app.metric('exit_messages', { valid: 'true' }),
      refused: await app.metric('exit_messages', { valid: 'false' }),
      left: await app.metric('exit_messages_left_number'),
      percent: await app.metric('exit_messages_left_percent'),
    }
    return JSON.stringify(found) === JSON.stringify(expected)
  })

describe('the messages folder at run time', () => {
  test('files that come, change, move and go count at the next load', async () => {
    world = await createWorld()
    world.writeMessage(1)
    const app = await world.start()
    await counts(app, { valid: 1, refused: 0, left: 1, percent: 100 })

    write('two.json', [world.beacon.signExit(2), world.beacon.signExit(3)])
    await counts(app, { valid: 3, refused: 0, left: 3, percent: 100 })

    renameSync(join(world.folder, 'two.json'), join(world.folder, 'moved.json'))
    write('1.json', world.beacon.signExit(4))
    await counts(app, { valid: 3, refused: 0, left: 3, percent: 100 })
    world.ask(world.requestOf(1), world.requestOf(4))
    await until('the replaced one is missed', () => app.said('no message found').length > 0)
    await until('the new one is sent', () => world.beacon.accepted.length > 0)
    expect(world.beacon.accepted.map(({ index }) => index)).toEqual([4])

    world.beacon.advance()
    await counts(app, { valid: 3, refused: 0, left: 2, percent: (100 * 2) / 3 })
    rmSync(join(world.folder, 'moved.json'))
    write('broken.json', '{"message":')
    await counts(app, { valid: 1, refused: 1, left: 0, percent: 0 })
    expect(
      await app.metric('job_message_reloader_duration_seconds_count', { result: 'success' }),
    ).toBeGreaterThan(0)
  })

  test('of two messages a valid one wins, of two valid ones that of the earlier epoch', async () => {
    world = await createWorld()
    write('a.json', world.beacon.signExit(1, { epoch: 1 }))
    write('b.json', world.beacon.signExit(1, { epoch: 2 }))
    write('c.json', { ...world.beacon.signExit(1), signature: world.beacon.signExit(2).signature })
    utimesSync(join(world.folder, 'a.json'), 1_000, 1_000)
    utimesSync(join(world.folder, 'b.json'), 2_000, 2_000)
    const app = await world.start()
    await counts(app, { valid: 1, refused: 1, left: 1, percent: 100 })
    world.ask(world.requestOf(1))
    await until('it is sent', () => world.beacon.accepted.length > 0)
    expect(world.beacon.accepted[0]?.exit.message.epoch).toBe('1')
    await until('the file is named', () => app.said('a.json').length > 0)
  })

  test('encrypted messages open with the password of the environment or of a file', async () => {
    world = await createWorld()
    const seal = async (password: string, index: number) =>
      create(
        password,
        Buffer.from(JSON.stringify(world.beacon.signExit(index))),
        Buffer.alloc(48),
        '',
      )
    write('1.json', await seal('pässword', 1))
    write('2.json', await seal('pässword\n', 2))
    write('3.json', await seal('another', 3))
    const file = join(world.home, 'password')
    writeFileSync(file, 'pässword\n')

    const app = await world.start({ MESSAGES_PASSWORD_FILE: file })
    await counts(app, { valid: 2, refused: 1, left: 2, percent: 100 })
    expect(app.said('wrong-password').map(({ message }) => message)).toEqual([
      expect.stringContaining('3.json'),
    ])
    expect(app.said('pässword')).toEqual([])
  })

  test('one index that the node answers with 400 costs its own message, and no other', async () => {
    world = await createWorld()
    for (const index of [1, 2, 3]) world.writeMessage(index)
    const message = { epoch: '1', validator_index: '9007199254740991' }
    write('odd.json', { message, signature: world.beacon.signExit(4).signature })
    world.ask(world.requestOf(1))
    const app = await world.start()
    await counts(app, { valid: 3, refused: 1, left: 3, percent: 100 })
    await until('it is sent', () => world.beacon.accepted.length > 0)
    expect(app.said('message rejected')).toMatchObject([
      {
        message: expect.stringMatching(
          /odd\.json: the node has an error for this validator \(.*400/,
        ),
        details: { file: 'odd.json', reason: 'validator-not-readable', validator: 2 ** 53 - 1 },
      },
    ])
  })

  test('a validator keystore is said loudly, and one bad file stops nothing', async () => {
    world = await createWorld()
    world.writeMessage(1)
    write('keystore.json', {
      ...(await create('password', Buffer.alloc(32, 1), Buffer.alloc(48, 2), 'm/12381/3600/0/0/0')),
    })
    for (const [name, content] of Object.entries({
      'null.json': 'null',
      'number.json': '123',
      'text.json': '"text"',
      'list.json': '[]',
      'empty.json': '',
      'proto.json': '{"__proto__":{"message":1}}',
    })) {
      write(name, content)
    }
    world.ask(world.requestOf(1))

    const app = await world.start()
    await until('it is sent', () => world.beacon.accepted.length > 0)
    await cycles(app)
    const loud = app.lines.filter(({ level }) => level === 'error')
    expect(loud.map(({ message }) => message)).toEqual([
      expect.stringMatching(/keystore\.json: KEY MATERIAL: /),
    ])
    expect(await app.metric('exit_messages', { valid: 'false' })).toBe(7)
    expect(app.said('message rejected')).toHaveLength(7)
  })
})

describe('of two valid messages that of the earlier epoch is submitted, whatever says how late it is:', () => {
  const MONTH_MS = 30 * 24 * 60 * 60 * 1_000
  const syncing = (head_slot: string) => ({
    data: {
      head_slot,
      sync_distance: '0',
      is_syncing: false,
      is_optimistic: false,
      el_offline: false,
    },
  })
  const asAhead = (slot: string) => async () => {
    world = await createWorld({ beaconNodes: [{}, {}] })
    const body = syncing(slot)
    world.beaconNodes[1]?.faults.add({
      kind: 'wrong-schema',
      body,
      match: { path: /node\/syncing$/ },
    })
    return {}
  }
  /** Epochs that the chain has not reached: ten days, and all that there are. */
  const LATER = [1_000 + 10 * 225, 2n ** 64n - 1n]

  test.each<[string, () => Promise<{ now?: () => number }>]>([
    ['a node with an absurd head slot', asAhead(`${2n ** 62n}`)],
    ['a node with the highest slot of all', asAhead(`${2n ** 64n - 1n}`)],
    [
      'a clock that is 30 days ahead',
      async () => {
        world = await createWorld()
        return { now: () => Date.now() + MONTH_MS }
      },
    ],
  ])('%s', async (_name, prepare) => {
    const seams = await prepare()
    // The first is beside the later one at once; that of the second comes when its own was rejected.
    for (const [at, epoch] of LATER.entries())
      write(`later-${at}.json`, world.beacon.signExit(at, { epoch }))
    write('0.json', world.beacon.signExit(0, { epoch: 1 }))
    utimesSync(join(world.folder, '0.json'), 1_000, 1_000)
    world.ask(world.requestOf(0), world.requestOf(1))
    const app = await world.start({}, seams)

    const acceptedOf = (index: number) => world.beacon.accepted.filter((one) => one.index === index)
    await until('the earlier one is submitted', () => acceptedOf(0).length > 0)
    await cycles(app)
    expect(acceptedOf(1)).toEqual([])
    write('1.json', world.beacon.signExit(1, { epoch: 1 }))
    utimesSync(join(world.folder, '1.json'), 1_000, 1_000)
    await until('so is the one that came later', () => acceptedOf(1).length > 0)
    expect(world.beacon.accepted.map(({ exit }) => exit.message.epoch)).toEqual(['1', '1'])
  })
})
