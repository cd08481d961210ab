import type { MessagesLocation } from '../config/locations.ts'
import { DeadlineError, withDeadline } from '../lib/deadline.ts'
import { messageOf } from '../lib/message-of.ts'
import { type BucketStore, createBucketStore } from '../messages/bucket.ts'
import { createFolderStore } from '../messages/folder.ts'
import { openGs } from '../messages/gs.ts'
import { type Listing, type MessageStore, StoreError } from '../messages/message-store.ts'
import { openS3 } from '../messages/s3.ts'
import type { Log } from '../requests/cycle-parts.ts'
import { StartUpError } from './start-up.ts'

const STARTS_ALL_THE_SAME = 'The daemon starts all the same, and reads it again at every cycle'

/**
 * The configured location, looked at once: what somebody has to change ends the start, what may be
 * over by itself is said, and tried again by the loads to come.
 *
 * @throws StartUpError when it cannot be read as it is set up
 */
export async function openStore(
  location: MessagesLocation,
  log: Pick<Log, 'warn'>,
  signal: AbortSignal,
): Promise<MessageStore> {
  try {
    if (location.kind !== 'folder') return await openBucket(location, log, signal)
    const store = createFolderStore(location.path)
    return servingOnce(await lookAt(store, log, signal), store)
  } catch (error) {
    throw new StartUpError(messageOf(error))
  }
}

/** Milliseconds for the first look: a start does not wait for a mount that hangs. */
const FIRST_LOOK_MS = 20_000

async function lookAt(
  store: MessageStore,
  log: Pick<Log, 'warn'>,
  signal: AbortSignal,
): Promise<Listing | undefined> {
  try {
    return await withDeadline(FIRST_LOOK_MS, signal, (deadline) => store.list(deadline))
  } catch (error) {
    if (!(error instanceof DeadlineError)) throw error
    log.warn(
      `messages folder ${store.name} does not answer: does its mount hang? ${STARTS_ALL_THE_SAME}`,
    )
    return undefined
  }
}

/** The first look serves the first load too, which comes at once. */
function servingOnce(first: Listing | undefined, store: MessageStore): MessageStore {
  let unused = first
  return {
    ...store,
    async list(signal) {
      const listing = unused
      unused = undefined
      return listing ?? store.list(signal)
    },
  }
}

async function openBucket(
  { kind, bucket, prefix }: Exclude<MessagesLocation, { kind: 'folder' }>,
  log: Pick<Log, 'warn'>,
  signal: AbortSignal,
): Promise<MessageStore> {
  const open = kind === 's3' ? openS3 : openGs
  const name = `${kind}://${bucket}${prefix === '' ? '' : `/${prefix}`}`
  const store: BucketStore = createBucketStore({ name, prefix, client: await open(bucket) })
  try {
    await store.check(signal)
  } catch (error) {
    if (!(error instanceof StoreError && error.isPassing)) throw error
    log.warn(`${error.message}. ${STARTS_ALL_THE_SAME}`)
  }
  return store
}
