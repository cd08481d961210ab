import { expect, test } from 'vitest'
import { createLoadTask, type LoadTaskParts } from '../../src/jobs/load-task.ts'
import type { Pubkey, ValidatorIndex } from '../../src/lib/primitives.ts'
import type { Wanted } from '../../src/messages/hints.ts'
import type { MessageLoader } from '../../src/messages/loader.ts'
import type { LoadedExit, MessageSnapshot } from '../../src/messages/snapshot.ts'
import { until } from '../support/until.ts'

const never = new AbortController().signal
const index = 7 as ValidatorIndex
const wanted = [{ index, pubkey: '0x' as Pubkey }]
const held = { file: '7.json', used: false } as LoadedExit
const snapshotOf = (exits: ReadonlyMap<ValidatorIndex, LoadedExit>): MessageSnapshot => ({
  exits,
  refused: [],
  superseded: [],
  files: exits.size,
  emptied: false,
  readAt: 0,
})

/** A loader whose loads end when the test says so. */
function setUp(more: Partial<LoadTaskParts> = {}) {
  const loads: { end(snapshot: MessageSnapshot): void; fail(error: Error): void }[] = []
  const early = { now: new Map<ValidatorIndex, LoadedExit>() }
  let current: MessageSnapshot | undefined
  const loader: MessageLoader = {
    load: () =>
      new Promise((resolve, reject) => {
        loads.push({
          end(snapshot) {
            current = snapshot
            early.now = new Map()
            resolve(snapshot)
          },
          fail: reject,
        })
      }),
    current: () => current,
    early: () => early.now,
    prefer: (now) => {
      preferred.push(now)
    },
  }
  const preferred: (readonly Wanted[])[] = []
  const shown: object[] = []
  const said: string[] = []
  const say = (message: string, details?: object) =>
    said.push(details === undefined ? message : `${message} ${JSON.stringify(details)}`)
  let wakes = 0
  const task = createLoadTask({
    loader,
    log: { error: say, warn: say, info: say, debug: say },
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
  return { task, loads, early, said, shown, preferred, wakes: () => wakes }
}
const progress = { files: 9, done: 1, valid: 1, refused: 0 }

test('a cycle goes on without a load that takes long, and the loop is woken at its end', async () => {
  const { task, loads, wakes } = setUp()
  const messages = await task.read(wanted, never)
  expect(messages.loaded).toBe(false)
  expect(messages.find(index)).toBeUndefined()

  loads[0]?.end(snapshotOf(new Map([[index, held]])))
  await until('the loop is woken', () => wakes() === 1)
  expect((await task.read(wanted, never)).find(index)).toBe(held)
})

test('a message that a request waits for wakes the loop as soon as it is verified', async () => {
  const { task, early, wakes } = setUp()
  const messages = await task.read(wanted, never)
  task.onProgress(progress)
  expect(wakes()).toBe(0)
  early.now.set(index, held)
  task.onProgress(progress)
  task.onProgress(progress)
  expect(wakes()).toBe(1)
  expect(messages.find(index)).toBe(held)
})

test('what a cycle was given stays with it when the load ends before the cycle does', async () => {
  const { task, early, loads, wakes } = setUp()
  early.now.set(index, held)
  const messages = await task.read(wanted, never)
  expect(messages.find(index)).toBe(held)
  loads[0]?.end(snapshotOf(new Map([[index, held]])))
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
  const { task, loads, preferred } = setUp()
  task.begin()
  await task.read(wanted, never)
  expect(loads).toHaveLength(1)
  expect(preferred).toEqual([wanted])
})

test('a load under way hears of requests that come up meanwhile', async () => {
  const { task, preferred } = setUp()
  await task.read([], never)
  await task.read(wanted, never)
  expect(preferred).toEqual([wanted])
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

test('a load that does not get on is a problem of each cycle, until it does', async () => {
  const { task, loads } = setUp({ stalledAfterMs: 50 })
  expect((await task.read(wanted, never)).problem).toBeUndefined()
  const problem = async () => (await task.read(wanted, never)).problem
  await until('it is said', async () => /no progress for .* minutes/.test(`${await problem()}`))
  expect(await problem()).toContain('MESSAGES_LOCATION')
  task.onProgress(progress)
  expect(await problem()).toBeUndefined()
  loads[0]?.end(snapshotOf(new Map()))
  expect(loads).toHaveLength(1)
})

test('the metrics show how far a load is, and that it is over', async () => {
  const { task, shown } = setUp()
  await task.read([], never)
  task.onProgress({ ...progress, done: 0 })
  task.onProgress(progress)
  task.onProgress({ files: 9, done: 9, valid: 8, refused: 1 })
  expect(shown).toEqual([
    { ...progress, done: 0, secondsLeft: undefined },
    { ...progress, secondsLeft: expect.any(Number) },
    { files: 9, done: 9, valid: 8, refused: 1, secondsLeft: 0 },
  ])
})

test('a long load says every few seconds how far it is, and a short one says nothing', async () => {
  let time = 0
  const { task, said } = setUp({ clock: () => time })
  await task.read([], never)
  for (let done = 1; done <= 120; done += 1) {
    time += 100
    task.onProgress({ files: 120, done, valid: done - 1, refused: 1 })
  }
  expect(said).toEqual([
    'loading messages {"done":50,"of":120,"good":49,"refused":1,"secondsLeft":7}',
    'loading messages {"done":100,"of":120,"good":99,"refused":1,"secondsLeft":2}',
  ])
})
