import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  type MessageStore,
  type StoredFile,
  type StoreEntry,
  StoreError,
} from '../../src/messages/message-store.ts'
import { startGcs } from '../sim/gcs.ts'
import { startS3 } from '../sim/s3.ts'
import { bucketPlace, folderPlace, type Place } from './bucket-places.ts'
import { entriesOf, loaderOf, never, signedExit } from './fixtures.ts'

let s3: Awaited<ReturnType<typeof startS3>>
let gcs: Awaited<ReturnType<typeof startGcs>>
beforeAll(async () => {
  s3 = await startS3()
  gcs = await startGcs()
})
afterAll(async () => {
  await s3.close()
  await gcs.close()
})

const places: readonly (readonly [string, () => Promise<Place>])[] = [
  ['a folder', folderPlace],
  ['S3', () => bucketPlace('s3', s3)],
  ['Google Cloud Storage', () => bucketPlace('gs', gcs)],
]

const namesOf = (entries: readonly StoreEntry[]) => entries.map(({ name }) => name).sort()
const list = ({ store }: Place) => entriesOf(store)
async function find({ store }: Place, name: string): Promise<StoredFile> {
  const file = (await entriesOf(store)).find((entry) => entry.name === name)
  if (file === undefined || 'fault' in file) throw new Error(`${name} is no file`)
  return file
}
async function textOf(place: Place, name: string): Promise<string> {
  const content = await place.store.read(await find(place, name), never)
  if (content.kind !== 'content') throw new Error(`${name}: ${content.kind}`)
  return Buffer.from(content.bytes).toString()
}

/** Names of the files that are read, in the order of the calls. */
function counted(store: MessageStore) {
  const reads: string[] = []
  const read: MessageStore['read'] = (file, signal) => {
    reads.push(file.name)
    return store.read(file, signal)
  }
  return { store: { ...store, read }, reads }
}

describe.each(places)('messages in %s', (_, open) => {
  test('are the entries whose name ends in .json, with their size and time', async () => {
    const place = await open()
    const before = Date.now() - 5_000
    const hidden = ['.hidden.json', '._a.json', '.#a.json', '.json']
    const others = ['notes.txt', 'c.json.bak', 'e.json.txt', 'f.jsonl', 'json', 'g.json5']
    for (const name of ['b.json', 'a.json', 'd.JSON', ...hidden, ...others]) {
      await place.put(name, '12345')
    }

    const entries = await list(place)
    expect(namesOf(entries)).toEqual(['a.json', 'b.json', 'd.JSON'])
    for (const entry of entries) expect(entry).toMatchObject({ size: 5 })
    expect((await find(place, 'a.json')).modifiedAt).toBeGreaterThan(before)
    const { passedOver } = await place.store.list(never)
    expect(passedOver.toSorted()).toEqual(['c.json.bak', 'e.json.txt', 'f.jsonl', 'g.json5'])
  })

  test('are read as they are, whatever is in them and in their names', async () => {
    const place = await open()
    const contents = {
      'empty.json': '',
      'text.json': '{"ü":"€ 😀"}\r\n\0',
      'a b+c%20d&e=f#g.json': 'odd',
      'é 名.json': 'odd too',
    }
    for (const [name, content] of Object.entries(contents)) await place.put(name, content)

    for (const [name, content] of Object.entries(contents)) {
      expect(await textOf(place, name), name).toBe(content)
    }
  })

  test('may be none at all', async () => {
    expect(await list(await open())).toEqual([])
  })

  test('come, go and change at run time, and the version tells', async () => {
    const place = await open()
    await place.put('a.json', 'one')
    await place.put('b.json', 'one')
    const a = await find(place, 'a.json')
    const b = await find(place, 'b.json')

    await place.put('a.json', 'two')
    await place.put('c.json', 'new')
    await place.remove('b.json')
    expect(namesOf(await list(place))).toEqual(['a.json', 'c.json'])
    expect((await find(place, 'a.json')).version).not.toBe(a.version)
    expect(await textOf(place, 'a.json')).toBe('two')
    expect(await place.store.read(b, never)).toEqual({ kind: 'gone' })
  })

  test('keep their version as long as they keep their content', async () => {
    const place = await open()
    await place.put('a.json', 'one')
    const versions = [await find(place, 'a.json'), await find(place, 'a.json')]
    expect(versions[0]).toEqual(versions[1])
  })

  test('are found by the thousand, and read many at once', { timeout: 180_000 }, async () => {
    const place = await open()
    const names = Array.from({ length: 2_500 }, (_, i) => `${i}.json`)
    for (const name of names) await place.put(name, name)

    const files = (await list(place)) as readonly StoredFile[]
    expect(namesOf(files)).toEqual(names.toSorted())
    const some = files.filter((_, i) => i % 25 === 0)
    const contents = await Promise.all(some.map((file) => place.store.read(file, never)))
    const texts = contents.map((one) => one.kind === 'content' && Buffer.from(one.bytes).toString())
    expect(texts).toEqual(some.map(({ name }) => name))
  })

  test('are not opened again while nothing differs', async () => {
    const place = await open()
    await place.put('1.json', JSON.stringify(signedExit(1)))
    await place.put('2.json', JSON.stringify(signedExit(2)))
    const { store, reads } = counted(place.store)
    // Later than any time stamp: a file that just changed is looked at twice.
    const loader = loaderOf('', { store, now: () => Date.now() + 60_000 })
    await loader.load(never)
    expect(reads.toSorted()).toEqual(['1.json', '2.json'])

    await place.put('2.json', JSON.stringify(signedExit(3)))
    const { exits } = await loader.load(never)
    expect(reads.slice(2)).toEqual(['2.json'])
    expect([...exits.keys()].toSorted()).toEqual([1, 3])
  })

  test('stay in memory while the place is away, with an error that names it', async () => {
    const place = await open()
    await place.put('1.json', JSON.stringify(signedExit(1)))
    const loader = loaderOf('', { store: place.store })
    await loader.load(never)

    await place.goAway()
    await expect(loader.load(never)).rejects.toThrow(StoreError)
    await expect(loader.load(never)).rejects.toThrow(`${place.store.name}: `)
    expect([...(loader.current()?.exits.keys() ?? [])]).toEqual([1])

    await place.comeBack()
    await place.put('2.json', JSON.stringify(signedExit(2)))
    expect([...(await loader.load(never)).exits.keys()].toSorted()).toEqual([1, 2])
  })

  test('are gone when the operator removes them all', async () => {
    const place = await open()
    await place.put('1.json', JSON.stringify(signedExit(1)))
    const loader = loaderOf('', { store: place.store })
    await loader.load(never)
    await place.remove('1.json')

    const snapshot = await loader.load(never)
    expect(snapshot.files).toBe(0)
    expect(snapshot.exits.size).toBe(0)
  })

  test('are not waited for after an abort', async () => {
    const place = await open()
    await place.put('a.json', 'one')
    const file = await find(place, 'a.json')
    const controller = new AbortController()
    const listing = place.store.list(controller.signal)
    const reading = place.store.read(file, controller.signal)
    controller.abort(new Error('enough'))
    await expect(listing).rejects.toThrow('enough')
    await expect(reading).rejects.toThrow('enough')
  })
})
