import type { Readable } from 'node:stream'
import pLimit from 'p-limit'
import { onAbort } from '../lib/on-abort.ts'
import { type BucketClient, callWithin, type Fault, faultOf, passing } from './bucket-client.ts'
import {
  MAX_FILE_BYTES,
  type StoredContent,
  type StoredFile,
  type StoreFault,
} from './message-store.ts'

/** Milliseconds for one object, its body included. */
const READ_MS = 60_000
/** Objects that are read at the same time. */
const READS_AT_ONCE = 16
/** Bytes of all objects that are asked for together: twice what an honest listing leads to. */
const MAX_BATCH_BYTES = 2 * MAX_FILE_BYTES
/** After so many passing faults in a row it is the bucket that does not answer, not the objects. */
const MAX_FAULTS_IN_A_ROW = 2 * READS_AT_ONCE

const GIVEN_UP = passing('not tried, since too many before it failed')

type Waiting = {
  readonly file: StoredFile
  readonly signal: AbortSignal
  readonly resolve: (content: StoredContent) => void
  readonly reject: (reason: unknown) => void
}
type Outcome = StoredContent | { readonly kind: 'failed'; readonly fault: Fault }

type ObjectReaderParts = {
  readonly client: BucketClient
  /** Prefix of every key, with a slash at its end unless empty. */
  readonly root: string
  readonly readMs: number | undefined
  /** What is thrown where a fault is that of the bucket as a whole. */
  readonly storeError: (fault: Fault) => Error
}

/** Reads objects, those of one turn of the event loop together. */
export function createObjectReader({
  client,
  root,
  readMs = READ_MS,
  storeError,
}: ObjectReaderParts) {
  const limit = pLimit(READS_AT_ONCE)
  let waiting: Waiting[] = []
  /** How often another version was read than was listed: the next listing has to look new. */
  const strayed = new Map<string, number>()
  /** What was not there when it was read, though it was listed: twice the same is no removal. */
  const missed = new Map<string, string>()
  /** Some object could be read: that others cannot says nothing about the bucket. */
  let hasRead = false

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
    read: (file: StoredFile, signal: AbortSignal): Promise<StoredContent> =>
      new Promise((resolve, reject) => {
        waiting.push({ file, signal, resolve, reject })
        if (waiting.length === 1) setImmediate(() => void flush())
      }),

    /** Of what is listed: another one each time that another version was read. */
    versionOf(name: string, listed: string): string {
      const times = strayed.get(name)
      return times === undefined ? listed : `${listed}${STRAYED}${times}`
    },

    /** The others are not there any more. */
    keepOnly(names: Pick<ReadonlyMap<string, unknown>, 'has'>): void {
      for (const name of strayed.keys()) if (!names.has(name)) strayed.delete(name)
      for (const name of missed.keys()) if (!names.has(name)) missed.delete(name)
    },
  }
}

const NOT_FOUND: StoreFault = {
  code: 'unreadable',
  detail: 'it is listed, but the server does not find it when it is read',
}

/** Between the version of the server, and how often another one was read. */
const STRAYED = ' read '

const listedVersion = ({ version }: StoredFile): string => version.split(STRAYED, 1)[0] ?? version

const isPassing = (outcome: Outcome) =>
  outcome.kind === 'failed' && outcome.fault.kind === 'passing'

function toStored(outcome: Outcome): StoredContent {
  if (outcome.kind !== 'failed') return outcome
  return { kind: 'fault', fault: { code: 'unreadable', detail: outcome.fault.detail } }
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
