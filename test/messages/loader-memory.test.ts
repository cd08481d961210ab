import { renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { ForkVersion } from '../../src/consensus/fork.ts'
import type { CryptoPool } from '../../src/lib/crypto-pool.ts'
import type { ValidatorIndex } from '../../src/lib/primitives.ts'
import type { MessageStore } from '../../src/messages/message-store.ts'
import type { MessageSnapshot } from '../../src/messages/snapshot.ts'
import {
  CHAIN,
  folderStore,
  loaderOf,
  never,
  put,
  registryOf,
  seal,
  sharedPool,
  signedExit,
  temporaryFolder,
} from './fixtures.ts'

const filesOf = ({ exits }: MessageSnapshot) =>
  Object.fromEntries([...exits].map(([index, { file }]) => [index, file]))
/** As if ten seconds had passed since the files were written. */
const later = () => Date.now() + 10_000

/** Counts what a loader reads, derives and verifies. */
function counted(folder: string) {
  const count = { reads: 0, derivations: 0, checks: 0 }
  const store = folderStore(folder)
  const pool = sharedPool
  const parts = {
    now: later,
    passwords: [Buffer.from('pw')],
    store: {
      ...store,
      read: (...given: Parameters<MessageStore['read']>) => {
        count.reads += 1
        return store.read(...given)
      },
    },
    pool: {
      ...pool,
      derive: (...given: Parameters<CryptoPool['derive']>) => {
        count.derivations += 1
        return pool.derive(...given)
      },
      verify: (...given: Parameters<CryptoPool['verify']>) => {
        count.checks += given[0].length
        return pool.verify(...given)
      },
    },
  }
  return { count, parts }
}

test('what did not change is neither opened, nor decrypted, nor verified again', async () => {
  const folder = temporaryFolder()
  put(folder, 'a.json', signedExit(1))
  put(folder, 'b.json', await seal(JSON.stringify(signedExit(2)), 'pw'))
  put(folder, 'c.json', signedExit(3, { signer: 4 }))
  put(folder, 'd.json', 'junk')
  const { count, parts } = counted(folder)
  const loader = loaderOf(folder, parts)

  const first = await loader.load(never)
  expect(count).toEqual({ reads: 4, derivations: 1, checks: 3 })
  const second = await loader.load(never)
  expect(count).toEqual({ reads: 4, derivations: 1, checks: 3 })
  expect(filesOf(second)).toEqual(filesOf(first))
  expect(second.refused).toEqual(first.refused)
})

test('while nothing differs, nothing is made anew', async () => {
  const folder = temporaryFolder()
  for (const index of [1, 2, 3]) put(folder, `${index}.json`, signedExit(index))
  put(folder, 'junk.json', 'junk')
  const loader = loaderOf(folder, { now: later })
  const first = await loader.load(never)
  const second = await loader.load(never)
  expect(second.exits).toBe(first.exits)
  put(folder, '4.json', signedExit(4))
  expect((await loader.load(never)).exits.size).toBe(4)
})

test('a validator that begins to exit, or does not any more, is seen although no file differs', async () => {
  const folder = temporaryFolder()
  put(folder, '1.json', signedExit(1))
  put(folder, '2.json', signedExit(2))
  let exiting: number[] = []
  const readRegistry = async () => registryOf([1, 2], exiting)
  const loader = loaderOf(folder, { now: later, readRegistry })
  const used = async () =>
    [...(await loader.load(never)).exits].filter(([, one]) => one.used).map(([index]) => index)
  expect(await used()).toEqual([])
  exiting = [2]
  expect(await used()).toEqual([2])
  exiting = []
  expect(await used()).toEqual([])
})

test('a validator that the node knows no more counts as refused although no file differs', async () => {
  const folder = temporaryFolder()
  put(folder, '1.json', signedExit(1))
  let known = [1]
  const loader = loaderOf(folder, { now: later, readRegistry: async () => registryOf(known) })
  expect((await loader.load(never)).exits.size).toBe(1)
  known = []
  expect((await loader.load(never)).refused).toMatchObject([{ code: 'unknown-validator' }])
  known = [1]
  expect((await loader.load(never)).exits.size).toBe(1)
})

test('a changed file that could not be read is tried again, though its listing stays the same', async () => {
  const folder = temporaryFolder()
  put(folder, '1.json', signedExit(1))
  const store = folderStore(folder)
  let isBroken = false
  const loader = loaderOf(folder, {
    now: later,
    store: {
      ...store,
      read: async (...given) =>
        isBroken
          ? { kind: 'fault', fault: { code: 'unreadable', detail: 'EIO' } }
          : store.read(...given),
    },
  })
  await loader.load(never)
  put(folder, '1.json', [signedExit(1), signedExit(2)])
  isBroken = true
  expect(await loader.load(never)).toMatchObject({ refused: [{ code: 'unreadable' }] })
  isBroken = false
  expect((await loader.load(never)).exits.size).toBe(2)
})

test('a renamed or copied file is read, but not decrypted or verified again', async () => {
  const folder = temporaryFolder()
  const sealed = await seal(JSON.stringify(signedExit(2)), 'pw')
  put(folder, 'a.json', sealed)
  const { count, parts } = counted(folder)
  const loader = loaderOf(folder, parts)
  await loader.load(never)
  renameSync(join(folder, 'a.json'), join(folder, 'b.json'))
  put(folder, 'c.json', sealed)
  await loader.load(never)
  expect(count).toEqual({ reads: 3, derivations: 1, checks: 1 })
})

test('what was removed is forgotten', async () => {
  const folder = temporaryFolder()
  const sealed = await seal(JSON.stringify(signedExit(2)), 'pw')
  put(folder, 'a.json', sealed)
  const { count, parts } = counted(folder)
  const loader = loaderOf(folder, parts)
  await loader.load(never)
  rmSync(join(folder, 'a.json'))
  await loader.load(never)
  put(folder, 'a.json', sealed)
  await loader.load(never)
  expect(count).toEqual({ reads: 2, derivations: 2, checks: 2 })
})

test('files that share password and key derivation are derived for once', async () => {
  const folder = temporaryFolder()
  for (const index of [1, 2, 3, 4]) {
    put(folder, `${index}.json`, await seal(JSON.stringify(signedExit(index)), 'pw'))
  }
  const { count, parts } = counted(folder)
  const passwords = [Buffer.from('wrong'), Buffer.from('pw')]
  const { exits } = await loaderOf(folder, { ...parts, passwords }).load(never)
  expect(exits.size).toBe(4)
  expect(count.derivations).toBe(2)
})

test('that the node does not know a validator is looked up at every load', async () => {
  const folder = temporaryFolder()
  put(folder, 'a.json', signedExit(1))
  let known: number[] = []
  const loader = loaderOf(folder, { readRegistry: async () => registryOf(known), now: later })
  expect((await loader.load(never)).refused).toMatchObject([{ code: 'unknown-validator' }])
  known = [1]
  expect(filesOf(await loader.load(never))).toEqual({ 1: 'a.json' })
})

test('a verdict holds for one public key and one signing context only', async () => {
  const folder = temporaryFolder()
  put(folder, 'a.json', signedExit(1))
  let pubkeyFrom = 1
  let context = CHAIN
  const loader = loaderOf(folder, {
    now: later,
    readSigningContext: async () => context,
    readRegistry: async () => {
      const entry = registryOf([pubkeyFrom]).get(pubkeyFrom as ValidatorIndex)!
      return new Map([[1 as ValidatorIndex, entry]])
    },
  })
  const isValid = async () => (await loader.load(never)).exits.size === 1
  expect(await isValid()).toBe(true)
  pubkeyFrom = 2
  expect(await isValid()).toBe(false)
  pubkeyFrom = 1
  expect(await isValid()).toBe(true)
  context = { ...CHAIN, forkVersions: ['0x05000000' as ForkVersion] }
  expect(await isValid()).toBe(false)
})
