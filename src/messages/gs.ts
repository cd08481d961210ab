import { PassThrough, pipeline, type Readable, type Transform } from 'node:stream'
import { text } from 'node:stream/consumers'
import { createGunzip } from 'node:zlib'
import * as v from 'valibot'
import { jsonOf } from '../lib/json.ts'
import { onAbort } from '../lib/on-abort.ts'
import { numeric } from '../lib/parsed-by.ts'
import {
  type BucketClient,
  createLimit,
  type Fault,
  faultOfStatus,
  lasting,
  loadPackage,
  NO_BUCKET,
  OddAnswerError,
  passing,
  THROTTLED,
  unreachable,
  WRONG_CLOCK,
  wordOf,
} from './bucket-client.ts'

/** Calls after the first, where the fault may pass. */
const RETRIES = 2
/** Seconds between two of them at most, and for all of them. */
const LONGEST_PAUSE_S = 1
const ALL_RETRIES_S = 15
/** Milliseconds until a silent server is given up: the library cannot be told to stop earlier. */
const SILENCE_MS = 20_000

/**
 * No call here names a project. Without one the library looks for it before each call where the
 * key file has none: it runs gcloud and tries the metadata server, for 5 s and more.
 */
const NO_PROJECT = 'none'

/** What is asked for of each object, and so what is there. */
const FIELDS = 'kind,nextPageToken,items(name,generation,size,updated)'

const object = v.object({
  name: v.string(),
  generation: v.pipe(
    v.union([v.pipe(v.string(), v.minLength(1)), v.number()]),
    v.transform(String),
  ),
  size: numeric,
  updated: v.pipe(
    v.string(),
    v.transform((time) => new Date(time)),
    v.date(),
  ),
})
const listing = v.object({
  kind: v.literal('storage#objects'),
  nextPageToken: v.optional(v.string()),
  items: v.optional(v.array(object), []),
})

/**
 * A bucket of Google Cloud Storage, with the application default credentials, or of what
 * `STORAGE_EMULATOR_HOST` names.
 *
 * @throws StoreError when the client library is not installed
 */
export async function openGs(name: string): Promise<BucketClient> {
  const library = '@google-cloud/storage'
  const { CRC32C, Storage } = await loadPackage(library, () => import('@google-cloud/storage'))
  const storage = new Storage({
    projectId: NO_PROJECT,
    timeout: SILENCE_MS,
    retryOptions: {
      maxRetries: RETRIES,
      maxRetryDelay: LONGEST_PAUSE_S,
      totalTimeout: ALL_RETRIES_S,
    },
  })
  // Its own agent is closed with the first body that is dropped, and all others break off or hang.
  const interceptor = { request: (call: object) => Object.assign(call, { forever: false }) }
  storage.interceptors.push(interceptor as (typeof storage.interceptors)[number])
  const bucket = storage.bucket(name)

  /**
   * As a stream: what the library reads by itself has no bound, goes on when nobody waits for it,
   * and some answers that are not Google's make it throw where nobody can catch it.
   */
  async function get(uri: string, qs: object, signal: AbortSignal): Promise<Answer> {
    const headers = { 'cache-control': 'no-store' }
    const call = bucket.requestStream({ uri, qs, headers }) as unknown as Call
    const head = await new Promise<Head>((resolve, reject) => {
      // Before there is an answer, the library throws when that comes after an abort.
      let abort = () => {}
      call.once('response', (answer) => {
        abort = () => call.abort?.()
        resolve(answer)
        if (call.destroyed) setImmediate(abort)
      })
      // One that is destroyed may still say why, when nobody listens any more.
      call.on('error', reject)
      call.once('close', () => {
        abort()
        reject(new OddAnswerError())
      })
      onAbort(signal, () => call.destroy(signal.reason))
    })
    const isGood = head.statusCode >= 200 && head.statusCode < 300
    if (isGood) return { headers: head.headers, body: call }
    throw new GsError(head.statusCode, await textOf(call))
  }

  return {
    async listPage(prefix, token, signal) {
      const page = { prefix, fields: FIELDS }
      const query = token === undefined ? page : { ...page, pageToken: token }
      const { body } = await get('/o', query, signal)
      const parsed = v.safeParse(listing, jsonOf(await textOf(body)))
      // A page of HTML would pass for an empty bucket, and that for the operator's stop.
      if (!parsed.success) throw new OddAnswerError()
      const { items, nextPageToken } = parsed.output
      const objects = items.map(({ name: key, generation, size, updated }) => ({
        key,
        version: generation,
        modifiedAt: updated.getTime(),
        size,
      }))
      return { objects, next: nextPageToken || undefined }
    },

    async openObject(key, listed, signal) {
      const uri = `/o/${encodeURIComponent(key)}`
      const { headers, body } = await get(uri, { alt: 'media' }, signal)
      const generation = headers['x-goog-generation']
      const hash = headers['x-goog-hash']
      // The hash is of the bytes that are stored, and they may come unpacked.
      const isPacked = headers['x-goog-stored-content-encoding'] === 'gzip'
      return {
        body: piped(body, headers['content-encoding'] === 'gzip' ? createGunzip() : undefined),
        isAsListed(bytes) {
          // Some other page would pass for its content for good.
          if (generation === undefined && hash === undefined) throw new OddAnswerError()
          if (!isPacked && !fitsHash(bytes, hash)) throw new OddAnswerError()
          return generation === listed.version
        },
      }
    },

    faultOf: gsFaultOf,
    close() {},
  }

  function fitsHash(bytes: Uint8Array, hash: string | undefined): boolean {
    const [, expected] = /(?:^|[ ,])crc32c=([^, ]+)/.exec(hash ?? '') ?? []
    if (expected === undefined) return true
    const crc32c = new CRC32C()
    crc32c.update(Buffer.from(bytes))
    return crc32c.validate(expected)
  }
}

