import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { StoredFile } from '../../src/sources/messages/store.ts'
import { startGcs } from '../sim/gcs.ts'
import { bucketStore } from './bucket-places.ts'
import { never } from './fixtures.ts'

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
  (await bucketStore('gs', server, 'bucket')).list(never)

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
    const [file] = await store.list(never)
    await gcs.removeBucket('bucket')
    expect(await store.read(file as StoredFile, never)).toMatchObject({
      fault: { code: 'unreadable', detail: expect.stringContaining('no such bucket') },
    })
    await gcs.createBucket('bucket')
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
