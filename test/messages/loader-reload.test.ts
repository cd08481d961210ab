import { mkdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { CryptoWorkError } from '../../src/lib/crypto-pool.ts'
import type { Epoch, ValidatorIndex } from '../../src/lib/primitives.ts'
import type { MessageSnapshot } from '../../src/messages/snapshot.ts'
import { StoreError } from '../../src/messages/store.ts'
import { until } from '../support/until.ts'
import {
  CHAIN,
  folderStore,
  loaderOf,
  never,
  PBKDF2,
  put,
  registryOf,
  seal,
  sharedPool,
  signedExit,
  temporaryFolder,
} from './fixtures.ts'

const filesOf = ({ exits }: MessageSnapshot) =>
  Object.fromEntries([...exits].map(([index, { file }]) => [index, file]))
const epochOf = ({ exits }: MessageSnapshot, index: number) =>
  exits.get(index as ValidatorIndex)?.exit.epoch

/** As if ten seconds had passed since the files were written. */
const later = () => Date.now() + 10_000

test('added, changed, renamed and removed files count at the next load', async () => {
  const folder = temporaryFolder()
  const loader = loaderOf(folder)
  put(folder, 'a.json', signedExit(1))
  expect(filesOf(await loader.load(never))).toEqual({ 1: 'a.json' })

  put(folder, 'b.json', signedExit(2))
  const before = await loader.load(never)
  expect(filesOf(before)).toEqual({ 1: 'a.json', 2: 'b.json' })

  put(folder, 'a.json', signedExit(3))
  renameSync(join(folder, 'b.json'), join(folder, 'c.json'))
  expect(filesOf(await loader.load(never))).toEqual({ 2: 'c.json', 3: 'a.json' })

  rmSync(join(folder, 'a.json'))
  expect(filesOf(await loader.load(never))).toEqual({ 2: 'c.json' })
  expect(filesOf(before)).toEqual({ 1: 'a.json', 2: 'b.json' })
  expect(loader.current()).not.toBe(before)
})

test('content that changed within one tick of the clock is seen', async () => {
  const folder = temporaryFolder()
  const loader = loaderOf(folder)
  const [one, two] = [signedExit(1), signedExit(2)]
  const sameLength = JSON.stringify(one).length === JSON.stringify(two).length
  expect(sameLength).toBe(true)
  put(folder, 'a.json', one, 1_000)
  expect(filesOf(await loader.load(never))).toEqual({ 1: 'a.json' })
  put(folder, 'a.json', two, 1_000)
  expect(filesOf(await loader.load(never))).toEqual({ 2: 'a.json' })
})

test('of two messages a valid one wins, of two valid ones the newer file', async () => {
  const folder = temporaryFolder()
  put(folder, 'invalid.json', signedExit(1, { epoch: 9, signer: 2 }), 3_000)
  put(folder, 'newer.json', signedExit(1, { epoch: 3 }), 2_000)
  put(folder, 'older.json', signedExit(1, { epoch: 5 }), 1_000)
  const loader = loaderOf(folder, { reachedEpoch: () => 100n as Epoch })
  const first = await loader.load(never)
  expect(epochOf(first, 1)).toBe(3n)
  expect(first.refused).toMatchObject([{ file: 'invalid.json', code: 'wrong-signature' }])
  expect(first.superseded).toEqual([
    { validatorIndex: 1, file: 'older.json', entry: 0, by: 'newer.json' },
  ])

  put(folder, 'older.json', signedExit(1, { epoch: 5 }), 4_000)
  expect(epochOf(await loader.load(never), 1)).toBe(5n)
  rmSync(join(folder, 'older.json'))
  expect(epochOf(await loader.load(never), 1)).toBe(3n)
})

test.each([
  [2, 'newer of a later epoch that has come', 'newer.json', { newer: 2, older: 1 }],
  [2, 'newer whose epoch is to come', 'older.json', { newer: 3, older: 1 }],
  [2, 'newer whose epoch comes later than the other', 'older.json', { newer: 9, older: 5 }],
  [2, 'newer whose epoch comes sooner than the other', 'newer.json', { newer: 5, older: 9 }],
  [2, 'newer that can be used, beside one to come', 'newer.json', { newer: 2, older: 9 }],
])('in epoch %i, beside a %s: %s counts', async (reached, _what, file, { newer, older }) => {
  const folder = temporaryFolder()
  put(folder, 'newer.json', signedExit(1, { epoch: newer }), 2_000)
  put(folder, 'older.json', signedExit(1, { epoch: older }), 1_000)
  const loader = loaderOf(folder, { reachedEpoch: () => BigInt(reached) as Epoch })
  expect(filesOf(await loader.load(never))).toEqual({ 1: file })
})

test('a message of a validator that is exiting is valid, and used', async () => {
  const folder = temporaryFolder()
  put(folder, 'a.json', signedExit(1))
  put(folder, 'b.json', signedExit(2))
  const loader = loaderOf(folder, { readRegistry: async () => registryOf([1, 2], [2]) })
  const { exits, refused } = await loader.load(never)
  expect([...exits.values()].map(({ used }) => used)).toEqual([false, true])
  expect(refused).toEqual([])
})

test('an emptied folder is obeyed, and said for as long as it lasts', async () => {
  const folder = temporaryFolder()
  const loader = loaderOf(folder)
  expect(await loader.load(never)).toMatchObject({ files: 0, emptied: false })
  put(folder, 'a.json', signedExit(1))
  expect(await loader.load(never)).toMatchObject({ files: 1, emptied: false })
  rmSync(join(folder, 'a.json'))
  for (let load = 0; load < 2; load++) {
    const snapshot = await loader.load(never)
    expect(snapshot).toMatchObject({ files: 0, emptied: true })
    expect(snapshot.exits.size).toBe(0)
  }
})

describe('during a load that takes long', () => {
  /** Its derivations wait, and are counted. */
  async function setUp() {
    const folder = temporaryFolder()
    put(folder, '1.json', signedExit(1))
    put(folder, '2.json', await seal(JSON.stringify(signedExit(2)), 'pw'))
    const kdf = { ...PBKDF2, params: { ...PBKDF2.params, salt: 'cd'.repeat(32) } }
    put(
      folder,
      '3.json',
      await seal(JSON.stringify(signedExit(3)), 'pw', kdf as unknown as typeof PBKDF2),
    )
    const world = { mayDerive: (_salt: number | undefined) => false, derived: 0, read: 0 }
    const store = folderStore(folder)
    const loader = loaderOf(folder, {
      passwords: [Buffer.from('pw')],
      lookAgainMs: 20,
      store: {
        ...store,
        read(file, signal) {
          world.read += 1
          return store.read(file, signal)
        },
      },
      pool: {
        ...sharedPool,
        async derive(params, password, signal) {
          while (!world.mayDerive(params.salt[0])) {
            await new Promise((resolve) => setTimeout(resolve, 5))
            signal.throwIfAborted()
          }
          world.derived += 1
          return sharedPool.derive(params, password, signal)
        },
      },
    })
    const load = loader.load(never)
    await until('the first is verified', () => loader.early().has(1 as ValidatorIndex))
    return { folder, loader, load, world }
  }

  test('a file that comes is seen, one that goes is not used any more, and nothing is lost', async () => {
    const { folder, loader, load, world } = await setUp()
    world.mayDerive = (salt) => salt === 0xab
    await until('one is opened', () => world.derived === 1)
    put(folder, '4.json', signedExit(4))
    rmSync(join(folder, '1.json'))
    await until('the new one is seen', () => loader.early().has(4 as ValidatorIndex))
    expect(loader.early().has(1 as ValidatorIndex)).toBe(false)
    world.mayDerive = () => true
    expect([...(await load).exits.keys()].toSorted()).toEqual([2, 3, 4])
    expect(world.derived).toBe(2)
  })

  test('a folder that never rests is loaded all the same', async () => {
    const { folder, load, world } = await setUp()
    let turn = 0
    const timer = setInterval(() => {
      turn += 1
      put(folder, 'restless', signedExit(5), turn)
      renameSync(join(folder, 'restless'), join(folder, 'restless.json'))
    }, 5)
    onTestFinished(() => clearInterval(timer))
    await until('several attempts break off', () => world.read > 12)
    world.mayDerive = () => true
    expect((await load).exits.size).toBe(4)
  })

  test('an emptied folder is obeyed', async () => {
    const { folder, load } = await setUp()
    for (const index of [1, 2, 3]) rmSync(join(folder, `${index}.json`))
    expect(await load).toMatchObject({ files: 0, exits: new Map() })
  })

  test('the same faults as before, or a folder that cannot be read, break nothing off', async () => {
    const { folder, loader, load, world } = await setUp()
    mkdirSync(join(folder, 'x.json'))
    await until('it is told', () => world.read > 3)
    const read = world.read
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(world.read).toBe(read)
    renameSync(folder, `${folder}-away`)
    await new Promise((resolve) => setTimeout(resolve, 100))
    renameSync(`${folder}-away`, folder)
    expect(loader.early().has(1 as ValidatorIndex)).toBe(true)
    world.mayDerive = () => true
    expect((await load).exits.size).toBe(3)
    expect(world.read).toBe(read)
  })
})

test('a folder that cannot be read is not obeyed: the snapshot before stays', async () => {
  const folder = join(temporaryFolder(), 'messages')
  mkdirSync(folder)
  put(folder, 'a.json', signedExit(1))
  const loader = loaderOf(folder)
  const snapshot = await loader.load(never)
  rmSync(folder, { recursive: true })
  await expect(loader.load(never)).rejects.toThrow(StoreError)
  expect(loader.current()).toBe(snapshot)
  mkdirSync(folder)
  put(folder, 'b.json', signedExit(2))
  expect(filesOf(await loader.load(never))).toEqual({ 2: 'b.json' })
})

test('what the nodes fail to answer fails the load, not the snapshot before', async () => {
  const folder = temporaryFolder()
  put(folder, 'a.json', signedExit(1))
  let broken: 'registry' | 'context' | undefined
  const loader = loaderOf(folder, {
    readRegistry: async () => {
      if (broken === 'registry') throw new Error('no node answers')
      return registryOf([1])
    },
    readSigningContext: async () => {
      if (broken === 'context') throw new Error('another chain')
      return CHAIN
    },
  })
  const snapshot = await loader.load(never)
  broken = 'registry'
  await expect(loader.load(never)).rejects.toThrow('no node answers')
  broken = 'context'
  await expect(loader.load(never)).rejects.toThrow('another chain')
  expect(loader.current()).toBe(snapshot)
  broken = undefined
  expect(filesOf(await loader.load(never))).toEqual({ 1: 'a.json' })
})

test('an empty list of validators is never looked up', async () => {
  const folder = temporaryFolder()
  put(folder, 'a.json', 'junk')
  const asked: number[] = []
  const loader = loaderOf(folder, {
    readRegistry: async (indices) => {
      asked.push(indices.length)
      return new Map()
    },
  })
  await loader.load(never)
  expect(asked).toEqual([])
})

test('a file that cannot be read any more stays in use, and is named', async () => {
  const folder = temporaryFolder()
  put(folder, 'a.json', signedExit(1))
  const store = folderStore(folder)
  let readable = true
  const fault = { code: 'unreadable', detail: 'EIO' } as const
  const loader = loaderOf(folder, {
    store: {
      ...store,
      read: async (file, signal) =>
        readable ? store.read(file, signal) : { kind: 'fault', fault },
    },
  })
  await loader.load(never)
  readable = false
  put(folder, 'a.json', signedExit(2))
  put(folder, 'b.json', signedExit(3))
  const snapshot = await loader.load(never)
  expect(filesOf(snapshot)).toEqual({ 1: 'a.json' })
  expect(snapshot.refused).toMatchObject([
    { file: 'a.json', code: 'unreadable', detail: 'EIO' },
    { file: 'b.json', code: 'unreadable', detail: 'EIO' },
  ])
  readable = true
  expect(filesOf(await loader.load(never))).toEqual({ 2: 'a.json', 3: 'b.json' })
})

test('a file that became a folder is not in use any more', async () => {
  const folder = temporaryFolder()
  put(folder, 'a.json', signedExit(1))
  const loader = loaderOf(folder)
  await loader.load(never)
  rmSync(join(folder, 'a.json'))
  mkdirSync(join(folder, 'a.json'))
  const snapshot = await loader.load(never)
  expect(snapshot.exits.size).toBe(0)
  expect(snapshot.refused).toMatchObject([{ file: 'a.json', code: 'not-a-file' }])
})

test('a derivation that breaks off is tried again at the next load', async () => {
  const folder = temporaryFolder()
  put(folder, 'a.json', await seal(JSON.stringify(signedExit(1)), 'pw'))
  put(folder, 'b.json', signedExit(2))
  const pool = sharedPool
  let breaks = true
  const loader = loaderOf(folder, {
    now: later,
    passwords: [Buffer.from('pw')],
    pool: {
      ...pool,
      derive: async (...given) => {
        if (breaks) throw new CryptoWorkError('out of memory')
        return pool.derive(...given)
      },
    },
  })
  const first = await loader.load(never)
  expect(first.refused).toMatchObject([{ file: 'a.json', code: 'decryption-failed' }])
  expect(filesOf(first)).toEqual({ 2: 'b.json' })
  breaks = false
  expect(filesOf(await loader.load(never))).toEqual({ 1: 'a.json', 2: 'b.json' })
})

test('an aborted load rejects, and the next one succeeds', async () => {
  const folder = temporaryFolder()
  put(folder, 'a.json', signedExit(1))
  const loader = loaderOf(folder)
  const controller = new AbortController()
  const load = loader.load(controller.signal)
  controller.abort(new Error('shutting down'))
  await expect(load).rejects.toThrow('shutting down')
  expect(loader.current()).toBeUndefined()
  expect(filesOf(await loader.load(never))).toEqual({ 1: 'a.json' })
})

test('progress ends with everything dealt with', async () => {
  const folder = temporaryFolder()
  put(folder, 'a.json', [signedExit(1), signedExit(2)])
  put(folder, 'b.json', 'junk')
  const seen: unknown[] = []
  await loaderOf(folder, { onProgress: (progress) => seen.push(progress) }).load(never)
  expect(seen.at(-1)).toEqual({ files: 2, done: 2, valid: 2, refused: 1 })
})
