import { getEventListeners } from 'node:events'
import { expect, test } from 'vitest'
import { onAbort } from '../../src/lib/on-abort.ts'
import type { Pubkey, ValidatorIndex } from '../../src/lib/primitives.ts'
import { hintsIn } from '../../src/messages/hints.ts'
import type { MessageLoader } from '../../src/messages/loader.ts'
import type { LoadProgress } from '../../src/messages/snapshot.ts'
import {
  folderStore,
  loaderOf,
  never,
  PBKDF2,
  pubkeyOf,
  put,
  registryOf,
  seal,
  sharedPool,
  signedExit,
  temporaryFolder,
} from './fixtures.ts'

const wanted = (index: number) => ({
  index: index as ValidatorIndex,
  pubkey: pubkeyOf(index) as Pubkey,
})

/** Sealed with a salt that tells whose it is. */
async function sealed(index: number, outside: object = {}): Promise<object> {
  const salt = Buffer.alloc(32, index).toString('hex')
  const kdf = { ...PBKDF2, params: { ...PBKDF2.params, salt } } as unknown as typeof PBKDF2
  return { ...JSON.parse(await seal(JSON.stringify(signedExit(index)), 'pw', kdf)), ...outside }
}

/** A pool that derives only what it is told to, and notes whose keys it was asked for. */
function gatedPool() {
  const order: (number | undefined)[] = []
  const gate = withResolvers()
  const pool = {
    ...sharedPool,
    derive: async (...given: Parameters<typeof sharedPool.derive>) => {
      order.push(given[0].salt[0])
      await gate.promise
      return sharedPool.derive(...given)
    },
  }
  return { pool, order, open: () => gate.resolve(undefined) }
}
function withResolvers() {
  let resolve: (value: unknown) => void = () => {}
  const promise = new Promise((fulfil) => {
    resolve = fulfil
  })
  return { promise, resolve }
}

async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 10_000
  while (!condition()) {
    if (Date.now() > deadline) throw new Error('did not happen')
    await new Promise((resolve) => setImmediate(resolve))
  }
}

test('an exit is usable as soon as it is verified, while others are still sealed', async () => {
  const folder = temporaryFolder()
  put(folder, 'a.json', signedExit(1))
  put(folder, 'b.json', await sealed(2))
  const { pool, open } = gatedPool()
  const loader: MessageLoader = loaderOf(folder, { pool, passwords: [Buffer.from('pw')] })
  const load = loader.load(never)
  await until(() => loader.early().size === 1)
  expect(loader.early().get(1 as ValidatorIndex)).toMatchObject({ file: 'a.json', used: false })
  expect(loader.current()).toBeUndefined()
  open()
  const snapshot = await load
  expect([...snapshot.exits.keys()].toSorted()).toEqual([1, 2])
  expect(loader.early().size).toBe(0)
})

test('sealed files that name a wanted validator outside are opened first', async () => {
  const folder = temporaryFolder()
  for (const index of [1, 2, 3, 4])
    put(folder, `a${String(index).repeat(2)}.json`, await sealed(index))
  put(folder, 'z-00005.json', await sealed(5))
  put(folder, 'z-pubkey.json', await sealed(6, { pubkey: pubkeyOf(6).slice(2) }))
  put(folder, 'z-described.json', await sealed(7, { description: 'exit of validator 7' }))
  put(folder, `z-${pubkeyOf(8)}.json`, await sealed(8))
  const { pool, order, open } = gatedPool()
  open()
  const loader = loaderOf(folder, { pool, passwords: [Buffer.from('pw')] })
  const snapshot = await loader.load(never, [5, 6, 7, 8].map(wanted))
  expect(snapshot.exits.size).toBe(8)
  expect(order.slice(0, 4).toSorted()).toEqual([5, 6, 7, 8])
})

test('a request that comes up during a load has its file opened next', async () => {
  const folder = temporaryFolder()
  for (const index of [1, 2, 3, 4, 5, 6, 7, 8, 9]) put(folder, `${index}.json`, await sealed(index))
  const { pool, order, open } = gatedPool()
  const loader = loaderOf(folder, { pool: { ...pool, size: 1 }, passwords: [Buffer.from('pw')] })
  const load = loader.load(never)
  await until(() => order.length === 2)
  const last = [1, 2, 3, 4, 5, 6, 7, 8, 9].findLast((index) => !order.includes(index)) ?? 0
  loader.prefer([wanted(last)])
  open()
  expect((await load).exits.size).toBe(9)
  expect(order[2]).toBe(last)
})

