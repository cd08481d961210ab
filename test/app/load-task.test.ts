import { expect, test } from 'vitest'
import { createLoadTask, type LoadTaskParts } from '../../src/jobs/load-task.ts'
import type { ValidatorIndex } from '../../src/lib/primitives.ts'
import type { MessageLoader } from '../../src/messages/loader.ts'
import type { LoadedExit, MessageSnapshot, RefusedMessage } from '../../src/messages/snapshot.ts'
import { until } from '../support/until.ts'

const never = new AbortController().signal
const index = 7 as ValidatorIndex
const wanted = [index]
const held = { file: '7.json', used: false } as LoadedExit
const snapshotOf = (
  exits: ReadonlyMap<ValidatorIndex, LoadedExit>,
  more: Partial<MessageSnapshot> = {},
): MessageSnapshot => ({
  exits,
  refused: [],
  superseded: [],
  files: exits.size,
  pending: 0,
  isPasswordUseless: false,
  passedOver: [],
  readAt: 0,
  ...more,
})
const withHeld = new Map([[index, held]])

/** A loader whose passes end when the test says so. */
function setUp(more: Partial<LoadTaskParts> = {}) {
  const loads: { end(snapshot: MessageSnapshot): void; fail(error: Error): void }[] = []
  let current: MessageSnapshot | undefined
  const loader: MessageLoader = {
    load: () =>
      new Promise((resolve, reject) => {
        loads.push({
          end(snapshot) {
            current = snapshot
            resolve(snapshot)
          },
          fail: reject,
        })
      }),
    current: () => current,
  }
  const shown: object[] = []
  const said: string[] = []
  const lines: { level: string; message: string; details: unknown }[] = []
  const say = (level: string) => (message: string, details?: object) => {
    lines.push({ level, message, details })
    said.push(details === undefined ? message : `${message} ${JSON.stringify(details)}`)
  }
  let wakes = 0
  const task = createLoadTask({
    loader,
    log: { error: say('error'), warn: say('warn'), info: say('info'), debug: say('debug') },
    metrics: {
      setMessages() {},
      setMessagesLeft() {},
      setLoadProgress: (load) => shown.push(load),
      timeMessageReload: () => () => {},
    },
    intervalMs: 1_000,
    lifetime: never,
    wake: () => {
      wakes += 1
    },
    patienceMs: 1,
    ...more,
  })
  return { task, loads, said, lines, shown, wakes: () => wakes }
}

test('a cycle goes on without a load that takes long, and the loop is woken at its end', async () => {
  const { task, loads, wakes } = setUp()
  const messages = await task.read(wanted, never)
  expect(messages.loaded).toBe(false)
  expect(messages.find(index)).toBeUndefined()

  loads[0]?.end(snapshotOf(new Map([[index, held]])))
  await until('the loop is woken', () => wakes() === 1)
  expect((await task.read(wanted, never)).find(index)).toBe(held)
})

test('what a pass has verified is found while the next one runs, and stays with a cycle', async () => {
  const { task, loads, wakes } = setUp()
  task.begin()
  loads[0]?.end(snapshotOf(withHeld, { files: 9, pending: 8 }))
  await until('the next pass begins', () => loads.length === 2)
  const messages = await task.read(wanted, never)
  expect(messages).toMatchObject({ loaded: false, problem: undefined })
  expect(messages.find(index)).toBe(held)
  expect(messages.whyMissing(8 as ValidatorIndex)).toBe('8 files are still to be read')

  loads[1]?.end(snapshotOf(new Map(), { files: 9 }))
  await until('the load is over', () => task.isLoaded())
  expect(messages.find(index)).toBe(held)
  expect(wakes()).toBe(0)
})

test('a load that ends in time wakes nobody', async () => {
  const { task, loads, wakes } = setUp()
  const reading = task.read(wanted, never)
  loads[0]?.end(snapshotOf(new Map()))
  expect((await reading).loaded).toBe(true)
  expect(wakes()).toBe(0)
})

test('a first load that nobody waits for wakes nobody at its end, and tells of it', async () => {
  let loaded = 0
  const { task, loads, wakes } = setUp({ onLoaded: () => loaded++ })
  task.begin()
  await task.read([], never)
  loads[0]?.end(snapshotOf(new Map([[index, held]])))
  await until('it is told', () => loaded === 1)
  await until('the load is over', () => task.isLoaded())
  await task.read([], never)
  expect(wakes()).toBe(0)
})

test('a first load that fails late wakes the loop, so that it is said and tried again', async () => {
  const { task, loads, wakes } = setUp()
  await task.read([], never)
  loads[0]?.fail(new Error('folder is gone'))
  await until('the loop is woken', () => wakes() === 1)
})

test('a load that began before the first cycle is the one that the cycle waits for', async () => {
  const { task, loads } = setUp()
  task.begin()
  await task.read(wanted, never)
  expect(loads).toHaveLength(1)
})

test('two cycles share one load', async () => {
  const { task, loads } = setUp()
  await task.read([], never)
  await task.read([], never)
  expect(loads).toHaveLength(1)
})

