import type { Readable } from 'node:stream'
import pLimit from 'p-limit'
import { DeadlineError, withDeadline } from '../lib/deadline.ts'
import { onAbort } from '../lib/on-abort.ts'
import {
  type BucketClient,
  type Fault,
  type ListedObject,
  NO_BUCKET,
  ODD_ANSWER,
  OddAnswerError,
  passing,
} from './bucket-client.ts'
import {
  kindOfName,
  type Listing,
  MAX_FILE_BYTES,
  type MessageStore,
  type StoredContent,
  type StoredFile,
  type StoreEntry,
  StoreError,
  type StoreFault,
} from './store.ts'

/** Milliseconds for one page of a listing, retries included. */
const LIST_MS = 30_000
/** Milliseconds for the first look: a start does not wait for a bucket that is silent. */
const CHECK_MS = 5_000
/** Milliseconds for one object, its body included. */
const READ_MS = 60_000
/** Objects that are read at the same time. */
const READS_AT_ONCE = 16
/** Pages of a listing: a million objects. More is no folder of messages, or a listing without end. */
const MAX_PAGES = 1_000
/** Bytes of all objects that are asked for together: twice what an honest listing leads to. */
const MAX_BATCH_BYTES = 2 * MAX_FILE_BYTES
/** After so many passing faults in a row it is the bucket that does not answer, not the objects. */
const MAX_FAULTS_IN_A_ROW = 2 * READS_AT_ONCE

const GIVEN_UP = passing('not tried, since too many before it failed')

export type BucketStore = MessageStore & {
  /** Asks for one page only. @throws StoreError when the bucket cannot be listed */
  check(signal: AbortSignal): Promise<void>
}

export type BucketStoreOptions = {
  readonly name: string
  /** Without a slash at its ends; empty: the whole bucket. */
  readonly prefix: string
  readonly client: BucketClient
  /** Milliseconds; for tests. */
  readonly listMs?: number
  readonly checkMs?: number
  readonly readMs?: number
}

type Waiting = {
  readonly file: StoredFile
  readonly signal: AbortSignal
  readonly resolve: (content: StoredContent) => void
  readonly reject: (reason: unknown) => void
}
type Outcome = StoredContent | { readonly kind: 'failed'; readonly fault: Fault }

/** Every object below a prefix, at any depth: a bucket has no folders, only names with slashes. */
export function createBucketStore(options: BucketStoreOptions): BucketStore {
  const { name, client, listMs = LIST_MS, checkMs = CHECK_MS, readMs = READ_MS } = options
  const root = options.prefix === '' ? '' : `${options.prefix}/`
  const limit = pLimit(READS_AT_ONCE)
  let waiting: Waiting[] = []
  /** How often another version was read than was listed: the next listing has to look new. */
  const strayed = new Map<string, number>()
  /** What was not there when it was read, though it was listed: twice the same is no removal. */
  const missed = new Map<string, string>()
  /** Some object could be read: that others cannot says nothing about the bucket. */
  let hasRead = false

  const storeError = ({ kind, detail }: Fault) =>
    new StoreError(`read messages ${name}: ${detail}`, { isPassing: kind === 'passing' })

  async function listPage(token: string | undefined, milliseconds: number, signal: AbortSignal) {
    const list = (deadline: AbortSignal) => client.listPage(root, token, deadline)
    try {
      return await callWithin(milliseconds, signal, list)
    } catch (error) {
      signal.throwIfAborted()
      throw storeError(faultOf(client, error) ?? NO_BUCKET)
    }
  }

  async function list(signal: AbortSignal): Promise<Listing> {
    const entries = new Map<string, StoreEntry>()
    const passedOver: string[] = []
    let token: string | undefined
    for (let page = 0; page < MAX_PAGES; page += 1) {
      const { objects, next } = await listPage(token, listMs, signal)
      for (const object of objects) {
        if (!object.key.startsWith(root)) continue
        const name = object.key.slice(root.length)
        const kind = kindOfName(name)
        if (kind === 'passed-over') passedOver.push(name)
        if (kind !== 'message') continue
        entries.set(name, toEntry(object, name, strayed.get(name)))
      }
      if (next === undefined) {
        for (const name of strayed.keys()) if (!entries.has(name)) strayed.delete(name)
        for (const name of missed.keys()) if (!entries.has(name)) missed.delete(name)
        return { entries: [...entries.values()], passedOver }
      }
      if (next === token) break
      token = next
    }
    throw new StoreError(
      `read messages ${name}: the listing does not end, or has more than ${MAX_PAGES} pages. Give the messages a prefix of their own`,
    )
  }

  async function flush(): Promise<void> {
    const batch = waiting
    waiting = []
    try {
      const outcomes = await readAll(batch)
      const out = outageIn(outcomes)
      if (out !== undefined) throw storeError(out)
      outcomes.forEach((outcome, i) => {
        batch[i]?.resolve(toStored(outcome))
      })
    } catch (error) {
      for (const { reject } of batch) reject(error)
    }
  }

  async function readAll(batch: readonly Waiting[]): Promise<readonly Outcome[]> {
    const budget = { bytes: MAX_BATCH_BYTES }
    let inARow = 0
    async function readNext({ file, signal }: Waiting): Promise<Outcome> {
      // Trying all of them would take hours of deadlines.
      if (inARow >= MAX_FAULTS_IN_A_ROW) return { kind: 'failed', fault: GIVEN_UP }
      const outcome = await readOne(file, signal, budget)
      inARow = isPassing(outcome) ? inARow + 1 : 0
      return outcome
    }
    const outcomes = await limit.map(batch, readNext)
    if (inARow >= MAX_FAULTS_IN_A_ROW) return outcomes
    // Libraries do not try a body again that broke off.
    return limit.map(batch, async (one, i) => {
      const outcome = outcomes[i] as Outcome
      return isPassing(outcome) ? readNext(one) : outcome
    })
  }

  async function readOne(
    file: StoredFile,
    signal: AbortSignal,
    budget: { bytes: number },
  ): Promise<Outcome> {
    try {
      return await callWithin(readMs, signal, async (deadline) => {
        const listed = { version: listedVersion(file), size: file.size }
        const { body, isAsListed } = await client.openObject(root + file.name, listed, deadline)
        const content = await collect(body, budget, deadline)
        if (content.kind === 'content' && !isAsListed(content.bytes)) {
          strayed.set(file.name, (strayed.get(file.name) ?? 0) + 1)
        }
        return content
      })
    } catch (error) {
      signal.throwIfAborted()
      const fault = faultOf(client, error)
      return fault === undefined ? notThere(file) : { kind: 'failed', fault }
    }
  }

  function notThere({ name: file, version }: StoredFile): Outcome {
    if (missed.get(file) === version) return { kind: 'fault', fault: NOT_FOUND }
    missed.set(file, version)
    return { kind: 'gone' }
  }

  /**
   * Faults that last are those of objects: one that may not be read keeps no other away.
   *
   * @returns the fault of the bucket as a whole, if that is what these outcomes amount to
   */
  function outageIn(outcomes: readonly Outcome[]): Fault | undefined {
    hasRead ||= outcomes.some(({ kind }) => kind === 'content')
    const faults = outcomes.flatMap((one) => (one.kind === 'failed' ? [one.fault] : []))
    const arePassing = outcomes.every(isPassing)
    const isMany = faults.length >= MAX_FAULTS_IN_A_ROW
    return arePassing && (isMany || !hasRead) ? faults[0] : undefined
  }

  return {
    name,
    list,
    check: async (signal) => {
      await listPage(undefined, checkMs, signal)
    },
    read(file, signal) {
      return new Promise((resolve, reject) => {
        waiting.push({ file, signal, resolve, reject })
        if (waiting.length === 1) setImmediate(() => void flush())
      })
    },
    close: async () => client.close(),
  }
}