test('files that name a wanted validator are read first', async () => {
  const folder = temporaryFolder()
  for (const index of [1, 2, 3, 4, 5, 6, 7, 8, 9]) put(folder, `${index}.json`, signedExit(index))
  const store = folderStore(folder)
  const read: string[] = []
  const loader = loaderOf(folder, {
    store: {
      ...store,
      read: (file, signal) => {
        read.push(file.name)
        return store.read(file, signal)
      },
    },
  })
  const last = Number.parseInt((await store.list(never)).at(-1)?.name ?? '', 10)
  await loader.load(never, [wanted(last)])
  expect(read).toHaveLength(9)
  expect(read[0]).toBe(`${last}.json`)
})

test('a node that is silent for a while costs a long load nothing but that while', async () => {
  const folder = temporaryFolder()
  put(folder, '1.json', signedExit(1))
  put(folder, 'list.json', [signedExit(3), signedExit(4), signedExit(5, { signer: 6 })])
  put(folder, '2.json', await sealed(2))
  const { pool, order, open } = gatedPool()
  let isSilent = true
  let opinions = 0
  const known = registryOf([1, 2, 3, 4, 5])
  const loader = loaderOf(folder, {
    pool,
    passwords: [Buffer.from('pw')],
    readRegistry: async () => {
      if (isSilent) throw new Error('no consensus node answered')
      return known
    },
    // Fails when the others of the same round are judged already.
    readKeys: async () => {
      opinions += 1
      if (opinions === 1) throw new Error('no consensus node answered')
      return new Map()
    },
  })
  const load = loader.load(never, [wanted(1)])
  await until(() => order.length === 1)
  await new Promise((resolve) => setTimeout(resolve, 300))
  isSilent = false
  await until(() => loader.early().has(1 as ValidatorIndex) && opinions === 1)
  open()
  const snapshot = await load
  expect(opinions).toBe(2)
  expect([...snapshot.exits.keys()].toSorted()).toEqual([1, 2, 3, 4])
  expect(snapshot.refused).toMatchObject([{ file: 'list.json', entry: 2, validatorIndex: 5 }])
  expect(snapshot.superseded).toEqual([])
})

test('progress is told as soon as a wanted exit is verified', async () => {
  const folder = temporaryFolder()
  put(folder, '1.json', signedExit(1))
  put(folder, '2.json', await sealed(2))
  const { pool, open } = gatedPool()
  const seen: LoadProgress[] = []
  const loader = loaderOf(folder, {
    pool,
    passwords: [Buffer.from('pw')],
    now: () => 0,
    onProgress: (progress) => seen.push(progress),
  })
  const load = loader.load(never, [wanted(1)])
  await until(() => seen.length > 0)
  expect(seen).toEqual([{ files: 2, done: 1, valid: 1, refused: 0 }])
  open()
  await load
})

test.each([
  ['123.json', ['123']],
  ['validator_000123-0.json', ['123', '0']],
  [`exit-${pubkeyOf(1)}.json`, ['0', pubkeyOf(1).slice(2)]],
  [pubkeyOf(1).slice(2).toUpperCase(), [pubkeyOf(1).slice(2)]],
  ['nothing', []],
  [undefined, []],
])('hints in %s', (text, hints) => {
  expect(hintsIn([text])).toEqual(hints)
})

test('a long load tells its progress now and then, and at the end', async () => {
  const folder = temporaryFolder()
  for (const index of [1, 2, 3]) put(folder, `${index}.json`, signedExit(index))
  put(folder, 'junk.json', 'junk')
  let clock = 0
  const seen: LoadProgress[] = []
  const loader = loaderOf(folder, {
    now: () => {
      clock += 500
      return clock
    },
    onProgress: (progress) => seen.push(progress),
  })
  await loader.load(never)
  expect(seen.length).toBeGreaterThan(1)
  expect(seen.at(-1)).toEqual({ files: 4, done: 4, valid: 3, refused: 1 })
})

test('thousands of jobs on one signal cost one listener', () => {
  const controller = new AbortController()
  let calls = 0
  const undo = Array.from({ length: 1_000 }, () => onAbort(controller.signal, () => calls++))
  expect(getEventListeners(controller.signal, 'abort')).toHaveLength(1)
  for (const one of undo.slice(500)) one()
  controller.abort()
  expect(calls).toBe(500)
})

test('a signal with nothing left on it keeps no listener, and one that fired calls at once', () => {
  const controller = new AbortController()
  let calls = 0
  onAbort(controller.signal, () => calls++)()
  expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0)
  controller.abort()
  expect(calls).toBe(0)
  onAbort(controller.signal, () => calls++)
  expect(calls).toBe(1)
})
