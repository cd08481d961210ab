import { mkdirSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { CryptoWorkError } from '../../src/lib/crypto-pool.ts'
import type { ValidatorIndex } from '../../src/lib/primitives.ts'
import { StoreError } from '../../src/messages/message-store.ts'
import type { MessageSnapshot } from '../../src/messages/snapshot.ts'
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

test('of two messages a valid one wins, of two valid ones that of the earlier epoch', async () => {
  const folder = temporaryFolder()
  put(folder, 'invalid.json', signedExit(1, { epoch: 1, signer: 2 }), 3_000)
  put(folder, 'newer.json', signedExit(1, { epoch: 5 }), 2_000)
  put(folder, 'older.json', signedExit(1, { epoch: 3 }), 1_000)
  const loader = loaderOf(folder)
  const first = await loader.load(never)
  expect(epochOf(first, 1)).toBe(3n)
  expect(first.refused).toMatchObject([{ file: 'invalid.json', code: 'wrong-signature' }])
  expect(first.superseded).toEqual([
    { validatorIndex: 1, file: 'newer.json', entry: 0, by: 'older.json' },
  ])
  rmSync(join(folder, 'older.json'))
  expect(epochOf(await loader.load(never), 1)).toBe(5n)
})

test.each([
  ['of an epoch that no clock has reached', 2n ** 63n],
  ['of the next epoch', 4n],
])('a newer message %s stands in nobody’s way, whatever a clock says', async (_, epoch) => {
  const folder = temporaryFolder()
  put(folder, 'newer.json', signedExit(1, { epoch }), 2_000)
  put(folder, 'older.json', signedExit(1, { epoch: 3 }), 1_000)
  for (const now of [0, Date.now(), Date.now() + 30 * 86_400_000]) {
    const loader = loaderOf(folder, { now: () => now })
    expect(filesOf(await loader.load(never))).toEqual({ 1: 'older.json' })
  }
})

test('of two messages of one epoch the newer file counts, then the later name, then the later entry', async () => {
  const folder = temporaryFolder()
  const one = { ...signedExit(1), note: 'one' }
  put(folder, 'a.json', one, 2_000)
  put(folder, 'b.json', signedExit(1), 1_000)
  expect(filesOf(await loaderOf(folder).load(never))).toEqual({ 1: 'a.json' })
  put(folder, 'b.json', [one, signedExit(1)], 2_000)
  const { exits } = await loaderOf(folder).load(never)
  expect(exits.get(1 as ValidatorIndex)).toMatchObject({ file: 'b.json', entry: 1 })
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

test('an emptied folder is obeyed', async () => {
  const folder = temporaryFolder()
  const loader = loaderOf(folder)
  expect(await loader.load(never)).toMatchObject({ files: 0 })
  put(folder, 'a.json', signedExit(1))
  expect(await loader.load(never)).toMatchObject({ files: 1 })
  rmSync(join(folder, 'a.json'))
  for (let load = 0; load < 2; load++) {
    const snapshot = await loader.load(never)
    expect(snapshot).toMatchObject({ files: 0 })
    expect(snapshot.exits.size).toBe(0)
  }
})

describe('a load that takes long goes in passes', () => {
  /** Each pass is over at once: it opens one group of envelopes, of four for each thread. */
  async function setUp(count = 9) {
    const folder = temporaryFolder()
    put(folder, '0.json', signedExit(0))
    for (let index = 1; index <= count; index += 1) {
      const salt = Buffer.alloc(32, index).toString('hex')
      const kdf = { ...PBKDF2, params: { ...PBKDF2.params, salt } } as unknown as typeof PBKDF2
      put(folder, `${index}.json`, await seal(JSON.stringify(signedExit(index)), 'pw', kdf))
    }
    const count2 = { derived: 0, read: 0 }
    const store = folderStore(folder)
    const loader = loaderOf(folder, {
      passwords: [Buffer.from('pw')],
      passMs: -1,
      now: later,
      store: {
        ...store,
        read(file, signal) {
          count2.read += 1
          return store.read(file, signal)
        },
      },
      pool: {
        ...sharedPool,
        size: 1,
        derive(...given) {
          count2.derived += 1
          return sharedPool.derive(...given)
        },
      },
    })
    return { folder, loader, count: count2 }
  }

  test('what is verified is usable after each, and nothing is opened twice', async () => {
    const { loader, count } = await setUp()
    const sizes: number[] = []
    const pending: number[] = []
    for (let pass = 0; pass < 3; pass += 1) {
      const snapshot = await loader.load(never)
      sizes.push(snapshot.exits.size)
      pending.push(snapshot.pending)
    }
    expect(sizes).toEqual([5, 9, 10])
    expect(pending).toEqual([5, 1, 0])
    expect(count.derived).toBe(9)
    await loader.load(never)
    expect(count.derived).toBe(9)
  })

  test('files that cannot be read keep no other from its turn, and are tried again by the next load', async () => {
    const { folder, loader, count } = await setUp()
    for (let i = 0; i < 300; i += 1) symlinkSync('/proc/self/mem', join(folder, `!${i}.json`))
    for (let pass = 0; (await loader.load(never)).pending > 0; pass += 1)
      expect(pass).toBeLessThan(9)
    expect(loader.current()?.exits.size).toBe(10)
    expect(count.read).toBeLessThan(700)
  })

  test('a file that comes is seen in the next, one that goes is not used any more', async () => {
    const { folder, loader } = await setUp()
    await loader.load(never)
    rmSync(join(folder, '0.json'))
    put(folder, 'new.json', signedExit(0))
    const { exits } = await loader.load(never)
    expect(exits.get(0 as ValidatorIndex)?.file).toBe('new.json')
  })

  test('an emptied folder is obeyed in the next', async () => {
    const { folder, loader } = await setUp()
    await loader.load(never)
    for (let index = 0; index <= 9; index += 1) rmSync(join(folder, `${index}.json`))
    expect(await loader.load(never)).toMatchObject({ files: 0, pending: 0, exits: new Map() })
  })

  test('a changed file that waits for its turn stays in use as it was', async () => {
    const { folder, loader } = await setUp(4)
    expect((await loader.load(never)).pending).toBe(0)
    for (let index = 5; index <= 9; index += 1) {
      const salt = Buffer.alloc(32, index).toString('hex')
      const kdf = { ...PBKDF2, params: { ...PBKDF2.params, salt } } as unknown as typeof PBKDF2
      put(folder, `${index - 5}.json`, await seal(JSON.stringify(signedExit(index)), 'pw', kdf))
    }
    const during = await loader.load(never)
    expect(during.pending).toBe(1)
    expect(during.exits.size).toBe(5)
    expect([...(await loader.load(never)).exits.keys()].toSorted()).toEqual([5, 6, 7, 8, 9])
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

/** Nodes that tell nothing until the test lets them. */
function heldUp() {
  let goOn = () => {}
  let asked = 0
  const held = new Promise<void>((resolve) => {
    goOn = resolve
  })
  return {
    goOn: () => goOn(),
    asked: () => asked,
    async readSigningContext() {
      asked += 1
      await held
      return CHAIN
    },
  }
}

test('files are read and decrypted before it is known what exits must be signed for', async () => {
  const folder = temporaryFolder()
  put(folder, 'a.json', await seal(JSON.stringify(signedExit(1)), 'secret'))
  const { goOn, readSigningContext } = heldUp()
  let derived = 0
  const loader = loaderOf(folder, {
    passwords: [Buffer.from('secret')],
    pool: {
      ...sharedPool,
      async derive(...job) {
        const key = await sharedPool.derive(...job)
        derived += 1
        return key
      },
    },
    readSigningContext,
  })
  const loading = loader.load(never)
  await until('the key is there', () => derived === 1)
  expect(loader.current()).toBeUndefined()
  goOn()
  expect(filesOf(await loading)).toEqual({ 1: 'a.json' })
  expect(derived).toBe(1)
})

test('what was read long before the nodes were up is looked at again', async () => {
  const folder = temporaryFolder()
  put(folder, 'a.json', signedExit(1))
  put(folder, 'b.json', signedExit(2))
  const clock = performance.now.bind(performance)
  let waitedMs = 0
  vi.spyOn(performance, 'now').mockImplementation(() => clock() + waitedMs)
  onTestFinished(() => void vi.restoreAllMocks())
  const { goOn, asked, readSigningContext } = heldUp()
  const store = folderStore(folder)
  let read = 0
  const loader = loaderOf(folder, {
    store: {
      ...store,
      async read(...file) {
        const content = await store.read(...file)
        read += 1
        return content
      },
    },
    now: later,
    readSigningContext,
  })
  const loading = loader.load(never)
  await until('both are read', () => read === 2)
  rmSync(join(folder, 'a.json'))
  waitedMs = 6_000
  goOn()
  expect(filesOf(await loading)).toEqual({ 2: 'b.json' })
  // What was read is remembered, and however long nodes take, it ends.
  expect({ read, asked: asked() }).toEqual({ read: 2, asked: 1 })
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

test('no verdict of one batch is lost when another one fails', async () => {
  const folder = temporaryFolder()
  for (const index of [1, 2, 3]) put(folder, `${index}.json`, signedExit(index))
  let asked = 0
  const loader = loaderOf(folder, {
    readRegistry: async () => {
      asked += 1
      if (asked === 1) throw new Error('no node answers')
      return registryOf([1, 2, 3])
    },
  })
  await expect(loader.load(never)).rejects.toThrow('no node answers')
  expect((await loader.load(never)).exits.size).toBe(3)
})

test('a thread that crashes while it verifies is no verdict, and is tried again', async () => {
  const folder = temporaryFolder()
  put(folder, '1.json', signedExit(1))
  let breaks = true
  const loader = loaderOf(folder, {
    now: later,
    pool: {
      ...sharedPool,
      verify: async (...given) => {
        if (breaks) throw new CryptoWorkError('the crypto worker crashed')
        return sharedPool.verify(...given)
      },
    },
  })
  expect((await loader.load(never)).refused).toMatchObject([{ code: 'verification-failed' }])
  breaks = false
  expect(await loader.load(never)).toMatchObject({ refused: [] })
})

test('a keystore among other rejections comes first', async () => {
  const folder = temporaryFolder()
  put(folder, 'a.json', 'junk')
  put(folder, 'z.json', { crypto: { ciphertext: '00' }, version: 3 })
  const { refused } = await loaderOf(folder).load(never)
  expect(refused.map(({ file, code }) => [file, code])).toEqual([
    ['z.json', 'keystore'],
    ['a.json', 'not-json'],
  ])
})

test('a password that opens nothing is known, and one that opens some is not blamed', async () => {
  const folder = temporaryFolder()
  put(folder, 'a.json', await seal(JSON.stringify(signedExit(1)), 'pass#word'))
  const passwords = [Buffer.from('pass')]
  const loader = loaderOf(folder, { passwords, now: later })
  expect((await loader.load(never)).isPasswordUseless).toBe(true)
  put(folder, 'b.json', await seal(JSON.stringify(signedExit(2)), 'pass'))
  expect((await loader.load(never)).isPasswordUseless).toBe(false)
  expect((await loaderOf(folder).load(never)).isPasswordUseless).toBe(false)
})
