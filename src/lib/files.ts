import { Worker } from 'node:worker_threads'
import type { FileAnswer, FileContent, FileJob, FileRequest, Scan } from './file-jobs.ts'
import { onAbort } from './on-abort.ts'
import { THREAD_OPTIONS } from './thread-options.ts'

export type { FileContent, Scan } from './file-jobs.ts'

/** The folder as a whole could not be looked at. `code` is the system's, for example `ENOENT`. */
export class FolderError extends Error {
  override readonly name = 'FolderError'
  readonly code: string

  constructor(code: string) {
    super(`scan folder: ${code}`)
    this.code = code
  }
}

export type Files = {
  /** Entries directly in the folder whose names end so. @throws FolderError */
  scan(folder: string, suffix: string, signal: AbortSignal): Promise<Scan>
  /** One content, or what is wrong with it. Calls of one turn of the event loop travel together. */
  read(path: string, signal: AbortSignal): Promise<FileContent>
  close(): Promise<void>
}

type Waiting = {
  readonly resolve: (answer: FileAnswer) => void
  readonly reject: (reason: unknown) => void
}
type Reading = {
  readonly path: string
  readonly resolve: (content: FileContent) => void
  readonly reject: (reason: unknown) => void
}

/**
 * Folders and files, looked at by a thread of their own. It starts at the first call, does not
 * keep the process alive when idle, and is replaced at the next call after a crash.
 *
 * @param maxBytes - a larger file is refused, also one that grows while it is read
 * @param workerUrl - the built worker; beside this file by default
 */
export function createFiles(
  maxBytes: number,
  workerUrl: URL = new URL('./file-worker.js', import.meta.url),
): Files {
  const waiting = new Map<number, Waiting>()
  let worker: Worker | undefined
  let lastId = 0
  let readings: Reading[] = []
  /** The same object is given again while nothing differs. */
  const scans = new Map<string, Scan>()

  function start(): Worker {
    const started = new Worker(workerUrl, THREAD_OPTIONS)
    const lost = (cause: unknown) => {
      if (worker === started) worker = undefined
      for (const { reject } of waiting.values()) {
        reject(new Error('the file thread ended', { cause }))
      }
      waiting.clear()
    }
    started.on('message', (answer: FileAnswer) => {
      waiting.get(answer.id)?.resolve(answer)
      waiting.delete(answer.id)
      if (waiting.size === 0) started.unref()
    })
    started.on('error', lost)
    started.on('exit', lost)
    return started
  }

  function ask(job: FileJob): Promise<FileAnswer> {
    return new Promise((resolve, reject) => {
      worker ??= start()
      worker.ref()
      const id = ++lastId
      waiting.set(id, { resolve, reject })
      worker.postMessage({ id, job } satisfies FileRequest)
    })
  }

  /** Remembers the answer whether or not somebody still waits: the thread counts on it. */
  async function scanNow(folder: string, suffix: string): Promise<Scan> {
    const answer = await ask({ kind: 'scan', folder, suffix })
    if (answer.kind === 'scanned') scans.set(folder, answer.found)
    const found = scans.get(folder)
    if (answer.kind === 'failed' || found === undefined) {
      throw new FolderError(answer.kind === 'failed' ? answer.code : 'no answer')
    }
    return found
  }

  async function flush() {
    const batch = readings
    readings = []
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

  return {
    scan(folder, suffix, signal) {
      return orAborted(scanNow(folder, suffix), signal)
    },

    read(path, signal) {
      const content = new Promise<FileContent>((resolve, reject) => {
        readings.push({ path, resolve, reject })
        if (readings.length === 1) setImmediate(() => void flush())
      })
      return orAborted(content, signal)
    },

    async close() {
      await worker?.terminate()
    },
  }
}

/** The thread cannot be interrupted, but nobody has to wait for it. */
function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const settled = onAbort(signal, () => reject(signal.reason))
    work.then(resolve, reject).finally(settled)
  })
}
