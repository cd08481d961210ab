import { createHash } from 'node:crypto'
import pLimit from 'p-limit'
import { breathe } from '../../lib/breathe.ts'
import {
  type DecodedEntry,
  decodeContent,
  type OpenSealed,
  type Parts,
  type SealedEntry,
} from './decode.ts'
import type { MessageStore, StoredFile, StoreEntry, StoreFault } from './store.ts'

/** One file as this load found it. */
export type FileFound = {
  readonly name: string
  /** Unix ms; of the content, when that stems from an earlier load. */
  readonly modifiedAt: number
  readonly entries: readonly DecodedEntry[]
  readonly fault: StoreFault | undefined
}

export type Contents = {
  /**
   * Reads what is new or changed and hands over each file once all its entries are decoded:
   * unchanged ones at once, encrypted ones last.
   *
   * @throws what the store throws; what `onFile` throws
   */
  read(
    listed: readonly StoreEntry[],
    open: OpenSealed,
    onFile: (file: FileFound) => void,
    signal: AbortSignal,
  ): Promise<void>
}

type Known = {
  readonly version: string
  readonly modifiedAt: number
  /** The version can be trusted: the clock had moved on since the last change. */
  readonly settled: boolean
  readonly hash: string
}
type Half = { readonly file: StoredFile; readonly hash: string; readonly parts: Parts }

/** Coarsest time stamp of a file system that is in use (FAT), ms. */
const TIMESTAMP_STEP_MS = 2_000
/** Files and bytes that are read at once. */
const BATCH_FILES = 256
const BATCH_BYTES = 64 * 1024 * 1024

/**
 * Remembers what was read and decrypted: a file of the same version is not opened again, and
 * content of the same hash is not decrypted again, whatever its file is called now. What is no
 * longer there is forgotten.
 */
export function createContents(
  store: MessageStore,
  openAtOnce: number,
  now: () => number,
): Contents {
  let files = new Map<string, Known>()
  let decoded = new Map<string, readonly DecodedEntry[]>()

  return {
    async read(listed, open, onFile, signal) {
      const startedAt = now()
      const kept = new Map<string, Known>()
      const sealed: Half[] = []
      const changed: StoredFile[] = []

      const deliver = (name: string, known: Known, fault?: StoreFault) => {
        const entries = decoded.get(known.hash)
        if (entries === undefined) return
        kept.set(name, known)
        onFile({ name, modifiedAt: known.modifiedAt, entries, fault })
      }
      const deliverFault = (name: string, fault: StoreFault) => {
        const known = files.get(name)
        // What cannot be read just now may still be in use; what is another thing now is not.
        if (fault.code === 'unreadable' && known !== undefined) deliver(name, known, fault)
        else onFile({ name, modifiedAt: 0, entries: [], fault })
      }
      const finish = ({ file, hash }: Half, entries: readonly DecodedEntry[]) => {
        const settled = Math.abs(startedAt - file.changedAt) > TIMESTAMP_STEP_MS
        const { version, modifiedAt } = file
        decoded.set(hash, entries)
        deliver(file.name, { version, modifiedAt, settled, hash })
      }

      for (const entry of listed) {
        const pause = breathe()
        if (pause !== undefined) await pause
        if ('fault' in entry) deliverFault(entry.name, entry.fault)
        else {
          const known = files.get(entry.name)
          if (known?.settled && known.version === entry.version) deliver(entry.name, known)
          else changed.push(entry)
        }
      }

      for (const batch of batches(changed)) {
        const contents = await Promise.all(batch.map((file) => store.read(file, signal)))
        for (const [i, content] of contents.entries()) {
          const file = batch[i]
          if (file === undefined || content.kind === 'gone') continue
          if (content.kind === 'fault') deliverFault(file.name, content.fault)
          else {
            const hash = createHash('sha256').update(content.bytes).digest('base64')
            const known = decoded.get(hash)
            const parts = known ?? (await decodeContent(content.bytes))
            const half = { file, hash, parts }
            if (parts.every(isDecoded)) finish(half, parts)
            else sealed.push(half)
          }
          const pause = breathe()
          if (pause !== undefined) await pause
        }
      }

      await pLimit(openAtOnce).map(sealed, async (half) => {
        await breathe()
        const entries = await openParts(half.parts, open, signal)
        if (entries === undefined) onFile(undecrypted(half))
        else finish(half, entries)
      })

      files = kept
      const used = new Set([...kept.values()].map(({ hash }) => hash))
      decoded = new Map([...decoded].filter(([hash]) => used.has(hash)))
    },
  }
}

const isDecoded = (entry: DecodedEntry | SealedEntry): entry is DecodedEntry =>
  entry.kind !== 'sealed'

async function openParts(parts: Parts, open: OpenSealed, signal: AbortSignal) {
  const opened: DecodedEntry[] = []
  for (const part of parts) {
    const entries = part.kind === 'sealed' ? await open(part, signal) : [part]
    if (entries === undefined) return undefined
    opened.push(...entries)
  }
  return opened
}

/** Not remembered, so that the next load tries again. */
const undecrypted = ({ file }: Half): FileFound => ({
  name: file.name,
  modifiedAt: file.modifiedAt,
  entries: [
    {
      kind: 'refused',
      refusal: { code: 'decryption-failed', detail: 'the key derivation broke off' },
    },
  ],
  fault: undefined,
})

function* batches(files: readonly StoredFile[]): Generator<readonly StoredFile[]> {
  let batch: StoredFile[] = []
  let bytes = 0
  for (const file of files) {
    if (batch.length === BATCH_FILES || (batch.length > 0 && bytes + file.size > BATCH_BYTES)) {
      yield batch
      batch = []
      bytes = 0
    }
    batch.push(file)
    bytes += file.size
  }
  if (batch.length > 0) yield batch
}
