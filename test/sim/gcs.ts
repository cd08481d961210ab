import { CRC32C } from '@google-cloud/storage'
import type { Answer, Call } from './faults.ts'
import { json, startHttpServer } from './http-server.ts'

type Stored = { readonly content: string; readonly generation: number; readonly updated: string }

/** As Google's server answers: at most so many objects a page. */
const LARGEST_PAGE = 1_000

const refusal = (code: number, reason: string, message: string): Answer =>
  json({ error: { code, message, errors: [{ message, domain: 'global', reason }] } }, code)

/** The part of the JSON API of Google Cloud Storage that a reader of a bucket needs. */
export async function startGcs(...names: readonly string[]) {
  const buckets = new Map(names.map((name) => [name, new Map<string, Stored>()]))
  let lastGeneration = 1_700_000_000_000_000
  const server = await startHttpServer(handle)

  function handle(call: Call): Answer {
    const path = call.path.replace(/^\/storage\/v1/, '')
    const [, bucket = '', object] = /^\/b\/([^/]+)\/o(?:\/([^/]+))?$/.exec(path) ?? []
    const objects = buckets.get(decodeURIComponent(bucket))
    if (call.method !== 'GET') return refusal(405, 'methodNotAllowed', 'Method not allowed')
    if (objects === undefined) {
      return refusal(404, 'notFound', 'The specified bucket does not exist.')
    }
    return object === undefined
      ? list(objects, call.query)
      : read(objects, decodeURIComponent(object))
  }

  function list(objects: ReadonlyMap<string, Stored>, query: URLSearchParams): Answer {
    const size = Math.min(Number(query.get('maxResults') ?? LARGEST_PAGE), LARGEST_PAGE)
    const after = Buffer.from(query.get('pageToken') ?? '', 'base64').toString()
    const found = [...objects]
      .filter(([name]) => name.startsWith(query.get('prefix') ?? '') && name > after)
      .sort(([a], [b]) => (a < b ? -1 : 1))
    const page = found.slice(0, size)
    const last = page.at(-1)?.[0] ?? ''
    return json({
      kind: 'storage#objects',
      ...(found.length > size ? { nextPageToken: Buffer.from(last).toString('base64') } : {}),
      ...(page.length === 0 ? {} : { items: page.map(toItem) }),
    })
  }

  function read(objects: ReadonlyMap<string, Stored>, name: string): Answer {
    const stored = objects.get(name)
    if (stored === undefined) return { status: 404, body: 'No such object' }
    const crc32c = new CRC32C()
    crc32c.update(Buffer.from(stored.content))
    return {
      status: 200,
      headers: {
        'content-type': 'application/octet-stream',
        'x-goog-generation': `${stored.generation}`,
        'x-goog-stored-content-encoding': 'identity',
        'x-goog-hash': `crc32c=${crc32c}`,
      },
      body: stored.content,
    }
  }

  return Object.assign(server, {
    env: { STORAGE_EMULATOR_HOST: server.url },
    async createBucket(bucket: string) {
      buckets.set(bucket, new Map())
    },
    async put(bucket: string, name: string, content: string) {
      lastGeneration += 1
      const updated = new Date().toISOString()
      buckets.get(bucket)?.set(name, { content, generation: lastGeneration, updated })
    },
    async remove(bucket: string, name: string) {
      buckets.get(bucket)?.delete(name)
    },
    async removeBucket(bucket: string) {
      buckets.delete(bucket)
    },
  })
}

const toItem = ([name, { content, generation, updated }]: [string, Stored]) => ({
  kind: 'storage#object',
  name,
  generation: `${generation}`,
  size: `${Buffer.byteLength(content)}`,
  updated,
})
