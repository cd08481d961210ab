import { existsSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { MAX_FILE_BYTES, type StoredFile } from '../../src/messages/message-store.ts'
import { startGcs } from '../sim/gcs.ts'
import { bucketStore } from './bucket-places.ts'
import { entriesOf, never, temporaryFolder } from './fixtures.ts'

let gcs: Awaited<ReturnType<typeof startGcs>>
beforeAll(async () => {
  gcs = await startGcs('bucket')
})
afterAll(() => gcs.close())
afterEach(() => {
  gcs.faults.clear()
  gcs.clearCalls()
})
const listed = async (server: { env: NodeJS.ProcessEnv } = gcs) =>
  entriesOf(await bucketStore('gs', server, 'bucket'))

const refusal = (status: number, reason: string, message = 'secret') => ({
  kind: 'status' as const,
  status,
  body: { error: { code: status, message, errors: [{ reason, message, domain: 'global' }] } },
})

describe('what Google refuses is said with its remedy', () => {
  test.each([
    [401, 'authError', 'no credentials that are accepted. Set GOOGLE_APPLICATION_CREDENTIALS'],
    [403, 'forbidden', 'access denied. Give the account storage.objects.list'],
    [404, 'notFound', 'no such bucket. Create it, or correct MESSAGES_LOCATION'],
    [400, 'invalid', 'refused by the server (400)'],
  ])('%i %s, for somebody to change', async (status, reason, words) => {
    gcs.faults.add(refusal(status, reason))
    const error = await listed().catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ name: 'StoreError', isPassing: false })
    expect(`${error}`).toContain(`StoreError: read messages gs://bucket: ${words}`)
  })

  test.each([
    [429, 'rateLimitExceeded', 'throttled by the server'],
    [403, 'userRateLimitExceeded', 'throttled by the server'],
    [503, 'backendError', 'the server fails (503)'],
  ])('%i %s, which may pass', async (status, reason, words) => {
    gcs.faults.add(refusal(status, reason))
    const error = await listed().catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ name: 'StoreError', isPassing: true })
    expect(`${error}`).toContain(`StoreError: read messages gs://bucket: ${words}`)
  })

  test('a bucket that goes between listing and reading is no object that is gone', async () => {
    await gcs.put('bucket', '1.json', '{}')
    const store = await bucketStore('gs', gcs, 'bucket')
    const [file] = await entriesOf(store)
    await gcs.removeBucket('bucket')
    expect(await store.read(file as StoredFile, never)).toMatchObject({
      fault: { code: 'unreadable', detail: expect.stringContaining('no such bucket') },
    })
    await gcs.createBucket('bucket')
  })
})

describe('an object', () => {
  test('is asked for as it is now, whatever a cache on the way holds', async () => {
    await gcs.put('bucket', '1.json', '{}')
    const store = await bucketStore('gs', gcs, 'bucket')
    const [file] = await entriesOf(store)
    await store.read(file as StoredFile, never)
    expect(gcs.calls.map(({ headers }) => headers['cache-control'])).toEqual([
      'no-store',
      'no-store',
    ])
  })

  const answered = async (headers: Record<string, string>, body: Buffer) => {
    const server = createServer((_, response) => {
      response.writeHead(200, { 'x-goog-generation': '1', ...headers }).end(body)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => {
      server.close()
      server.closeAllConnections()
    })
    const { port } = server.address() as AddressInfo
    const env = { STORAGE_EMULATOR_HOST: `http://127.0.0.1:${port}` }
    const store = await bucketStore('gs', { env }, 'bucket')
    const file = { name: '1.json', version: '1', modifiedAt: 0, changedAt: 0, size: 2 }
    return store.read(file, never).catch((error: unknown) => `${error}`)
  }
  const packed = { 'content-encoding': 'gzip', 'x-goog-stored-content-encoding': 'gzip' }

  test('that is stored packed is read unpacked', async () => {
    const content = await answered({ ...packed, 'x-goog-hash': 'crc32c=AAAAAA==' }, gzipSync('{}'))
    expect(content).toEqual({ kind: 'content', bytes: Buffer.from('{}') })
  })

  test('that unpacks to more than 64 MiB is not read', async () => {
    const bomb = gzipSync(Buffer.alloc(MAX_FILE_BYTES + 1), { level: 1 })
    expect(await answered(packed, bomb)).toMatchObject({ fault: { code: 'too-large' } })
  })

  test.each([
    ['does not fit its checksum', { 'x-goog-hash': 'crc32c=AAAAAA==,md5=x' }, '{}'],
    ['is no packed one', packed, '{}'],
  ])('that %s is not taken for its content', async (_, headers, body) => {
    expect(await answered(headers, Buffer.from(body))).toMatch(/^StoreError: /)
  })
})

describe('what the environment lacks is said with its remedy', () => {
  test('a file of credentials that is not there', async () => {
    // An emulator would ask for no credentials.
    const env = {
      STORAGE_EMULATOR_HOST: undefined,
      GOOGLE_APPLICATION_CREDENTIALS: '/nonexistent/key.json',
    }
    await expect(listed({ env })).rejects.toThrow(
      'the file that GOOGLE_APPLICATION_CREDENTIALS names cannot be read',
    )
  })

  test.each([
    ['{"type":"service_account","client_email":"a@b","private_key":"rubbish"}', 'no credentials'],
    ['{"type":', 'no credentials that are accepted'],
    [undefined, 'the file that GOOGLE_APPLICATION_CREDENTIALS names cannot be read'],
  ])('a file of credentials that holds %s', async (content, words) => {
    const folder = temporaryFolder()
    const path = content === undefined ? folder : join(folder, 'key.json')
    if (content !== undefined) writeFileSync(path, content)
    const env = { STORAGE_EMULATOR_HOST: undefined, GOOGLE_APPLICATION_CREDENTIALS: path }
    const error = await listed({ env }).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ isPassing: false, message: expect.stringContaining(words) })
    expect(`${error}`).not.toContain('rubbish')
  })

  test('no project is looked for: no gcloud is run, no metadata server asked', async () => {
    const folder = temporaryFolder()
    const path = join(folder, 'key.json')
    writeFileSync(path, '{"type":"service_account","client_email":"a@b","private_key":"rubbish"}')
    const ran = join(folder, 'ran')
    writeFileSync(join(folder, 'gcloud'), `#!/bin/sh\ntouch ${ran}\n`, { mode: 0o755 })
    const env = {
      STORAGE_EMULATOR_HOST: undefined,
      GOOGLE_APPLICATION_CREDENTIALS: path,
      PATH: `${folder}:${process.env.PATH}`,
    }
    await expect(listed({ env })).rejects.toThrow('no credentials')
    expect(existsSync(ran)).toBe(false)
  })

  test('an address that is none', async () => {
    const error = await listed({ env: { STORAGE_EMULATOR_HOST: 'localhost:1' } }).catch(
      (thrown: unknown) => thrown,
    )
    expect(error).toMatchObject({
      isPassing: false,
      message: expect.stringContaining('STORAGE_EMULATOR_HOST is no URL'),
    })
  })

  test('a server that is not there', async () => {
    const error = await listed({ env: { STORAGE_EMULATOR_HOST: 'http://127.0.0.1:1' } }).catch(
      (thrown: unknown) => thrown,
    )
    expect(error).toMatchObject({
      isPassing: true,
      message:
        'read messages gs://bucket: the server cannot be reached (ECONNREFUSED). Check the network and STORAGE_EMULATOR_HOST',
    })
  })
})
