import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { openMessageSource } from '../../src/app/message-source.ts'
import { CHAIN, never, put, registryOf, signedExit, temporaryFolder } from '../messages/fixtures.ts'

const quiet = { info() {}, warn() {} }
const open = (path: string) =>
  openMessageSource(
    { mode: 'message', location: { kind: 'folder', path }, password: undefined },
    quiet,
    never,
  )
const CHAIN_READERS = {
  readRegistry: async () => ({ entries: registryOf([1, 2]), unreadable: new Map() }),
  readKeys: async () => new Map(),
  readSigningContext: async () => CHAIN,
}

test('the first load begins at once, and ends when the nodes are up; the next one is a new one', async () => {
  const folder = temporaryFolder()
  put(folder, 'a.json', signedExit(1))
  const source = await open(folder)
  onTestFinished(() => source.close())
  const first = source.loader.load(never)
  expect(source.loader.current()).toBeUndefined()

  source.connected(CHAIN_READERS)
  expect([...(await first).exits.keys()]).toEqual([1])
  writeFileSync(join(folder, 'b.json'), JSON.stringify(signedExit(2)))
  expect([...(await source.loader.load(never)).exits.keys()]).toEqual([1, 2])
})

test('who no longer wants the first load does not wait for it', async () => {
  const folder = temporaryFolder()
  const source = await open(folder)
  onTestFinished(() => source.close())
  const lifetime = new AbortController()
  const first = source.loader.load(lifetime.signal)
  lifetime.abort(new Error('the daemon stops'))
  await expect(first).rejects.toThrow('the daemon stops')
})

test('it can be closed before any node is up', async () => {
  const folder = temporaryFolder()
  put(folder, 'a.json', signedExit(1))
  const source = await open(folder)
  const first = source.loader.load(never)
  const told = expect(first).rejects.toThrow('the daemon stops')
  await source.close()
  await told
})
