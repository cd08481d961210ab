import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { MAX_FILE_BYTES, type StoredFile, StoreError } from '../../src/messages/message-store.ts'
import type { Fault } from '../sim/faults.ts'
import { type BucketKind, bucketStore, buckets } from './bucket-places.ts'
import { entriesOf, loaderOf, never, signedExit } from './fixtures.ts'

const KINDS = Object.keys(buckets) as BucketKind[]
type Server = Awaited<ReturnType<(typeof buckets)[BucketKind]>>
/** A call for one object, as against one for a listing. */
const READ = /\.json$/
const LISTING = /^(?!.*\.json$)/

describe.each(KINDS)('a bucket of %s', (kind) => {
  let server: Server
  beforeAll(async () => {
    server = await buckets[kind]('bucket')
  })
  afterAll(() => server.close())
  afterEach(async () => {
    server.faults.clear()
    await server.revive()
    await server.removeBucket('bucket')
    await server.createBucket('bucket')
    server.clearCalls()
  })
  const open = (options = {}) => bucketStore(kind, server, 'bucket', options)
  const put = (key: string, content = '{}') => server.put('bucket', key, content)
  const putExits = async (...indices: readonly number[]) => {
    for (const index of indices) await put(`${index}.json`, JSON.stringify(signedExit(index)))
  }
  const reads = () => server.calls.filter(({ path }) => READ.test(path))
  const stored = (name: string): StoredFile => ({
    name,
    version: '1',
    modifiedAt: 0,
    changedAt: 0,
    size: 2,
  })
  const namesIn = async (prefix: string) =>
    (await entriesOf(await open({ prefix }))).map(({ name }) => name).sort()

  test('a prefix is a folder: what is below it at any depth, and nothing that begins like it', async () => {
    for (const key of ['lido/1.json', 'lido/2024/may/2.json', 'lido/2024/notes.txt']) await put(key)
    for (const key of ['lido-old/3.json', 'lidox.json', 'old/lido/4.json', '5.json']) await put(key)

    expect(await namesIn('lido')).toEqual(['1.json', '2024/may/2.json'])
    expect(await namesIn('lido/2024')).toEqual(['may/2.json'])
    expect(await namesIn('nothing')).toEqual([])
    expect(await namesIn('')).toHaveLength(6)
  })

  test('what is below the prefix is read by its own name', async () => {
    await put('lido/deep/1.json', 'one')
    const store = await open({ prefix: 'lido' })
    const [file] = await entriesOf(store)
    const content = await store.read(file as StoredFile, never)
    expect(content).toEqual({ kind: 'content', bytes: Buffer.from('one') })
  })

  test('a page of HTML is not taken for an emptied bucket', async () => {
    await putExits(1)
    const loader = loaderOf('', { store: await open() })
    await loader.load(never)

    server.faults.add({ kind: 'html' })
    await expect(loader.load(never)).rejects.toThrow('what answers is no object store')
    expect(loader.current()?.exits.size).toBe(1)
  })

  test.each<Fault>([
    { kind: 'html' },
    { kind: 'half-json' },
    { kind: 'status', status: 204 },
    { kind: 'wrong-schema', body: '' },
  ])('what was read of it in its place is not remembered: %j', async (fault) => {
    await putExits(1, 2)
    const loader = loaderOf('', { store: await open() })
    const odd = { ...fault, match: { path: /1\.json$/ } }
    const first = server.faults.add(odd)
    const { exits, refused } = await loader.load(never)
    expect([...exits.keys()]).toEqual([2])
    expect(refused).toMatchObject([{ file: '1.json', code: 'unreadable' }])
    first.remove()
    expect((await loader.load(never)).exits.size).toBe(2)

    await put('1.json', JSON.stringify(signedExit(3)))
    server.faults.add(odd)
    expect([...(await loader.load(never)).exits.keys()].toSorted()).toEqual([1, 2])
    server.faults.clear()
    expect([...(await loader.load(never)).exits.keys()].toSorted()).toEqual([2, 3])
  })

  test('what is replaced between listing and reading is read as it is now, and once more', async () => {
    await putExits(1)
    const inner = await open()
    let isLate = true
    const reads: string[] = []
    const store = {
      ...inner,
      read: async (file: StoredFile, signal: AbortSignal) => {
        reads.push(file.version)
        if (isLate) await put('1.json', JSON.stringify(signedExit(2)))
        isLate = false
        return inner.read(file, signal)
      },
    }
    const loader = loaderOf('', { store })
    expect([...(await loader.load(never)).exits.keys()]).toEqual([2])
    expect([...(await loader.load(never)).exits.keys()]).toEqual([2])
    await loader.load(never)
    expect(reads).toHaveLength(2)
  })

  test.each([
    'null',
    '{"kind":"storage#objects","items":{}}',
    '{"error":{"errors":[null]}}',
    '{"kind":"storage#objects","items":[{"name":"1.json","size":"2","updated":"2024-05-01T00:00:00Z"}]}',
    '<ListBucketResult/>',
    '',
  ])('a listing of another make is none, and ends nothing: %s', async (body) => {
    for (const status of [200, 403]) {
      const ordered = server.faults.add({ kind: 'status', status, body })
      const listing = (await open({ listMs: 10_000 })).list(never)
      await expect(listing).rejects.toThrow(
        status === 200 ? 'what answers is no object store' : 'access denied',
      )
      ordered.remove()
    }
  })

  test('a listing without end is cut, and nothing of it goes on', async () => {
    server.faults.add({ kind: 'endless', everyMs: 0, chunkBytes: 1 << 20 })
    await expect((await open()).list(never)).rejects.toThrow('what answers is no object store')
    server.faults.clear()
    expect(await entriesOf(await open())).toEqual([])
  })

  test('a fault that passes is met by another try', async () => {
    await putExits(1)
    server.faults.add({ kind: 'status', status: 503, times: 1, match: { path: LISTING } })
    server.faults.add({ kind: 'reset', times: 1, match: { path: READ } })
    const { exits, refused } = await loaderOf('', { store: await open() }).load(never)
    expect([...exits.keys()]).toEqual([1])
    expect(refused).toEqual([])
  })

  test('one that cannot be read stops no other, and what it held stays in use', async () => {
    await putExits(1, 2, 3)
    const loader = loaderOf('', { store: await open() })
    await loader.load(never)

    await putExits(4)
    await put('2.json', JSON.stringify(signedExit(5)))
    server.faults.add({ kind: 'status', status: 403, match: { path: /2\.json$/ } })
    const { exits, refused } = await loader.load(never)
    expect([...exits.keys()].toSorted()).toEqual([1, 2, 3, 4])
    expect(refused).toMatchObject([{ file: '2.json', code: 'unreadable' }])
    expect(refused[0]?.detail).toContain('access denied')

    server.faults.clear()
    expect([...(await loader.load(never)).exits.keys()].toSorted()).toEqual([1, 3, 4, 5])
  })

  test('one that is listed and never found is named from the second time on', async () => {
    await put('odd.json')
    const body = '<Error><Code>NoSuchKey</Code></Error>'
    server.faults.add({ kind: 'status', status: 404, body, match: { path: READ } })
    const store = await open()
    const read = async () => store.read((await entriesOf(store))[0] as StoredFile, never)

    expect(await read()).toEqual({ kind: 'gone' })
    expect(await read()).toMatchObject({ kind: 'fault', fault: { code: 'unreadable' } })
    server.faults.clear()
    expect((await read()).kind).toBe('content')
  })

  test('hundreds that may not be read keep none of the others away', async () => {
    for (let i = 0; i < 300; i += 1) await put(`0/${i}.json`)
    await putExits(1)
    server.faults.add({ kind: 'status', status: 403, match: { path: /0(\/|%2F)\d+\.json$/ } })
    const { exits, refused } = await loaderOf('', { store: await open() }).load(never)
    expect([...exits.keys()]).toEqual([1])
    expect(refused).toHaveLength(300)
    expect(refused[0]?.detail).toContain('access denied')
  })

  test('a fault that may pass is no verdict on the first messages: the load has failed', async () => {
    await putExits(1, 2)
    server.faults.add({ kind: 'status', status: 500, match: { path: READ } })
    const loader = loaderOf('', { store: await open() })
    await expect(loader.load(never)).rejects.toThrow(StoreError)
    expect(loader.current()).toBeUndefined()

    server.faults.clear()
    expect((await loader.load(never)).exits.size).toBe(2)
  })

  test('an outage while thousands are read ends the load, and not each of them by itself', async () => {
    await putExits(1)
    const store = await open({ readMs: 1_000 })
    await store.read((await entriesOf(store))[0] as StoredFile, never)
    server.faults.add({ kind: 'hang', match: { path: READ } })
    server.clearCalls()

    const names = Array.from({ length: 1_000 }, (_, i) => stored(`${i}.json`))
    const all = Promise.allSettled(names.map((file) => store.read(file, never)))
    const outcomes = new Set((await all).map((one) => one.status === 'rejected' && `${one.reason}`))
    expect([...outcomes]).toEqual([
      `StoreError: read messages ${store.name}: no answer within 1000 ms. Check the network`,
    ])
    expect(reads().length).toBeLessThan(100)
  })

  test('a silent server is waited for no longer than the deadline, a stalled body neither', async () => {
    await putExits(1, 2)
    const store = await open({ readMs: 5_000 })
    server.faults.add({ kind: 'hang-body', match: { path: /1\.json$/ } })
    const files = (await entriesOf(store)) as readonly StoredFile[]
    const [stalled, whole] = await Promise.all(files.map((file) => store.read(file, never)))
    expect(stalled).toMatchObject({ kind: 'fault', fault: { code: 'unreadable' } })
    expect(JSON.stringify(stalled)).toContain('no answer within 5000 ms')
    expect(whole).toMatchObject({ kind: 'content' })

    server.faults.add({ kind: 'hang' })
    const impatient = await open({ listMs: 200 })
    await expect(impatient.list(never)).rejects.toThrow('no answer within 200 ms')
  })

  test('a body without end is cut at 64 MiB, and costs no other one', async () => {
    await putExits(1, 2, 3)
    server.faults.add({
      kind: 'endless',
      everyMs: 0,
      chunkBytes: 1 << 20,
      match: { path: /1\.json$/ },
    })
    // So slow that they are under way when the first is dropped.
    server.faults.add({ kind: 'trickle', everyMs: 1, match: { path: READ } })
    const { exits, refused } = await loaderOf('', { store: await open() }).load(never)
    expect([...exits.keys()].toSorted()).toEqual([2, 3])
    expect(refused).toMatchObject([
      { file: '1.json', code: 'too-large', detail: `more than ${MAX_FILE_BYTES} bytes` },
    ])
  })

  test('many bodies without end are cut together', async () => {
    server.faults.add({ kind: 'endless', everyMs: 0, chunkBytes: 1 << 20, match: { path: READ } })
    const store = await open()
    const files = Array.from({ length: 8 }, (_, i) => stored(`${i}.json`))
    const contents = await Promise.all(files.map((file) => store.read(file, never)))
    for (const content of contents) expect(content.kind).toBe('fault')
    expect(contents).toContainEqual({
      kind: 'fault',
      fault: { code: 'unreadable', detail: 'far more bytes came than were listed' },
    })
  })

  test('a first look asks for one page, and does not wait for long', async () => {
    for (let i = 0; i < 1_001; i += 1) await put(`${i}.json`)
    await (await open({ checkMs: 60_000 })).check(never)
    expect(server.calls.filter(({ path }) => !READ.test(path))).toHaveLength(1)

    server.faults.add({ kind: 'hang' })
    const impatient = await open({ checkMs: 200 })
    await expect(impatient.check(never)).rejects.toMatchObject({ isPassing: true })
  })

  test('neither credentials nor addresses show in what it says', async () => {
    const secrets = ['S3RVER', 'Signature', 'http', 'localhost', '127.0.0.1', 'stolen']
    const body = { error: { code: 400, message: 'stolen', errors: [{ reason: 'stolen' }] } }
    const faults: Fault[] = [
      { kind: 'reset' },
      { kind: 'html' },
      { kind: 'status', status: 400, body },
      { kind: 'status', status: 400, body: '<Error><Code>http://stolen</Code></Error>' },
      { kind: 'wrong-schema', body: '<stolen' },
    ]
    const store = await open({ listMs: 10_000 })
    for (const fault of faults) {
      const ordered = server.faults.add(fault)
      const error = (await store.list(never).catch((reason: unknown) => reason)) as StoreError
      ordered.remove()
      expect(error).toBeInstanceOf(StoreError)
      expect(error.cause).toBeUndefined()
      const said = `${error.message} ${JSON.stringify(error)}`
      for (const secret of secrets) expect(said).not.toContain(secret)
    }
  })
})
