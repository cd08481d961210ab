import { execFile } from 'node:child_process'
import { pbkdf2Sync, scryptSync } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { CryptoWorkError, kdfMemoryBytes } from '../../src/lib/crypto-pool.ts'
import type { KdfParams } from '../../src/lib/kdf.ts'
import {
  bytesOf,
  cryptoPool,
  hexOf,
  never,
  pubkeyOf,
  secretKey,
  temporaryFolder,
} from './fixtures.ts'

const ROOT = hexOf(Buffer.alloc(32, 7))

const check = (index: number, root: string = ROOT) => ({
  pubkey: pubkeyOf(index),
  signingRoot: ROOT,
  signature: hexOf(secretKey(index).sign(bytesOf(root)).toBytes()),
})
const forged = (index: number) => check(index, hexOf(Buffer.alloc(32, 8)))

const INFINITY_G1 = `0xc0${'00'.repeat(47)}`
const INFINITY_G2 = `0xc0${'00'.repeat(95)}`
/** Compressed points of the curve that are not in the subgroup (x = 4 on G1; x = 2 on G2). */
const WRONG_GROUP_G1 = `0x80${'00'.repeat(46)}04`
const WRONG_GROUP_G2 = `0x80${'00'.repeat(94)}02`

const pbkdf2 = (c: number): KdfParams => ({ function: 'pbkdf2', c, salt: Buffer.from('salt') })

/** A worker made for one test. */
function workerOf(code: string): URL {
  const path = join(temporaryFolder(), 'worker.mjs')
  writeFileSync(path, `import { parentPort, threadId } from 'node:worker_threads'\n${code}`)
  return pathToFileURL(path)
}

test('the native implementation runs in the workers', async () => {
  expect(await cryptoPool().implementation(never)).toBe('blst-native')
})

test('every check gets its verdict, in order, however many are bad', async () => {
  const checks = Array.from({ length: 150 }, (_, i) => (i % 7 === 3 ? forged(i) : check(i)))
  const verdicts = await cryptoPool().verify(checks, never)
  expect(verdicts).toEqual(checks.map((_, i) => (i % 7 === 3 ? 'invalid' : 'valid')))
})

test.each([0, 1, 2])('%s checks are no special case', async (count) => {
  const checks = Array.from({ length: count }, (_, i) => check(i))
  expect(await cryptoPool().verify(checks, never)).toEqual(checks.map(() => 'valid'))
})

test('signatures swapped between two checks are both invalid', async () => {
  const [a, b] = [check(1), check(2)]
  const swapped = [
    { ...a, signature: b.signature },
    { ...b, signature: a.signature },
  ]
  expect(await cryptoPool().verify(swapped, never)).toEqual(['invalid', 'invalid'])
})

test('what is no valid point is named, and spoils nobody else', async () => {
  const good = check(1)
  const bad: [object, string][] = [
    [{ pubkey: INFINITY_G1 }, 'bad-pubkey'],
    [{ pubkey: `0x${'00'.repeat(48)}` }, 'bad-pubkey'],
    [{ pubkey: `0x${'ff'.repeat(48)}` }, 'bad-pubkey'],
    [{ pubkey: WRONG_GROUP_G1 }, 'bad-pubkey'],
    [{ pubkey: '0x' }, 'bad-pubkey'],
    [{ pubkey: good.pubkey.slice(0, -2) }, 'bad-pubkey'],
    [{ signature: INFINITY_G2 }, 'bad-signature'],
    [{ signature: `0x${'00'.repeat(96)}` }, 'bad-signature'],
    [{ signature: `0x${'ff'.repeat(96)}` }, 'bad-signature'],
    [{ signature: WRONG_GROUP_G2 }, 'bad-signature'],
    [{ signature: '0xzz' }, 'bad-signature'],
    [{ pubkey: INFINITY_G1, signature: INFINITY_G2 }, 'bad-pubkey'],
  ]
  const checks = bad.flatMap(([change], i) => [check(i), { ...good, ...change }])
  const verdicts = await cryptoPool().verify(checks, never)
  expect(verdicts).toEqual(bad.flatMap(([, verdict]) => ['valid', verdict]))
})

test('keys are those of node:crypto', async () => {
  const pool = cryptoPool()
  const password = Buffer.from('pw')
  const salt = Buffer.from('salt')
  const scrypt: KdfParams = { function: 'scrypt', n: 1024, r: 8, p: 2, salt }
  const [a, b] = await Promise.all([
    pool.derive(pbkdf2(100), password, never),
    pool.derive(scrypt, password, never),
  ])
  expect(hexOf(a)).toBe(hexOf(pbkdf2Sync('pw', 'salt', 100, 32, 'sha256')))
  expect(hexOf(b)).toBe(hexOf(scryptSync('pw', 'salt', 32, { N: 1024, r: 8, p: 2 })))
})

test('work that fails is rejected, and the worker goes on', async () => {
  const pool = cryptoPool({ size: 1 })
  const impossible: KdfParams = { function: 'scrypt', n: 3, r: 8, p: 1, salt: Buffer.from('s') }
  await expect(pool.derive(impossible, Buffer.from('pw'), never)).rejects.toThrow(CryptoWorkError)
  expect(await pool.verify([check(1)], never)).toEqual(['valid'])
})

