import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, renameSync, rmSync, symlinkSync, truncateSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { createFiles } from '../../src/lib/files.ts'
import { createFolderStore } from '../../src/messages/folder.ts'
import { type StoredFile, StoreError } from '../../src/messages/message-store.ts'
import { entriesOf, FILE_WORKER, folderStore, never, put, temporaryFolder } from './fixtures.ts'

const isRoot = process.getuid?.() === 0

async function filesOf(folder: string) {
  const entries = await entriesOf(folderStore(folder))
  return entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))
}

const stored = (name: string, size = 0): StoredFile => ({
  name,
  version: '',
  modifiedAt: 0,
  changedAt: 0,
  size,
})

test('lists the .json files directly in the folder, with size and time', async () => {
  const folder = temporaryFolder()
  put(folder, 'b.json', '12345', 1_700_000_000)
  put(folder, 'a.json', '')
  put(folder, 'notes.txt', 'x')
  put(folder, 'c.json.bak', 'x')
  put(folder, 'd.JSON', 'x')
  mkdirSync(join(folder, 'deeper'))
  put(folder, 'deeper/e.json', 'x')

  expect(await filesOf(folder)).toMatchObject([
    { name: 'a.json', size: 0 },
    { name: 'b.json', size: 5, modifiedAt: 1_700_000_000_000 },
    { name: 'd.JSON', size: 1 },
  ])
  const { passedOver } = await folderStore(folder).list(never)
  expect(passedOver).toEqual(['c.json.bak', 'deeper/ (1)'])
})

test('follows links to files, as secrets in containers are', async () => {
  const folder = temporaryFolder()
  mkdirSync(join(folder, '..data'))
  put(folder, '..data/a.json', 'content')
  symlinkSync(join('..data', 'a.json'), join(folder, 'a.json'))

  const store = folderStore(folder)
  const [file] = await entriesOf(store)
  expect(file).toMatchObject({ name: 'a.json', size: 7 })
  const content = await store.read(file as StoredFile, never)
  expect(content).toEqual({ kind: 'content', bytes: new Uint8Array(Buffer.from('content')) })
})

test('names what is no file, without opening it', async () => {
  const folder = temporaryFolder()
  mkdirSync(join(folder, 'directory.json'))
  execFileSync('mkfifo', [join(folder, 'pipe.json')])
  symlinkSync('nowhere', join(folder, 'dangling.json'))
  symlinkSync('loop.json', join(folder, 'loop.json'))
  const socket = createServer().listen(join(folder, 'socket.json'))
  await new Promise((resolve) => socket.once('listening', resolve))
  onTestFinished(() => void socket.close())

  expect(await filesOf(folder)).toEqual([
    { name: 'dangling.json', fault: { code: 'dangling-link', detail: expect.any(String) } },
    { name: 'directory.json', fault: { code: 'not-a-file', detail: 'a folder' } },
    { name: 'loop.json', fault: { code: 'dangling-link', detail: expect.any(String) } },
    { name: 'pipe.json', fault: { code: 'not-a-file', detail: 'a pipe' } },
    { name: 'socket.json', fault: { code: 'not-a-file', detail: 'a socket' } },
  ])
})

test('what changed its kind after the listing is not waited for', async () => {
  const folder = temporaryFolder()
  execFileSync('mkfifo', [join(folder, 'pipe.json')])
  mkdirSync(join(folder, 'directory.json'))
  const store = folderStore(folder)
  const read = (name: string) => store.read(stored(name), never)
  const [pipe, directory, gone] = await Promise.all(
    ['pipe.json', 'directory.json', 'gone.json'].map(read),
  )
  expect(pipe).toMatchObject({ kind: 'fault', fault: { code: 'not-a-file' } })
  expect(directory).toMatchObject({ kind: 'fault', fault: { code: 'not-a-file' } })
  expect(gone).toEqual({ kind: 'gone' })
})

test.skipIf(isRoot)('names a file that may not be read', async () => {
  const folder = temporaryFolder()
  put(folder, 'a.json', 'x')
  chmodSync(join(folder, 'a.json'), 0)
  expect(await folderStore(folder).read(stored('a.json'), never)).toEqual({
    kind: 'fault',
    fault: {
      code: 'unreadable',
      detail: expect.stringMatching(
        /^EACCES: it belongs to uid \d+, gid \d+, with mode 0000, the daemon runs as uid \d+$/,
      ),
    },
  })
})

