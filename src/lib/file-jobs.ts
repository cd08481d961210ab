/** What is asked of the file thread. */
export type FileJob =
  | { readonly kind: 'scan'; readonly folder: string; readonly suffix: string }
  | { readonly kind: 'read'; readonly paths: readonly string[]; readonly maxBytes: number }

export type FileRequest = { readonly id: number; readonly job: FileJob }

export type FileAnswer =
  | { readonly id: number; readonly kind: 'scanned'; readonly found: Scan }
  /** Nothing differs from the last answer about that folder. */
  | { readonly id: number; readonly kind: 'unchanged' }
  | { readonly id: number; readonly kind: 'read'; readonly contents: readonly FileContent[] }
  | { readonly id: number; readonly kind: 'failed'; readonly code: string }

/** Column by column, since that is cheap to hand from thread to thread. */
export type Scan = {
  readonly names: readonly string[]
  /** Changes whenever the content may have: size, mtime, ctime (nanoseconds) and inode. */
  readonly versions: readonly string[]
  /** Bytes. */
  readonly sizes: Float64Array
  /** Unix ms. */
  readonly modifiedAt: Float64Array
  /** Unix ms of the last change to content or attributes. */
  readonly changedAt: Float64Array
  /** What is not a readable file, by position. */
  readonly faults: ReadonlyMap<number, FileFault>
}

export type FileFault =
  | { readonly kind: 'not-a-file'; readonly detail: string }
  | { readonly kind: 'dangling-link'; readonly detail: string }
  /** Permission, input/output error: it may be readable next time. */
  | { readonly kind: 'unreadable'; readonly detail: string }
  | { readonly kind: 'too-large'; readonly detail: string }
  /** It is not there any more. */
  | { readonly kind: 'gone'; readonly detail: string }

export type FileContent = Uint8Array | FileFault