test('a failed load keeps what was loaded before, and says why', async () => {
  const { task, loads } = setUp()
  const first = task.read(wanted, never)
  loads[0]?.end(snapshotOf(new Map([[index, held]])))
  await first
  const second = task.read(wanted, never)
  loads[1]?.fail(new Error('folder is gone'))
  const messages = await second
  expect(messages.problem).toBe('folder is gone')
  expect(messages.find(index)).toBe(held)
})

test('a pass that does not end is a problem of each cycle, until it does', async () => {
  let time = 0
  const { task, loads } = setUp({ clock: () => time })
  expect((await task.read(wanted, never)).problem).toBeUndefined()
  time += 5 * 60_000
  const problem = async () => (await task.read(wanted, never)).problem
  expect(await problem()).toMatch(/^no progress for 5 minutes: .*MESSAGES_LOCATION/)
  loads[0]?.end(snapshotOf(new Map(), { pending: 1 }))
  await until('the next pass begins', () => loads.length === 2)
  expect(await problem()).toBeUndefined()
})

test('log and metrics show after each pass how far a load is, and that it is over', async () => {
  let time = 0
  const { task, loads, said, shown } = setUp({ clock: () => time })
  task.begin()
  time += 10_000
  loads[0]?.end(snapshotOf(withHeld, { files: 12, pending: 8 }))
  await until('the next pass begins', () => loads.length === 2)
  time += 10_000
  loads[1]?.end(snapshotOf(withHeld, { files: 12 }))
  await until('the load is over', () => task.isLoaded())
  expect(shown).toEqual([
    { files: 12, done: 4, valid: 1, refused: 0, secondsLeft: 20 },
    { files: 12, done: 12, valid: 1, refused: 0, secondsLeft: 0 },
  ])
  expect(said).toEqual([
    'messages are being loaded {"read":4,"of":12,"valid":1,"rejected":0,"secondsRemaining":20}',
    'messages loaded {"files":12,"valid":1,"remaining":1,"used":0,"rejected":0}',
  ])
})

/** Ends one load after the other, and gives what is said of each. */
async function linesOf(...snapshots: readonly MessageSnapshot[]) {
  const { task, loads, lines } = setUp()
  const said: (typeof lines)[] = []
  for (const [i, snapshot] of snapshots.entries()) {
    const reading = task.read([], never)
    await until('the load begins', () => loads.length === i + 1)
    loads[i]?.end(snapshot)
    await until('the load is over', async () => {
      await reading
      return task.isLoaded()
    })
    said.push(lines.splice(0))
  }
  return said
}
const refusal = (more: Partial<RefusedMessage>): RefusedMessage => ({
  code: 'not-json',
  detail: 'empty',
  file: 'a.json',
  entry: undefined,
  validatorIndex: undefined,
  ...more,
})

test('a rejection is told once, with what to do, and with file, entry and reason as details', async () => {
  const refused = [
    refusal({ code: 'keystore', detail: '', file: 'key.json' }),
    refusal({ code: 'password-missing', detail: '', file: 'x.json' }),
    refusal({ code: 'wrong-signature', detail: 'not signed', entry: 2, validatorIndex: index }),
  ]
  const [first, second] = await linesOf(
    snapshotOf(withHeld, { refused }),
    snapshotOf(withHeld, { refused: refused.map((one) => ({ ...one })) }),
  )
  expect(first?.filter(({ level }) => level !== 'info')).toEqual([
    {
      level: 'error',
      message: expect.stringMatching(
        /^message rejected: key\.json: KEY MATERIAL: .*\. Remove it at once/,
      ),
      details: { file: 'key.json', reason: 'keystore' },
    },
    {
      level: 'warn',
      message:
        'message rejected: x.json: encrypted, and no password is set. Set MESSAGES_PASSWORD or MESSAGES_PASSWORD_FILE.',
      details: { file: 'x.json', reason: 'password-missing' },
    },
    {
      level: 'warn',
      message:
        'message rejected: a.json, entry 2: signature does not match (not signed). Sign again.',
      details: { file: 'a.json', entry: 2, reason: 'wrong-signature', validator: 7 },
    },
  ])
  expect(second).toEqual([])
})

test('what is passed over is named once', async () => {
  const passedOver = ['a.json.txt', 'old/ (3)']
  const snapshot = snapshotOf(withHeld, { passedOver })
  const [first, second, third] = await linesOf(snapshot, snapshot, snapshotOf(withHeld))
  expect(first?.filter(({ level }) => level === 'warn')).toMatchObject([
    { message: expect.stringMatching(/2 not read.*: a\.json\.txt, old\/ \(3\)\. If they/) },
  ])
  expect([...(second ?? []), ...(third ?? [])]).toEqual([])
})

test('a password that opens nothing is told with a hint at quotes, once', async () => {
  const snapshot = snapshotOf(withHeld, { isPasswordUseless: true })
  const [first, second] = await linesOf(snapshot, snapshot)
  expect(first?.filter(({ level }) => level === 'warn')).toMatchObject([
    { message: expect.stringMatching(/opens no encrypted file.*MESSAGES_PASSWORD.*# .*quotes/) },
  ])
  expect(second).toEqual([])
})
