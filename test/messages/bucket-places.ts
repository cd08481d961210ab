import { mkdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { onTestFinished, vi } from 'vitest'
import { type BucketStoreOptions, createBucketStore } from '../../src/messages/bucket.ts'
import { openGs } from '../../src/messages/gs.ts'
import type { MessageStore } from '../../src/messages/message-store.ts'
import { openS3 } from '../../src/messages/s3.ts'
import { startGcs } from '../sim/gcs.ts'
import { startS3 } from '../sim/s3.ts'
import { folderStore, put, temporaryFolder } from './fixtures.ts'

/** A store of messages, and the other side of it. */
export type Place = {
  readonly store: MessageStore
  put(name: string, content: string): Promise<void>
  remove(name: string): Promise<void>
  /** Nothing of it can be reached until `comeBack`. */
  goAway(): Promise<void>
  comeBack(): Promise<void>
}
type Bucket = typeof startS3 | typeof startGcs
export type BucketKind = 's3' | 'gs'

export const buckets = { s3: startS3, gs: startGcs } satisfies Record<BucketKind, Bucket>

/** The store over a bucket of a server, as the daemon would make it. */
export async function bucketStore(
  kind: BucketKind,
  server: { readonly env: NodeJS.ProcessEnv },
  bucket: string,
  options: Partial<BucketStoreOptions> = {},
) {
  useEnv(server.env)
  const client = await (kind === 's3' ? openS3 : openGs)(bucket)
  const store = createBucketStore({
    name: `${kind}://${bucket}`,
    prefix: '',
    client,
    ...options,
  })
  onTestFinished(() => store.close())
  return store
}

/** The client libraries read the environment of the process, some of it at each call. */
export function useEnv(env: NodeJS.ProcessEnv): void {
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value)
  onTestFinished(() => void vi.unstubAllEnvs())
}

export async function folderPlace(): Promise<Place> {
  const folder = join(temporaryFolder(), 'messages')
  mkdirSync(folder)
  return {
    store: folderStore(folder),
    put: async (name, content) => put(folder, name, content),
    remove: async (name) => rmSync(join(folder, name)),
    goAway: async () => renameSync(folder, `${folder}-gone`),
    comeBack: async () => renameSync(`${folder}-gone`, folder),
  }
}

let lastBucket = 0

/** A prefix in a new bucket, beside objects that are none of its. */
export async function bucketPlace(
  kind: BucketKind,
  server: Awaited<ReturnType<Bucket>>,
): Promise<Place> {
  lastBucket += 1
  const bucket = `bucket-${lastBucket}`
  await server.createBucket(bucket)
  await server.put(bucket, 'other/9.json', '{}')
  await server.put(bucket, 'lido-old/9.json', '{}')
  return {
    store: await bucketStore(kind, server, bucket, { prefix: 'lido' }),
    put: (name, content) => server.put(bucket, `lido/${name}`, content),
    remove: (name) => server.remove(bucket, `lido/${name}`),
    goAway: () => server.refuse(),
    comeBack: () => server.revive(),
  }
}