test('a job whose worker crashes is tried once more, then rejected', async () => {
  const crashes = workerOf(`parentPort.on('message', () => process.exit(3))`)
  const pool = cryptoPool({ size: 2, workerUrl: crashes })
  const work = [1, 2, 3].map((index) => pool.verify([check(index)], never))
  const results = await Promise.allSettled(work)
  for (const result of results) {
    expect(result).toMatchObject({ status: 'rejected', reason: { name: 'CryptoWorkError' } })
  }
})

test('a crash that does not repeat goes unnoticed', async () => {
  // The first thread of this pool dies of its first job, the next one does not.
  const once = workerOf(`
    import { existsSync, writeFileSync } from 'node:fs'
    const mark = new URL('./crashed', import.meta.url)
    parentPort.on('message', ({ id }) => {
      if (!existsSync(mark)) { writeFileSync(mark, ''); throw new Error('crash') }
      parentPort.postMessage({ kind: 'done', id, bytes: Uint8Array.of(0) })
    })`)
  const pool = cryptoPool({ size: 1, workerUrl: once })
  expect(await pool.verify([check(1)], never)).toEqual(['valid'])
})

test('a worker that cannot start rejects the work', async () => {
  const pool = cryptoPool({ workerUrl: new URL('file:///nowhere/worker.js') })
  await expect(pool.verify([check(1)], never)).rejects.toThrow(CryptoWorkError)
})

test('derivations run at once only as far as memory goes', async () => {
  const counting = workerOf(`
    parentPort.on('message', ({ id, job }) => {
      // How many run, how many ran at most, and how many this waits for.
      const shared = new Int32Array(job.params.salt.buffer)
      const awaited = shared[2]
      const atOnce = Atomics.add(shared, 0, 1) + 1
      if (atOnce > Atomics.load(shared, 1)) Atomics.store(shared, 1, atOnce)
      Atomics.notify(shared, 1)
      for (let most; (most = Atomics.load(shared, 1)) < awaited; ) Atomics.wait(shared, 1, most, 10)
      Atomics.sub(shared, 0, 1)
      parentPort.postMessage({ kind: 'done', id, bytes: Uint8Array.of(atOnce) })
    })`)
  const MIB = 1024 * 1024
  const most = async (memoryMiB: number, awaited: number) => {
    const pool = cryptoPool({ size: 4, workerUrl: counting, kdfMemoryBytes: memoryMiB * MIB })
    const run = async (n: number, jobs: number, until: number) => {
      const shared = new Int32Array(new SharedArrayBuffer(12))
      shared[2] = until
      const salt = new Uint8Array(shared.buffer)
      const params: KdfParams = { function: 'scrypt', n, r: 8, p: 1, salt }
      const work = Array.from({ length: jobs }, () => pool.derive(params, Buffer.from('pw'), never))
      return Math.max(...(await Promise.all(work)).map(([atOnce = 0]) => atOnce))
    }
    // Small ones first, four at once, so that every thread is up.
    expect(await run(2, 4, 4)).toBe(4)
    return run(1024, 8, awaited)
  }
  expect(await most(2.5, 2)).toBe(2)
  expect(await most(0.5, 1)).toBe(1)
})

test.each([
  ['a large machine without a limit', 64, 0, 1_024],
  ['a limit that says nothing', 64, 2 ** 54, 1_024],
  ['a small machine', 1, undefined, 512],
  ['a small container on a large machine', 64, 0.5, 256],
])('of %s derivations take no more than half', (_, total, limit, MiB) => {
  const GIB = 1024 ** 3
  const constrained = limit === undefined ? undefined : limit * GIB
  expect(kdfMemoryBytes(total * GIB, constrained)).toBe(MiB * 1024 * 1024)
})

test('an abort rejects at once what runs and what waits, and the pool goes on', async () => {
  const pool = cryptoPool({ size: 1 })
  const controller = new AbortController()
  const work = [1, 2, 3].map(() =>
    pool.derive(pbkdf2(2 ** 18), Buffer.from('pw'), controller.signal),
  )
  controller.abort(new Error('enough'))
  for (const result of await Promise.allSettled(work)) {
    expect(result).toMatchObject({ status: 'rejected', reason: { message: 'enough' } })
  }
  await expect(pool.verify([check(1)], controller.signal)).rejects.toThrow('enough')
  expect(await pool.verify([check(1)], never)).toEqual(['valid'])
})

test('closing rejects what is open and what comes later', async () => {
  const pool = cryptoPool({ size: 1 })
  const open = Promise.allSettled(
    [1, 2].map(() => pool.derive(pbkdf2(2 ** 20), Buffer.from('pw'), never)),
  )
  await pool.close()
  for (const result of await open) {
    expect(result).toMatchObject({ status: 'rejected', reason: { name: 'CryptoWorkError' } })
  }
  await expect(pool.verify([check(1)], never)).rejects.toThrow('closed')
})

test('idle workers do not keep the process alive', async () => {
  const moduleUrl = new URL('../../.tmp/built/lib/crypto-pool.js', import.meta.url)
  const code = `
    const { createCryptoPool } = await import(${JSON.stringify(moduleUrl)})
    const pool = createCryptoPool()
    pool.startEarly()
    console.log(await pool.implementation(new AbortController().signal))`
  const run = promisify(execFile)
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', code], {
    timeout: 60_000,
  })
  expect(stdout.trim()).toBe('blst-native')
})
