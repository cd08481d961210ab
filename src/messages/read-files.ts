import { createHash } from 'node:crypto'
import { yieldIfDue } from '../lib/event-loop.ts'
import {
  type DecodedEntry,
  decodeContent,
  type OpenSealed,
  type Parts,
  type SealedEntry,
  type SplitJson,
} from './decode.ts'
import type { Listing, MessageStore, StoredFile, StoreFault } from './store.ts'

/** One file as this pass found it. */
export type FileFound = {
  readonly name: string
  /** Unix ms; of the content, when that stems from an earlier pass. */
  readonly modifiedAt: number
  readonly entries: readonly DecodedEntry[]
  readonly fault?: StoreFault
  /** Holds at least one EIP-2335 envelope. */
  readonly isEncrypted?: true
  /** The pass was over before it could be read: what was read from it before stays in use. */
  readonly isPending?: true
}

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

type Known = {
  readonly version: string
  /** The version can be trusted: the clock had moved on since the last change. */
  readonly settled: boolean
  readonly hash: string
  readonly found: FileFound
}
type Read = { readonly file: StoredFile; readonly hash: string; readonly parts: Parts }

/** Coarsest time stamp of a file system that is in use (FAT), ms. */
const TIMESTAMP_STEP_MS = 2_000
/** Files and bytes that are read at once. */
const BATCH_FILES = 256
const BATCH_BYTES = 64 * 1024 * 1024

/**
 * Remembers what was read and decrypted: a file of the same version is not opened again, and
 * content of the same hash is not decrypted again, whatever its file is called now. What is no
 * longer there is forgotten.
 *
 * @param openAtOnce - envelopes whose keys are derived at the same time
 * @param now - unix ms
 */
export function createFileReader(
  store: MessageStore,
  openAtOnce: number,
  now: () => number,
): FileReader {
  const files = new Map<string, Known>()
  /** By the hash of the content, as it is in the file. */
  const decoded = new Map<string, readonly DecodedEntry[]>()
  const encrypted = new Set<string>()
  /** What failed is tried again by the next load, not by each pass of this one. */
  const failed = new Map<string, { readonly version: string; readonly found: FileFound }>()

  function remember({ file, hash, parts }: Read, entries: readonly DecodedEntry[]): FileFound {
    const { name, version, modifiedAt, changedAt } = file
    const settled = Math.abs(now() - changedAt) > TIMESTAMP_STEP_MS
    const isEncrypted = !parts.every(isDecoded) || encrypted.has(hash)
    if (isEncrypted) encrypted.add(hash)
    const found = { name, modifiedAt, entries, ...(isEncrypted ? { isEncrypted } : {}) }
    decoded.set(hash, entries)
    files.set(name, { version, settled, hash, found })
    return found
  }

  function faulty(name: string, fault: StoreFault): FileFound {
    const known = files.get(name)
    // What cannot be read just now may still be in use; what is another thing now is not.
    if (fault.code === 'unreadable' && known !== undefined) return { ...known.found, fault }
    files.delete(name)
    return { name, modifiedAt: 0, entries: [], fault }
  }

  /** So far nothing is pending in this pass. */
  let isWhole = true

  function fail({ name, version }: StoredFile, found: FileFound): FileFound {
    failed.set(name, { version, found })
    return found
  }

  function pending({ name }: StoredFile): FileFound {
    isWhole = false
    const known = files.get(name)?.found ?? { name, modifiedAt: 0, entries: [] }
    return { ...known, isPending: true }
  }

  async function decode(file: StoredFile, bytes: Uint8Array, split: SplitJson): Promise<Read> {
    const hash = createHash('sha256').update(bytes).digest('base64')
    return { file, hash, parts: decoded.get(hash) ?? (await decodeContent(bytes, split)) }
  }

  function forgetAllBut({ entries }: Listing): void {
    const names = new Set(entries.map(({ name }) => name))
    for (const name of files.keys()) if (!names.has(name)) files.delete(name)
    const hashes = new Set([...files.values()].map(({ hash }) => hash))
    for (const hash of decoded.keys()) if (!hashes.has(hash)) decoded.delete(hash)
    for (const hash of encrypted) if (!hashes.has(hash)) encrypted.delete(hash)
  }

  async function* readChanged(
    changed: readonly StoredFile[],
    sealed: Read[],
    { split, isTimeUp }: Pass,
    signal: AbortSignal,
  ): AsyncGenerator<FileFound> {
    let isFirst = true
    for (const batch of batchesOf(changed)) {
      if (isTimeUp() && !isFirst) {
        yield* batch.map(pending)
        continue
      }
      isFirst = false
      const read = batch.map(async (file) => ({ file, content: await store.read(file, signal) }))
      for (const { file, content } of await Promise.all(read)) {
        if (content.kind === 'gone') continue
        if (content.kind === 'fault') yield fail(file, faulty(file.name, content.fault))
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
        if (entries === undefined) yield fail(one.file, notOpened(one.file))
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
        const known = files.get(entry.name)
        const lately = failed.get(entry.name)
        if ('fault' in entry) yield faulty(entry.name, entry.fault)
        else if (known?.settled && known.version === entry.version) yield known.found
        else if (lately?.version === entry.version) yield lately.found
        else changed.push(entry)
        const turn = yieldIfDue()
        if (turn !== undefined) await turn
      }
      const sealed: Read[] = []
      yield* readChanged(changed, sealed, pass, signal)
      yield* openAll(sealed, pass, signal)
      forgetAllBut(listing)
      if (isWhole) failed.clear()
    },

    isSettled: ({ entries }) =>
      entries.every((entry) => {
        const known = files.get(entry.name)
        return known?.settled && 'version' in entry && known.version === entry.version
      }),
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
