import { renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { ForkVersion } from '../../src/domain/fork.ts'
import type { ValidatorIndex } from '../../src/domain/primitives.ts'
import type { CryptoPool } from '../../src/lib/crypto-pool.ts'
import type { MessageSnapshot } from '../../src/sources/messages/snapshot.ts'
import type { MessageStore } from '../../src/sources/messages/store.ts'
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