const NOT_FOUND: StoreFault = {
  code: 'unreadable',
  detail: 'it is listed, but the server does not find it when it is read',
}

/** Between the version of the server, and how often another one was read. */
const STRAYED = ' read '

function toEntry(
  { version, modifiedAt, size }: ListedObject,
  name: string,
  strayed: number | undefined,
): StoreEntry {
  if (size > MAX_FILE_BYTES) return { name, fault: { code: 'too-large', detail: `${size} bytes` } }
  const told = strayed === undefined ? version : `${version}${STRAYED}${strayed}`
  // A version of a bucket tells any change: there is no time stamp to wait for.
  return { name, version: told, modifiedAt, changedAt: 0, size }
}

const listedVersion = ({ version }: StoredFile): string => version.split(STRAYED, 1)[0] ?? version

const isPassing = (outcome: Outcome) =>
  outcome.kind === 'failed' && outcome.fault.kind === 'passing'

function toStored(outcome: Outcome): StoredContent {
  if (outcome.kind !== 'failed') return outcome
  return { kind: 'fault', fault: { code: 'unreadable', detail: outcome.fault.detail } }
}

/** What a library makes of an abort is no fault of the server: the reason of the abort counts. */
async function callWithin<T>(
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

function faultOf(client: BucketClient, error: unknown): Fault | undefined {
  if (error instanceof DeadlineError) return passing(`${error.message}. Check the network`)
  if (error instanceof OddAnswerError) return ODD_ANSWER
  return client.faultOf(error)
}

/** Reads a body to its end. The size that the listing told may be wrong. */
async function collect(
  body: Readable,
  budget: { bytes: number },
  signal: AbortSignal,
): Promise<StoredContent> {
  const chunks: Buffer[] = []
  let size = 0
  // One that is destroyed may still say why, when nobody listens any more.
  body.on('error', () => {})
  const stop = onAbort(signal, () => body.destroy())
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      size += chunk.length
      budget.bytes -= chunk.length
      if (size > MAX_FILE_BYTES) {
        const detail = `more than ${MAX_FILE_BYTES} bytes`
        return { kind: 'fault', fault: { code: 'too-large', detail } }
      }
      if (budget.bytes < 0) {
        const detail = 'far more bytes came than were listed'
        return { kind: 'fault', fault: { code: 'unreadable', detail } }
      }
      chunks.push(chunk)
    }
    return { kind: 'content', bytes: Buffer.concat(chunks) }
  } finally {
    stop()
    body.destroy()
  }
}