type Head = {
  readonly statusCode: number
  readonly headers: Readonly<Record<string, string | undefined>>
}
type Answer = Pick<Head, 'headers'> & { readonly body: Readable }
/** `abort` is there once the call is under way. */
type Call = Readable & { abort?: () => void }

const refusal = v.object({
  error: v.object({ errors: v.array(v.object({ reason: v.string() })) }),
})

/** Google has answered, and said no. */
class GsError extends Error {
  override readonly name = 'GsError'
  readonly status: number
  readonly reasons: ReadonlySet<string>

  /** @param answer - to be told apart by; not for the log */
  constructor(status: number, answer: string) {
    super(answer)
    this.status = status
    const parsed = v.safeParse(refusal, jsonOf(answer))
    const errors = parsed.success ? parsed.output.error.errors : []
    this.reasons = new Set(errors.map(({ reason }) => reason))
  }
}

/** A stream of Node's own: the library's never ends for some of its readers. */
function piped(body: Readable, through: Transform = new PassThrough()): Readable {
  pipeline(body, through, () => {})
  return through
}

const textOf = (body: Readable) => text(piped(body, createLimit()))

const DENIED = lasting(
  'access denied. Give the account storage.objects.list and storage.objects.get, as the role Storage Object Viewer does',
)
const BAD_CREDENTIALS = lasting(
  'no credentials that are accepted. Set GOOGLE_APPLICATION_CREDENTIALS, or give the machine a service account',
)
const BAD_ADDRESS = lasting('STORAGE_EMULATOR_HOST is no URL. Set it to one, as http://host:port')
const NO_FILE = lasting(
  'the file that GOOGLE_APPLICATION_CREDENTIALS names cannot be read. Correct the path, or its permissions',
)

/** @see https://cloud.google.com/storage/docs/json_api/v1/status-codes */
function gsFaultOf(error: unknown): Fault | undefined {
  if (!(error instanceof Error)) return passing('unknown error')
  const status = statusOf(error)
  if (status === undefined) return faultWithoutStatus(error)
  const reasons = error instanceof GsError ? error.reasons : new Set()
  if (status === 404) return /specified bucket/.test(error.message) ? NO_BUCKET : undefined
  if (status === 429 || reasons.has('rateLimitExceeded') || reasons.has('userRateLimitExceeded')) {
    return THROTTLED
  }
  if (/invalid_grant/.test(error.message)) {
    return /timeframe/.test(error.message) ? WRONG_CLOCK : BAD_CREDENTIALS
  }
  if (status === 401) return BAD_CREDENTIALS
  if (status === 403) return DENIED
  return faultOfStatus(status, `${status}`)
}

/** Nobody has answered: the network, or what was to be read before it. */
function faultWithoutStatus(error: Error): Fault {
  const code = 'code' in error ? wordOf(error.code, 'error') : wordOf(error.name, 'error')
  if (code === 'ENOENT' || code === 'EACCES' || /it is not a file/.test(error.message)) {
    return NO_FILE
  }
  if (error instanceof TypeError && /URL|HTTP\(S\)/.test(error.message)) return BAD_ADDRESS
  const isKey = error instanceof SyntaxError || /^ERR_OSSL_/.test(code)
  if (isKey || /credential/i.test(error.message)) return BAD_CREDENTIALS
  return unreachable(code, 'STORAGE_EMULATOR_HOST')
}

/** The library gives it as a number or as digits. */
function statusOf(error: Error): number | undefined {
  const { code, status } = error as { code?: unknown; status?: unknown }
  return [code, status].map(Number).find((number) => number >= 100 && number < 600)
}
