import { type Readable, Transform } from 'node:stream'
import { DeadlineError, withDeadline } from '../lib/deadline.ts'
import { StoreError } from './message-store.ts'

/** What a bucket store needs of a client library: one bucket, one call at a time. */
export type BucketClient = {
  /** @param token - of the page before; none for the first */
  listPage(prefix: string, token: string | undefined, signal: AbortSignal): Promise<ListPage>
  openObject(key: string, listed: Listed, signal: AbortSignal): Promise<OpenObject>
  /** @returns `undefined`: there is no such object */
  faultOf(error: unknown): Fault | undefined
  close(): void
}

export type Listed = Pick<ListedObject, 'version' | 'size'>

export type OpenObject = {
  readonly body: Readable
  /**
   * Tells once the body has ended whether it is what was listed, and not a newer version.
   *
   * @throws OddAnswerError when it cannot be a whole version of the object at all
   */
  isAsListed(bytes: Uint8Array): boolean
}

export type ListPage = {
  readonly objects: readonly ListedObject[]
  /** Token of the next page. */
  readonly next: string | undefined
}

export type ListedObject = {
  readonly key: string
  /** Differs for any two contents that the key ever had. */
  readonly version: string
  /** Unix ms. */
  readonly modifiedAt: number
  /** Bytes. */
  readonly size: number
}

/**
 * Why a call failed. Passing: it may be over at the next load. Lasting: somebody has to change
 * something. The detail is of our own words, since errors of client libraries may hold URLs,
 * signatures and keys.
 */
export type Fault = { readonly kind: 'passing' | 'lasting'; readonly detail: string }

/** The answer is none to this question: something else than the object store has answered. */
export class OddAnswerError extends Error {
  override readonly name = 'OddAnswerError'
}

/** Bytes of an answer that is no object: a page of a listing (a thousand long keys), an error. */
const MAX_ANSWER_BYTES = 16 * 1024 * 1024

/** Passes an answer on that ends, and breaks off one that does not. */
export function createLimit(): Transform {
  let size = 0
  return new Transform({
    transform(chunk: Buffer, _, done) {
      size += chunk.length
      if (size > MAX_ANSWER_BYTES) done(new OddAnswerError())
      else done(null, chunk)
    },
  })
}

export const passing = (detail: string): Fault => ({ kind: 'passing', detail })
export const lasting = (detail: string): Fault => ({ kind: 'lasting', detail })

export const NO_BUCKET = lasting('no such bucket. Create it, or correct MESSAGES_LOCATION')
export const THROTTLED = passing(
  'throttled by the server. Nothing to do, unless it stays: then raise the limits',
)
export const WRONG_CLOCK = passing(
  'the clock of this machine is wrong. Set it, with NTP for example',
)

export const ODD_ANSWER = passing(
  'what answers is no object store. Check the network, and the endpoint if you set one',
)

/** What a status says where its code does not say more. */
export function faultOfStatus(status: number, code: string): Fault {
  if (status === 408 || status >= 500) {
    return passing(`the server fails (${code}). Nothing to do, unless it stays`)
  }
  return lasting(`refused by the server (${code})`)
}

/** What a library makes of an abort is no fault of the server: the reason of the abort counts. */
export async function callWithin<T>(
  milliseconds: number,
  signal: AbortSignal,
  call: (deadline: AbortSignal) => Promise<T>,
): Promise<T> {
  let deadline: AbortSignal | undefined
  try {
    return await withDeadline(milliseconds, signal, (inner) => {
      deadline = inner
      return call(inner)
    })
  } catch (error) {
    throw deadline?.aborted ? deadline.reason : error
  }
}

/** @returns `undefined`: there is no such object */
export function faultOf(client: BucketClient, error: unknown): Fault | undefined {
  if (error instanceof DeadlineError) return passing(`${error.message}. Check the network`)
  if (error instanceof OddAnswerError) return ODD_ANSWER
  return client.faultOf(error)
}

/** @param setting - where the address of the server may have been set */
export const unreachable = (code: string, setting: string): Fault =>
  passing(`the server cannot be reached (${code}). Check the network and ${setting}`)

/** A word that a server or a library chose, fit for the log. */
export const wordOf = (code: unknown, fallback: string): string =>
  (typeof code === 'string' || typeof code === 'number') && /^\w{1,60}$/.test(`${code}`)
    ? `${code}`
    : fallback

/**
 * Loads a client library, which operators of a folder need not have.
 *
 * @throws StoreError when it is not there
 */
export async function loadPackage<T>(name: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load()
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? wordOf(error.code, 'error') : 'error'
    const isMissing = code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND'
    const problem = isMissing ? 'is not installed' : `cannot be loaded (${code})`
    throw new StoreError(
      `the package ${name}, which MESSAGES_LOCATION needs, ${problem}. Install it: npm install ${name}`,
    )
  }
}