test('refuses more than 64 MiB, at the listing and while reading', async () => {
  const folder = temporaryFolder()
  put(folder, 'a.json', '')
  truncateSync(join(folder, 'a.json'), 65 * 1024 * 1024)
  expect(await filesOf(folder)).toEqual([
    { name: 'a.json', fault: { code: 'too-large', detail: `${65 * 1024 * 1024} bytes` } },
  ])
  expect(await folderStore(folder).read(stored('a.json', 5), never)).toMatchObject({
    kind: 'fault',
    fault: { code: 'too-large' },
  })
})

test('a file at the bound is read, one that grew beyond it is not', async () => {
  const folder = temporaryFolder()
  put(folder, 'a.json', 'x'.repeat(100))
  put(folder, 'b.json', 'x'.repeat(101))
  const files = createFiles(100, FILE_WORKER)
  onTestFinished(() => files.close())
  const store = createFolderStore(folder, files)
  expect(await store.read(stored('a.json'), never)).toMatchObject({ kind: 'content' })
  expect(await store.read(stored('b.json'), never)).toMatchObject({
    kind: 'fault',
    fault: { code: 'too-large' },
  })
})

test.skipIf(process.platform !== 'linux')('reads a file whose size says nothing', async () => {
  const content = await folderStore('/proc/self').read(stored('status'), never)
  expect(content).toMatchObject({ kind: 'content' })
})

test('the version changes with the content, even if size and time are the same', async () => {
  const folder = temporaryFolder()
  put(folder, 'a.json', 'one', 1_000)
  const store = folderStore(folder)
  const version = async () => (await entriesOf(store)).map((f) => 'version' in f && f.version)
  const before = await version()
  expect(await version()).toEqual(before)
  put(folder, 'other', 'two', 1_000)
  renameSync(join(folder, 'other'), join(folder, 'a.json'))
  expect(await version()).not.toEqual(before)
})

test('a folder that is missing, or none, is an error that names it and what to do', async () => {
  const folder = temporaryFolder()
  put(folder, 'file', '')
  const missing = join(folder, 'missing')
  const list = (path: string) => folderStore(path).list(never)
  await expect(list(missing)).rejects.toThrow(StoreError)
  await expect(list(missing)).rejects.toThrow(`${missing}: it does not exist. Create or mount it`)
  await expect(list(join(folder, 'file'))).rejects.toThrow('it is not a folder')
})

test('a folder that goes and comes back is read again by the same store', async () => {
  const folder = join(temporaryFolder(), 'messages')
  mkdirSync(folder)
  put(folder, 'a.json', '')
  const store = folderStore(folder)
  expect(await entriesOf(store)).toHaveLength(1)
  rmSync(folder, { recursive: true })
  await expect(store.list(never)).rejects.toThrow(StoreError)
  mkdirSync(folder)
  expect(await entriesOf(store)).toEqual([])
})

test('while nothing differs the same list is given, also after one that nobody waited for', async () => {
  const folder = temporaryFolder()
  put(folder, 'a.json', 'one')
  const store = folderStore(folder)
  const first = await store.list(never)
  expect(await store.list(never)).toBe(first)

  put(folder, 'b.json', 'two')
  const controller = new AbortController()
  const dropped = store.list(controller.signal)
  controller.abort(new Error('enough'))
  await expect(dropped).rejects.toThrow('enough')
  expect(await entriesOf(store)).toHaveLength(2)
})

test('a thread that cannot start, or ends, rejects the work', async () => {
  const nowhere = createFolderStore('/', createFiles(1, new URL('file:///nowhere.js')))
  await expect(nowhere.list(never)).rejects.toThrow('the file thread ended')
  await expect(nowhere.read(stored('a.json'), never)).rejects.toThrow('the file thread ended')

  const store = createFolderStore(temporaryFolder(), createFiles(1, FILE_WORKER))
  const open = store.list(never)
  const outcome = expect(open).rejects.toThrow('the file thread ended')
  await store.close()
  await outcome
})

test('nobody waits for a thread after an abort', async () => {
  const store = folderStore(temporaryFolder())
  const controller = new AbortController()
  const listing = store.list(controller.signal)
  controller.abort(new Error('enough'))
  await expect(listing).rejects.toThrow('enough')
})
