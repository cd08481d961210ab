import type { MessagesLocation } from '../config/locations.ts'
import { createFiles } from '../lib/files.ts'
import { messageOf } from '../lib/message-of.ts'
import { type BucketStore, createBucketStore } from '../messages/bucket.ts'
import { createFolderStore } from '../messages/folder.ts'
import { openGs } from '../messages/gs.ts'
import { openS3 } from '../messages/s3.ts'
import { MAX_FILE_BYTES, type MessageStore, StoreError } from '../messages/store.ts'
import type { Log } from '../requests/cycle-parts.ts'
import { StartUpError } from './start-up.ts'

/**
 * The configured location, looked at once: what somebody has to change ends the start, what may be
 * over by itself is said, and tried again by the loads to come.
 *
 * @param workers - folder of the built workers
 * @throws StartUpError when it cannot be read as it is set up
 */
export async function openStore(
  location: MessagesLocation,
  workers: URL,
  log: Pick<Log, 'warn'>,
  signal: AbortSignal,
): Promise<MessageStore> {
  try {
    if (location.kind !== 'folder') return await openBucket(location, log, signal)
    const files = createFiles(MAX_FILE_BYTES, new URL('file-worker.js', workers))
    const store = createFolderStore(location.path, files)
    await store.list(signal)
    return store
  } catch (error) {
    throw new StartUpError(messageOf(error))
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
    log.warn(`${error.message}. The daemon starts all the same, and reads it again at every cycle`)
  }
  return store
}
