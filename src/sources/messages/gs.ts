import { z } from 'zod'
import {
  type BucketClient,
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

/** What is asked for of each object, and so what is there. */
const FIELDS = 'kind,nextPageToken,items(name,generation,size,updated)'

const listing = z.object({
  kind: z.literal('storage#objects'),
  nextPageToken: z.string().optional(),
  items: z
    .array(
      z.object({
        name: z.string(),
        generation: z.coerce.string(),
        size: z.coerce.number(),
        updated: z.coerce.date(),
      }),
    )
    .default([]),
})

/**
 * A bucket of Google Cloud Storage, with the application default credentials, or of what
 * `STORAGE_EMULATOR_HOST` names.
 *
 * @throws StoreError when the client library is not installed
 */
export async function openGs(name: string): Promise<BucketClient> {
  const library = '@google-cloud/storage'
  const { Storage } = await loadPackage(library, () => import('@google-cloud/storage'))
  const storage = new Storage({
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

  return {
    async listPage(prefix, token) {
      const page = { autoPaginate: false, prefix, fields: FIELDS }
      const query = token === undefined ? page : { ...page, pageToken: token }
      const [, , answer] = await bucket.getFiles(query)
      const parsed = listing.safeParse(answer)
      // A page of HTML would pass for an empty bucket, and that for the operator's stop.
      if (!parsed.success) throw new OddAnswerError()
      const { items, nextPageToken } = parsed.data
      const objects = items.map(({ name: key, generation, size, updated }) => ({
        key,
        version: generation,
        modifiedAt: updated.getTime(),
        size,
      }))
      return { objects, next: nextPageToken || undefined }
    },

    openObject: async (key) => bucket.file(key).createReadStream(),

    faultOf: gsFaultOf,
    close() {},
  }
}

const DENIED = lasting(
  'access denied. Give the account storage.objects.list and storage.objects.get, as the role Storage Object Viewer does',
)
const BAD_CREDENTIALS = lasting(
  'no credentials that are accepted. Set GOOGLE_APPLICATION_CREDENTIALS, or give the machine a service account',
)
const NO_FILE = lasting(
  'the file that GOOGLE_APPLICATION_CREDENTIALS names cannot be read. Correct the path, or its permissions',
)

/** @see https://cloud.google.com/storage/docs/json_api/v1/status-codes */
function gsFaultOf(error: unknown): Fault | undefined {
  if (!(error instanceof Error)) return passing('unknown error')
  const status = statusOf(error)
  if (status === undefined) return faultWithoutStatus(error)
  const reasons = reasonsOf(error)
  if (status === 404) {
    return reasons.has('notFound') || /specified bucket/.test(error.message) ? NO_BUCKET : undefined
  }
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
  if (code === 'ENOENT' || code === 'EACCES') return NO_FILE
  if (error instanceof SyntaxError || /credential/i.test(error.message)) return BAD_CREDENTIALS
  return unreachable(code, 'STORAGE_EMULATOR_HOST')
}

/** The library gives it as a number or as digits. */
function statusOf(error: Error): number | undefined {
  const { code, status } = error as { code?: unknown; status?: unknown }
  return [code, status].map(Number).find((number) => number >= 100 && number < 600)
}

/** In the error of a listing; a read has only the text of the answer. */
function reasonsOf(error: Error): ReadonlySet<string> {
  const { errors } = error as { errors?: unknown }
  const listed = Array.isArray(errors) ? errors : []
  return new Set(listed.flatMap((one) => (typeof one?.reason === 'string' ? [one.reason] : [])))
}
