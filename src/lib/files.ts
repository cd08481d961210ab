import type { Worker } from 'node:worker_threads'
import { DeadlineError, withDeadline } from './deadline.ts'
import type { FileAnswer, FileContent, FileJob, FileRequest, Scan } from './file-worker.ts'
import { orAborted } from './on-abort.ts'
import { NICE, startThread, workerUrl } from './thread.ts'

export type { FileContent, Scan } from './file-worker.ts'

/** A file or folder could not be looked at. */
export class FileError extends Error {
  override readonly name = 'FileError'
  /** The system's, for example `ENOENT`; `ETIMEDOUT` when its mount does not answer. */
  readonly code: string

  constructor(code: string, detail: string = code) {
    super(detail)
    this.code = code
  }
}

/** Threads that run a job: a process does not end before a call of theirs returns. */
const busy = new Set<Worker>()

/** Whether a thread may be stuck in a call, as on a mount that hangs. */
export const isFileThreadBusy = (): boolean => busy.size > 0

/** Which names of a folder matter, as sources of regular expressions in which letter case is ignored. */
export type NamePatterns = {
  /** Names of files that are listed. */
  readonly wanted: string
  /** Other names that are told: files that look like those, and folders that hold some. */
  readonly noticed: string
}

export type Files = {
  /**
   * What is directly in the folder, as `make` gives it: the same object again while nothing differs.
   *
   * @throws FileError
   */
  scan<Made>(look: Look<Made>, signal: AbortSignal): Promise<Made>
  /** One content, or what is wrong with it. Calls of one turn of the event loop travel together. */
  read(path: string, signal: AbortSignal): Promise<FileContent>
  /** @throws FileError when nothing is there, or that cannot be told */
  stat(path: string, signal: AbortSignal): Promise<void>
  close(): Promise<void>
}

/** `make` belongs to the folder, and does not fail: what it made is remembered by that. */
export type Look<Made> = {
  readonly folder: string
  readonly names: NamePatterns
  readonly make: (found: Scan) => Promise<Made>
}

/**
 * The texts of a column, one after the other. Each has memory of its own: what V8 cuts out of a long
 * text keeps the whole of that for as long as the part is remembered.
 */
export function* textsOf(column: string): Generator<string, undefined> {
  if (column === '') return
  for (let from = 0, to = 0; to >= 0; from = to + 1) {
    to = column.indexOf('/', from)
    yield structuredClone(column.slice(from, to < 0 ? undefined : to))
  }
}

type Settle<T> = {
  readonly resolve: (value: T) => void
  readonly reject: (reason: unknown) => void
}

/**
 * Folders and files, looked at by a thread of their own, so that a mount that hangs occupies that
 * thread and nothing else. It starts at the first call, does not keep the process alive when idle,
 * and is replaced at the next call after a crash.
 *
 * @param maxBytes - a larger file is rejected, also one that grows while it is read
 */
export function createFiles(maxBytes: number, worker: URL = workerUrl('file-worker.js')): Files {
  const pending = new Map<number, Settle<FileAnswer>>()
  let thread: Worker | undefined
  let lastId = 0
  let reads: (Settle<FileContent> & { readonly path: string })[] = []
  /** Ten thousand entries are not made anew while nothing differs. */
  const made = new Map<string, Promise<unknown>>()

  function start(): Worker {
    const started = startThread(worker, NICE.files)
    const lost = (cause: unknown) => {
      if (thread === started) thread = undefined
      busy.delete(started)
      for (const { reject } of pending.values()) {
        reject(new Error('the file thread ended', { cause }))
      }
      pending.clear()
    }
    started.on('message', (answer: FileAnswer) => {
      pending.get(answer.id)?.resolve(answer)
      pending.delete(answer.id)
      if (pending.size > 0) return
      started.unref()
      busy.delete(started)
    })
    started.on('error', lost)
    started.on('exit', lost)
    return started
  }

  function ask(job: FileJob): Promise<FileAnswer> {
    return new Promise((resolve, reject) => {
      thread ??= start()
      thread.ref()
      busy.add(thread)
      const id = ++lastId
      pending.set(id, { resolve, reject })
      thread.postMessage({ id, job } satisfies FileRequest)
    })
  }

  /** Remembers the answer whether or not somebody still waits: the thread counts on it. */
  async function scanNow<Made>({ folder, names, make }: Look<Made>): Promise<Made> {
    const answer = await ask({ kind: 'scan', folder, names })
    if (answer.kind === 'failed') throw new FileError(answer.code, answer.detail)
    if (answer.kind === 'scanned') made.set(folder, make(answer.found))
    const one = made.get(folder)
    if (one === undefined) throw new Error('scan folder: no answer')
    return one as Promise<Made>
  }

  async function statNow(path: string): Promise<void> {
    const answer = await ask({ kind: 'stat', path })
    if (answer.kind === 'failed') throw new FileError(answer.code, answer.detail)
  }

  async function readAll() {
    const batch = reads
    reads = []
    try {
      const answer = await ask({ kind: 'read', paths: batch.map(({ path }) => path), maxBytes })
      const contents = answer.kind === 'read' ? answer.contents : []
      batch.forEach(({ resolve, reject }, i) => {
        const content = contents[i]
        if (content === undefined) reject(new Error('read file: no answer'))
        else resolve(content)
      })
    } catch (error) {
      for (const { reject } of batch) reject(error)
    }
  }

  // The thread cannot be interrupted, but nobody has to wait for it.
  return {
    scan: (look, signal) => orAborted(scanNow(look), signal),
    stat: (path, signal) => orAborted(statNow(path), signal),
    read(path, signal) {
      const content = new Promise<FileContent>((resolve, reject) => {
        reads.push({ path, resolve, reject })
        if (reads.length === 1) setImmediate(() => void readAll())
      })
      return orAborted(content, signal)
    },
    async close() {
      await thread?.terminate()
    },
  }
}

/** Milliseconds for one small file. */
const SMALL_FILE_MS = 5_000
const SMALL_FILE_BYTES = 1024 * 1024

export type SmallFile = {
  /** @throws FileError */
  read(): Promise<Uint8Array>
  /** Resolves when something of that name is there. @throws FileError with `ENOENT` when not */
  stat(): Promise<void>
  close(): void
}

/**
 * One small file that a variable names, looked at again and again by a thread of its own: a mount
 * that hangs costs the time-out, and stops nobody else.
 *
 * @param timeoutMs - for one look
 */
export function openSmallFile(
  path: string,
  timeoutMs: number = SMALL_FILE_MS,
  files: Files = createFiles(SMALL_FILE_BYTES),
): SmallFile {
  async function within<T>(look: (signal: AbortSignal) => Promise<T>): Promise<T> {
    try {
      return await withDeadline(timeoutMs, new AbortController().signal, look)
    } catch (error) {
      if (!(error instanceof DeadlineError)) throw error
      throw new FileError('ETIMEDOUT', `no answer within ${timeoutMs} ms: its mount hangs`)
    }
  }

  return {
    async read() {
      const content = await within((signal) => files.read(path, signal))
      if (content instanceof Uint8Array) return content
      throw new FileError(content.code, content.detail)
    },
    stat: () => within((signal) => files.stat(path, signal)),
    // Not awaited: a thread in a call that hangs cannot be ended.
    close: () => void files.close(),
  }
}

/** Reads one small file, once. @throws FileError */
export async function readSmallFile(path: string, timeoutMs?: number): Promise<Uint8Array> {
  const file = openSmallFile(path, timeoutMs)
  try {
    return await file.read()
  } finally {
    file.close()
  }
}
