import { hash as digestOf } from 'node:crypto'
import { yieldIfDue } from '../lib/event-loop.ts'
import {
  type DecodedEntry,
  decodeContent,
  type OpenSealed,
  type Parts,
  type SealedEntry,
  type SplitJson,
} from './decode.ts'
import { createFileMemory, type FileFound } from './file-memory.ts'
import type { Listing, MessageStore, StoredFile } from './message-store.ts'

export type FileReader = {
  /**
   * Reads what is new or changed, plain files before encrypted ones, until the time is up: what is
   * not begun by then is pending.
   *
   * @throws what the store throws
   */
  read(listing: Listing, pass: Pass, signal: AbortSignal): AsyncGenerator<FileFound>
  /** True when this listing would lead to the same again: nothing is to be tried anew. */
  isSettled(listing: Listing): boolean
}

/** Something is always read first, so that each pass gets on. */
export type Pass = {
  readonly open: OpenSealed
  readonly split: SplitJson
  readonly isTimeUp: () => boolean
}

type Read = { readonly file: StoredFile; readonly hash: string; readonly parts: Parts }

/** Files and bytes that are read at once. */
const BATCH_FILES = 128
const BATCH_BYTES = 32 * 1024 * 1024

/**
 * Reads files, and decrypts them: one of the same version is not opened again, and content of the
 * same hash is not decrypted again.
 *
 * @param openAtOnce - envelopes whose keys are derived at the same time
 * @param now - unix ms
 */
export function createFileReader(
  store: MessageStore,
  openAtOnce: number,
  now: () => number,
): FileReader {
  const memory = createFileMemory(now)
  /** So far nothing is pending in this pass. */
  let isWhole = true

  function pending(file: StoredFile): FileFound {
    isWhole = false
    return { ...memory.before(file), isPending: true }
  }

  function remember({ file, hash, parts }: Read, entries: readonly DecodedEntry[]): FileFound {
    return memory.remember(file, hash, entries, !parts.every(isDecoded))
  }

  async function decode(file: StoredFile, bytes: Uint8Array, split: SplitJson): Promise<Read> {
    const hash = digestOf('sha256', bytes, 'base64')
    return { file, hash, parts: memory.decodedAs(hash) ?? (await decodeContent(bytes, split)) }
  }

  function readBatch(batch: readonly StoredFile[] = [], signal: AbortSignal) {
    const read = Promise.all(
      batch.map(async (file) => ({ file, content: await store.read(file, signal) })),
    )
    // What goes wrong is told by who waits for it; nobody may, when the pass ends before.
    read.catch(() => {})
    return read
  }

  async function* readChanged(
    changed: readonly StoredFile[],
    sealed: Read[],
    { split, isTimeUp }: Pass,
    signal: AbortSignal,
  ): AsyncGenerator<FileFound> {
    const batches = [...batchesOf(changed)]
    let reading: ReturnType<typeof readBatch> | undefined = readBatch(batches[0], signal)
    for (const [at, batch] of batches.entries()) {
      if (reading === undefined) {
        yield* batch.map(pending)
        continue
      }
      const contents = await reading
      // The store reads on while these are decoded.
      reading = isTimeUp() ? undefined : readBatch(batches[at + 1], signal)
      for (const { file, content } of contents) {
        if (content.kind === 'gone') continue
        if (content.kind === 'fault')
          yield memory.failed(file, memory.faulty(file.name, content.fault))
        else {
          const one = await decode(file, content.bytes, split)
          if (one.parts.every(isDecoded)) yield remember(one, one.parts)
          else sealed.push(one)
        }
        const turn = yieldIfDue()
        if (turn !== undefined) await turn
      }
    }
  }

  async function* openAll(
    sealed: readonly Read[],
    { open, isTimeUp }: Pass,
    signal: AbortSignal,
  ): AsyncGenerator<FileFound> {
    for (let at = 0; at < sealed.length; at += openAtOnce) {
      const group = sealed.slice(at, at + openAtOnce)
      if (isTimeUp() && at > 0) {
        yield* group.map(({ file }) => pending(file))
        continue
      }
      const opened = group.map((one) => openParts(one.parts, open, signal))
      for (const [i, entries] of (await Promise.all(opened)).entries()) {
        const one = group[i]
        if (one === undefined) continue
        // Not remembered, so that the next load tries again.
        if (entries === undefined) yield memory.failed(one.file, notOpened(one.file))
        else yield remember(one, entries)
      }
      const turn = yieldIfDue()
      if (turn !== undefined) await turn
    }
  }

  return {
    async *read(listing, pass, signal) {
      const changed: StoredFile[] = []
      isWhole = true
      for (const entry of listing.entries) {
        const found = 'fault' in entry ? memory.faulty(entry.name, entry.fault) : memory.same(entry)
        if (found !== undefined) yield found
        else if ('version' in entry) changed.push(entry)
        const turn = yieldIfDue()
        if (turn !== undefined) await turn
      }
      const sealed: Read[] = []
      yield* readChanged(changed, sealed, pass, signal)
      yield* openAll(sealed, pass, signal)
      await memory.endPass(listing, isWhole)
    },

    isSettled: memory.isSettled,
  }
}

const notOpened = ({ name, modifiedAt }: StoredFile): FileFound => {
  const refusal = { code: 'decryption-failed', detail: 'the key derivation broke off' } as const
  return { name, modifiedAt, entries: [{ kind: 'refused', refusal }] }
}

function* batchesOf(files: readonly StoredFile[]): Generator<readonly StoredFile[]> {
  let batch: StoredFile[] = []
  let bytes = 0
  for (const file of files) {
    if (batch.length >= BATCH_FILES || (batch.length > 0 && bytes + file.size > BATCH_BYTES)) {
      yield batch
      batch = []
      bytes = 0
    }
    batch.push(file)
    bytes += file.size
  }
  if (batch.length > 0) yield batch
}

const isDecoded = (entry: DecodedEntry | SealedEntry): entry is DecodedEntry =>
  entry.kind !== 'sealed'

async function openParts(parts: Parts, open: OpenSealed, signal: AbortSignal) {
  const opened: DecodedEntry[] = []
  for (const part of parts) {
    const entries = part.kind === 'sealed' ? await open(part, signal) : [part]
    if (entries === undefined) return undefined
    for (const entry of entries) opened.push(entry)
  }
  return opened
}
