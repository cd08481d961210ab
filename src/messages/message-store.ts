import type { NamePatterns } from '../lib/files.ts'
import type { MessageReasonCode } from './reasons.ts'

/** A place that holds exit messages: a folder or a bucket. */
export type MessageStore = {
  /** For logs: the path or URL, without credentials. */
  readonly name: string
  /** @throws StoreError when the place cannot be read */
  list(signal: AbortSignal): Promise<Listing>
  /** Reads are bundled: call it for many files at once. @throws when reading itself broke off */
  read(file: StoredFile, signal: AbortSignal): Promise<StoredContent>
  close(): Promise<void>
}

/** The same object is given again while nothing differs, where that can be told. */
export type Listing = {
  readonly entries: readonly StoreEntry[]
  /** What looks as if it was meant, and is not read; a sub-folder with the number of its files. */
  readonly passedOver: readonly string[]
}

export type StoreEntry = StoredFile | FaultyEntry

export type StoredFile = {
  readonly name: string
  /** Changes whenever the content may have changed. */
  readonly version: string
  /** Unix ms: of two messages of one epoch the newer file's counts. */
  readonly modifiedAt: number
  /** Unix ms, cannot be set by a copying tool. One just changed may change again unseen. */
  readonly changedAt: number
  /** Bytes. */
  readonly size: number
}

/** Something of that name is there, but it is no file that can be read. */
export type FaultyEntry = { readonly name: string; readonly fault: StoreFault }

export type StoreFault = {
  readonly code: Extract<
    MessageReasonCode,
    'not-a-file' | 'dangling-link' | 'unreadable' | 'too-large'
  >
  readonly detail: string
}

export type StoredContent =
  | { readonly kind: 'content'; readonly bytes: Uint8Array }
  | { readonly kind: 'fault'; readonly fault: StoreFault }
  | { readonly kind: 'gone' }

/** Bytes of the largest file that is read. */
export const MAX_FILE_BYTES = 64 * 1024 * 1024

/**
 * Names of message files: `.json` at the end, in any letter case. Hidden files are none (`._a.json`
 * of macOS, `.#a.json` of an editor). What has `json` among its suffixes (`a.json.txt`, `a.jsonl`)
 * may have been meant.
 */
export const MESSAGE_NAMES: NamePatterns = {
  wanted: '^[^.].*\\.json$',
  noticed: '^[^.].*\\.[a-z0-9]*json',
}

const [WANTED, NOTICED] = [MESSAGE_NAMES.wanted, MESSAGE_NAMES.noticed].map(
  (pattern) => new RegExp(pattern, 'is'),
)

/** @param key - name in a bucket, which may have slashes: what is below a hidden name is hidden */
export function kindOfName(key: string): 'message' | 'passed-over' | 'none' {
  const names = key.split('/')
  const name = names.at(-1) ?? ''
  if (names.some((one) => one.startsWith('.'))) return 'none'
  if (WANTED?.test(name)) return 'message'
  return NOTICED?.test(name) ? 'passed-over' : 'none'
}

/** The place as a whole cannot be read; the message names it and what to do. */
export class StoreError extends Error {
  override readonly name = 'StoreError'
  /** It may be over at the next load without anybody's doing: no verdict on how it is set up. */
  readonly isPassing: boolean

  constructor(message: string, { isPassing = false, ...options }: StoreErrorOptions = {}) {
    super(message, options)
    this.isPassing = isPassing
  }
}

type StoreErrorOptions = ErrorOptions & { readonly isPassing?: boolean }
