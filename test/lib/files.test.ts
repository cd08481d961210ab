import { execFileSync, spawn } from 'node:child_process'
import { lookup } from 'node:dns/promises'
import { once } from 'node:events'
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, onTestFinished, test } from 'vitest'
import { createHoldLook } from '../../src/exits/hold-file.ts'
import { createFiles, openSmallFile, readSmallFile, textsOf } from '../../src/lib/files.ts'
import { put, temporaryFolder } from '../messages/fixtures.ts'

/** A thread that never answers, as one whose mount hangs. */
function hangingFiles() {
  const path = join(temporaryFolder(), 'hangs.mjs')
  writeFileSync(path, 'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)')
  const files = createFiles(1_000, pathToFileURL(path))
  onTestFinished(() => files.close())
  return files
}

test('a file is read anew each time', async () => {
  const folder = temporaryFolder()
  put(folder, 'secret', 'one')
  const file = openSmallFile(join(folder, 'secret'))
  onTestFinished(() => file.close())
  expect(Buffer.from(await file.read()).toString()).toBe('one')
  put(folder, 'secret', 'two')
  expect(Buffer.from(await file.read()).toString()).toBe('two')
})

test.each([
  ['nothing there', 'missing', 'ENOENT'],
  ['a link that leads back to itself', 'loop', 'ELOOP'],
])('%s is an error with the code of the system', async (_, name, code) => {
  const folder = temporaryFolder()
  symlinkSync('loop', join(folder, 'loop'))
  await expect(readSmallFile(join(folder, name))).rejects.toMatchObject({ code })
})

test('a folder in place of a file is an error that says so', async () => {
  await expect(readSmallFile(temporaryFolder())).rejects.toThrow('a folder')
})

test('mounts that hang cost their time-out, and neither names of hosts nor other files wait', async () => {
  const hanging = Array.from({ length: 6 }, () => openSmallFile('/any', 300, hangingFiles()))
  const reads = hanging.map((file) => file.read())
  const outcomes = Promise.allSettled(reads)
  await lookup('localhost')
  const folder = temporaryFolder()
  put(folder, 'a', 'one')
  expect(Buffer.from(await readSmallFile(join(folder, 'a'))).toString()).toBe('one')
  for (const outcome of await outcomes) {
    expect(outcome).toMatchObject({
      status: 'rejected',
      reason: { code: 'ETIMEDOUT', message: expect.stringContaining('its mount hangs') },
    })
  }
})

test('the stop is there, is not, or cannot be put there, and that is told', async () => {
  const folder = temporaryFolder()
  const there = join(folder, 'there')
  put(folder, 'there', '')
  expect(await createHoldLook(there)()).toEqual({ isHeld: true, problem: undefined })
  rmSync(there)
  expect(await createHoldLook(there)()).toEqual({ isHeld: false, problem: undefined })

  const nowhere = createHoldLook(join(folder, 'none', 'hold'))
  const problem = expect.stringMatching(/its folder does not exist.*Create or mount .*none/)
  expect(await nowhere()).toEqual({ isHeld: false, problem })
  mkdirSync(join(folder, 'none'))
  put(join(folder, 'none'), 'hold', '')
  expect(await nowhere()).toEqual({ isHeld: true, problem: undefined })
})

test('a stop whose mount hangs counts as there', async () => {
  const hold = createHoldLook('/any/hold', 200, hangingFiles())
  const problem = expect.stringContaining('cannot be looked at (ETIMEDOUT)')
  expect(await hold()).toEqual({ isHeld: true, problem })
})

test('a process ends although a thread of it is stuck in a call of the system', async () => {
  const folder = temporaryFolder()
  const pipe = join(folder, 'pipe')
  execFileSync('mkfifo', [pipe])
  writeFileSync(
    join(folder, 'stuck.mjs'),
    `import { readFileSync } from 'node:fs'\nreadFileSync(${JSON.stringify(pipe)})`,
  )
  const dist = (path: string) =>
    JSON.stringify(new URL(`../../.tmp/built/${path}`, import.meta.url).href)
  const main = `
    import { createFiles } from ${dist('lib/files.js')}
    import { endProcess } from ${dist('cli/process.js')}
    const files = createFiles(0, new URL('stuck.mjs', import.meta.url))
    files.stat('/any', new AbortController().signal).catch(() => {})
    setTimeout(() => endProcess(0), 500)
  `
  writeFileSync(join(folder, 'main.mjs'), main)
  const child = spawn(process.execPath, [join(folder, 'main.mjs')], { stdio: 'inherit' })
  onTestFinished(() => void child.kill('SIGKILL'))
  const [, signal] = await once(child, 'close')
  expect(signal).toBe('SIGKILL')
})

test('the texts of a column are those that were joined', () => {
  for (const texts of [['a'], ['a', 'b'], ['', 'x', ''], ['\ud800 "quoted"\n', '…']]) {
    expect([...textsOf(texts.join('/'))]).toEqual(texts)
  }
  expect([...textsOf('')]).toEqual([])
})

test('whoever keeps one text of a column does not keep all of it', () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc')
  collect()
  const before = process.memoryUsage().heapUsed
  const kept = Array.from({ length: 8 }, (_, i) => {
    const name = `validator ${i} of a long list`
    return textsOf(`${name}/${'x'.repeat(4 * 1024 * 1024)}`).next().value
  })
  collect()
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(8 * 1024 * 1024)
  expect(kept[7]).toBe('validator 7 of a long list')
})
