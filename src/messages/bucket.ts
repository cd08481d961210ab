import {
  type BucketClient,
  callWithin,
  type Fault,
  faultOf,
  type ListedObject,
  NO_BUCKET,
} from './bucket-client.ts'
import { createObjectReader } from './bucket-reads.ts'
import {
  kindOfName,
  type Listing,
  MAX_FILE_BYTES,
  type MessageStore,
  type StoreEntry,
  StoreError,
} from './message-store.ts'

/** Milliseconds for one page of a listing, retries included. */
const LIST_MS = 30_000
/** Milliseconds for the first look: a start does not wait for a bucket that is silent. */
const CHECK_MS = 5_000
/** Pages of a listing: a million objects. More is no folder of messages, or a listing without end. */
const MAX_PAGES = 1_000
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

/** Every object below a prefix, at any depth: a bucket has no folders, only names with slashes. */
export function createBucketStore(options: BucketStoreOptions): BucketStore {
  const { name, client, listMs = LIST_MS, checkMs = CHECK_MS } = options
  const root = options.prefix === '' ? '' : `${options.prefix}/`
  const storeError = ({ kind, detail }: Fault) =>
    new StoreError(`read messages ${name}: ${detail}`, { isPassing: kind === 'passing' })
  const reader = createObjectReader({ client, root, readMs: options.readMs, storeError })

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
        entries.set(name, toEntry(object, name, reader.versionOf(name, object.version)))
      }
      if (next === undefined) {
        reader.keepOnly(entries)
        return { entries: [...entries.values()], passedOver }
      }
      if (next === token) break
      token = next
    }
    throw new StoreError(
      `read messages ${name}: the listing does not end, or has more than ${MAX_PAGES} pages. Give the messages a prefix of their own`,
    )
  }

  return {
    name,
    list,
    check: async (signal) => {
      await listPage(undefined, checkMs, signal)
    },
    read: reader.read,
    close: async () => client.close(),
  }
}

function toEntry({ modifiedAt, size }: ListedObject, name: string, version: string): StoreEntry {
  if (size > MAX_FILE_BYTES) return { name, fault: { code: 'too-large', detail: `${size} bytes` } }
  // A version of a bucket tells any change: there is no time stamp to wait for.
  return { name, version, modifiedAt, changedAt: 0, size }
}
