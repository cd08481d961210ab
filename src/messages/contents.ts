import { createHash } from 'node:crypto'
import { breathe } from '../lib/breathe.ts'
import {
  type DecodedEntry,
  decodeContent,
  type OpenSealed,
  type Parts,
  type SealedEntry,
} from './decode.ts'
import { hintsIn, type Matcher } from './hints.ts'
import { createQueue } from './order.ts'
import type { MessageStore, StoredFile, StoreEntry, StoreFault } from './store.ts'

/** One file as this load found it. */
export type FileFound = {
  readonly name: string
  /** Unix ms; of the content, when that stems from an earlier load. */
  readonly modifiedAt: number
  readonly entries: readonly DecodedEntry[]
  readonly fault: StoreFault | undefined
}

export type Reading = {
  readonly listed: readonly StoreEntry[]
  readonly open: OpenSealed
  /** Tells whom requests wait for, from now on: their files are read and opened first. */
  readonly wanted: () => Matcher
  /** Told of each file once all its entries are decoded. */
  readonly onFile: (file: FileFound) => void
  /** From now on only envelopes are left, which may take hours. */
  readonly onPlainRead: () => void
}

export type Contents = {
  /**
   * Reads what is new or changed.
   *
   * @returns true when the same listing would lead to the same: nothing is to be tried again
   * @throws what the store throws
   */
  read(reading: Reading, signal: AbortSignal): Promise<boolean>
}

type Known = {
  readonly version: string
  /** The version can be trusted: the clock had moved on since the last change. */
  readonly settled: boolean
  readonly hash: string
  readonly found: FileFound
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
 *
 * @param openAtOnce - envelopes whose keys are derived at the same time
 */
export function createContents(
  store: MessageStore,
  openAtOnce: number,
  now: () => number,
): Contents {
  let files = new Map<string, Known>()
  let decoded = new Map<string, readonly DecodedEntry[]>()

  async function read(reading: Reading, signal: AbortSignal): Promise<boolean> {
    const kept = new Map<string, Known>()
    try {
      await readInto(kept, reading, signal)
    } catch (error) {
      // A load that broke off loses nothing that it had read.
      for (const [name, known] of kept) files.set(name, known)
      throw error
    }
    files = kept
    const used = new Set([...kept.values()].map(({ hash }) => hash))
    decoded = new Map([...decoded].filter(([hash]) => used.has(hash)))
    return reading.listed.every((entry) => {
      const known = kept.get(entry.name)
      return known?.settled && 'version' in entry && known.version === entry.version
    })
  }

  async function readInto(
    kept: Map<string, Known>,
    reading: Reading,
    signal: AbortSignal,
  ): Promise<void> {
    const startedAt = now()
    const changed: StoredFile[] = []

    function deliver(known: Known, fault?: StoreFault) {
      kept.set(known.found.name, known)
      reading.onFile(fault === undefined ? known.found : { ...known.found, fault })
    }
    function deliverFault(name: string, fault: StoreFault) {
      const known = files.get(name)
      // What cannot be read just now may still be in use; what is another thing now is not.
      if (fault.code === 'unreadable' && known !== undefined) deliver(known, fault)
      else reading.onFile({ name, modifiedAt: 0, entries: [], fault })
    }
    function deliverDecoded({ file, hash }: Half, entries: readonly DecodedEntry[]) {
      const { name, version, modifiedAt, changedAt } = file
      const settled = Math.abs(startedAt - changedAt) > TIMESTAMP_STEP_MS
      decoded.set(hash, entries)
      deliver({ version, settled, hash, found: { name, modifiedAt, entries, fault: undefined } })
    }

    for (const entry of reading.listed) {
      const known = files.get(entry.name)
      if ('fault' in entry) deliverFault(entry.name, entry.fault)
      else if (known?.settled && known.version === entry.version) deliver(known)
      else changed.push(entry)
      const turn = breathe()
      if (turn !== undefined) await turn
    }

    const sealed: Half[] = []
    const nextToRead = createQueue(changed, ({ name }) => hintsIn([name]), reading.wanted)
    for await (const [file, content] of readAll(nextToRead, signal)) {
      if (content.kind === 'gone') continue
      if (content.kind === 'fault') {
        deliverFault(file.name, content.fault)
        continue
      }
      const half = await decode(file, content.bytes)
      if (half.parts.every(isDecoded)) deliverDecoded(half, half.parts)
      else sealed.push(half)
    }
    reading.onPlainRead()

    const nextToOpen = createQueue(sealed, hintsOf, reading.wanted)
    async function openOneByOne(): Promise<void> {
      for (let half = nextToOpen(); half !== undefined; half = nextToOpen()) {
        await breathe()
        const entries = await openParts(half.parts, reading.open, signal)
        if (entries === undefined) reading.onFile(undecrypted(half))
        else deliverDecoded(half, entries)
      }
    }
    await Promise.all(Array.from({ length: openAtOnce }, openOneByOne))
  }

  async function* readAll(next: () => StoredFile | undefined, signal: AbortSignal) {
    for (let file = next(); file !== undefined; ) {
      const batch: StoredFile[] = []
      let bytes = 0
      do {
        batch.push(file)
        bytes += file.size
        file = next()
      } while (file && batch.length < BATCH_FILES && bytes + file.size <= BATCH_BYTES)
      const contents = await Promise.all(
        batch.map(async (one) => [one, await store.read(one, signal)] as const),
      )
      for (const content of contents) {
        yield content
        const turn = breathe()
        if (turn !== undefined) await turn
      }
    }
  }

  async function decode(file: StoredFile, bytes: Uint8Array): Promise<Half> {
    const hash = createHash('sha256').update(bytes).digest('base64')
    return { file, hash, parts: decoded.get(hash) ?? (await decodeContent(bytes)) }
  }

  return { read }
}

const isDecoded = (entry: DecodedEntry | SealedEntry): entry is DecodedEntry =>
  entry.kind !== 'sealed'

const hintsOf = ({ file, parts }: Half) => [
  ...hintsIn([file.name]),
  ...parts.flatMap((part) => (part.kind === 'sealed' ? part.hints : [])),
]

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
