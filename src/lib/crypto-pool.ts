import { availableParallelism, totalmem } from 'node:os'
import type { Worker } from 'node:worker_threads'
import type { BlsVerdict } from './bls.ts'
import {
  type CryptoAnswer,
  type CryptoJob,
  type CryptoRequest,
  type HexCheck,
  packChecks,
  unpackVerdicts,
} from './crypto-jobs.ts'
import { type KdfParams, kdfMemory } from './kdf.ts'
import { onAbort } from './on-abort.ts'
import { NICE, startThread, workerUrl } from './thread.ts'

/** The work itself broke off: nothing is known about what was asked. */
export class CryptoWorkError extends Error {
  override readonly name = 'CryptoWorkError'
}

export type CryptoPool = {
  /** How many jobs run at once. */
  readonly size: number
  /** Starts a few threads, before there is work for them. */
  startEarly(): void
  /** Which BLS runs in the workers: `blst-native`, or the slow `herumi`. Starts a worker. */
  implementation(signal: AbortSignal): Promise<string>
  /** One verdict for each check, in the same order. @throws CryptoWorkError, or the signal's reason */
  verify(checks: readonly HexCheck[], signal: AbortSignal): Promise<readonly BlsVerdict[]>
  /** 32 bytes of key. @throws CryptoWorkError, or the signal's reason */
  derive(params: KdfParams, password: Uint8Array, signal: AbortSignal): Promise<Uint8Array>
  /** See `splitJson`. @throws CryptoWorkError, or the signal's reason */
  splitJson(bytes: Uint8Array, listKey: string, signal: AbortSignal): Promise<Uint8Array>
  /** Ends the workers; what is still open is rejected. */
  close(): Promise<void>
}

export type CryptoPoolOptions = {
  /** The built worker. Beside this file by default. */
  readonly workerUrl?: URL
  /** Number of threads; one for each core by default. */
  readonly size?: number
  /**
   * Bytes that all key derivations together may hold. One that needs more runs alone. By default
   * 1 GiB, and no more than half of what the machine or the container has.
   */
  readonly kdfMemoryBytes?: number
}

const GIB = 1024 ** 3
/** Checks in one batch: one of 64 saves one part in a hundred, and its answer takes twice as long. */
const CHECKS_PER_BATCH = 32
/** A second batch waits in the worker, so that it never waits for a busy main thread. */
const BATCHES_IN_WORKER = 2
/** The others start when there is work for them: each holds some 10 MiB. */
const EARLY_THREADS = 4
/** A job that took its worker down twice is to blame for it. */
const MAX_ATTEMPTS = 2

type Task = {
  readonly id: number
  readonly job: CryptoJob
  readonly memory: number
  readonly resolve: (bytes: Uint8Array) => void
  readonly reject: (reason: unknown) => void
  attempts: number
  /** Nobody waits for the answer any more. */
  dropped: boolean
}

type Thread = {
  readonly worker: Worker
  readonly tasks: Map<number, Task>
}

/**
 * Threads for BLS and key derivation. They start when there is work for them, a few sooner if that is
 * asked for, do not keep the process alive, and are replaced when they crash; the jobs of a crashed
 * one are tried once more.
 */
export function createCryptoPool(options: CryptoPoolOptions = {}): CryptoPool {
  const worker = options.workerUrl ?? workerUrl('crypto-worker.js')
  const size = Math.max(1, options.size ?? availableParallelism())
  const threads = new Set<Thread>()
  const memoryBytes =
    options.kdfMemoryBytes ?? kdfMemoryBytes(totalmem(), process.constrainedMemory())
  const pool: Threads = { threads, size, memoryBytes }
  /** Batches go first: they are short, and an exit is usable as soon as it is verified. */
  const batches: Task[] = []
  const derivations: Task[] = []
  let lastId = 0
  let closed = false
  let implementation: string | undefined

  async function submit(job: CryptoJob, memory: number, signal: AbortSignal): Promise<Uint8Array> {
    if (closed) throw new CryptoWorkError('the crypto pool is closed')
    signal.throwIfAborted()
    let stop = () => {}
    const done = new Promise<Uint8Array>((resolve, reject) => {
      const id = ++lastId
      const task: Task = { id, job, memory, resolve, reject, attempts: 0, dropped: false }
      stop = onAbort(signal, () => {
        task.dropped = true
        remove(queueOf(task), task)
        reject(signal.reason)
      })
      queueOf(task).push(task)
      dispatch()
    })
    return done.finally(stop)
  }

  const queueOf = (task: Task) => (task.job.kind === 'derive' ? derivations : batches)

  function dispatch() {
    for (;;) {
      const task = nextTask(pool, batches[0], derivations[0])
      if (task === undefined) return
      const thread = freeThread(pool, task) ?? start()
      remove(queueOf(task), task)
      give(thread, task)
    }
  }

  function give(thread: Thread, task: Task) {
    task.attempts += 1
    thread.tasks.set(task.id, task)
    thread.worker.ref()
    thread.worker.postMessage({ id: task.id, job: task.job } satisfies CryptoRequest)
  }

  function start(): Thread {
    const thread: Thread = { worker: startThread(worker, NICE.crypto), tasks: new Map() }
    threads.add(thread)
    thread.worker.unref()
    thread.worker.on('message', (answer: CryptoAnswer) => receive(thread, answer))
    thread.worker.on('error', (error) => lose(thread, error))
    thread.worker.on('exit', (code) => lose(thread, new Error(`exit code ${code}`)))
    return thread
  }

  function receive(thread: Thread, answer: CryptoAnswer) {
    if (answer.kind === 'ready') {
      implementation = answer.implementation
      // Node.js takes no notice of it while a worker without work starts.
      if (thread.tasks.size === 0) thread.worker.unref()
      return
    }
    const task = thread.tasks.get(answer.id)
    thread.tasks.delete(answer.id)
    if (thread.tasks.size === 0) thread.worker.unref()
    if (answer.kind === 'done') task?.resolve(answer.bytes)
    else task?.reject(new CryptoWorkError(answer.message))
    dispatch()
  }

  /** An error is followed by an exit, so this runs twice; the second time there is nothing left. */
  function lose(thread: Thread, cause: unknown) {
    threads.delete(thread)
    const tasks = [...thread.tasks.values()].filter(({ dropped }) => !dropped)
    thread.tasks.clear()
    for (const task of tasks) {
      if (!closed && task.attempts < MAX_ATTEMPTS) queueOf(task).unshift(task)
      else task.reject(new CryptoWorkError('the crypto worker crashed', { cause }))
    }
    if (!closed) dispatch()
  }

  return {
    size,

    startEarly() {
      while (threads.size < Math.min(size, EARLY_THREADS)) start()
    },

    async implementation(signal) {
      if (implementation === undefined) await submit(verifyJob([]), 0, signal)
      return implementation ?? 'unknown'
    },

    async verify(checks, signal) {
      const jobs = batchesOf(checks).map((batch) => submit(verifyJob(batch), 0, signal))
      const verdicts = (await Promise.all(jobs)).map(unpackVerdicts)
      return verdicts.flat()
    },

    derive: (params, password, signal) =>
      submit({ kind: 'derive', params, password }, kdfMemory(params), signal),

    splitJson: (bytes, listKey, signal) =>
      submit({ kind: 'split-json', bytes, listKey }, 0, signal),

    async close() {
      closed = true
      const open = [...batches.splice(0), ...derivations.splice(0)]
      for (const { reject } of open) reject(new CryptoWorkError('the crypto pool is closed'))
      await Promise.all([...threads].map(({ worker }) => worker.terminate()))
    },
  }
}

type Threads = {
  readonly threads: ReadonlySet<Thread>
  /** How many there may be. */
  readonly size: number
  /** What all key derivations together may hold. */
  readonly memoryBytes: number
}

/** The first task of a queue that some thread, running or still to be started, can take now. */
function nextTask(
  pool: Threads,
  batch: Task | undefined,
  derivation: Task | undefined,
): Task | undefined {
  const canTake = (task: Task) =>
    pool.threads.size < pool.size || freeThread(pool, task) !== undefined
  if (batch !== undefined && canTake(batch)) return batch
  if (derivation === undefined || !canTake(derivation)) return undefined
  const running = [...pool.threads].flatMap(({ tasks }) => [...tasks.values()])
  const held = running.reduce((sum, { memory }) => sum + memory, 0)
  return held === 0 || held + derivation.memory <= pool.memoryBytes ? derivation : undefined
}

function freeThread({ threads, size }: Threads, task: Task): Thread | undefined {
  const idle = [...threads].find(({ tasks }) => tasks.size === 0)
  if (idle !== undefined || task.job.kind !== 'verify' || threads.size < size) return idle
  const takesMore = ({ tasks }: Thread) =>
    tasks.size < BATCHES_IN_WORKER && [...tasks.values()].every((t) => t.job.kind === 'verify')
  return [...threads].find(takesMore)
}

/** @param constrained - the limit of the container; 0 or more than there is without one */
export const kdfMemoryBytes = (total: number, constrained: number | undefined) =>
  Math.min(GIB, Math.min(total, constrained || total) / 2)

const verifyJob = (checks: readonly HexCheck[]): CryptoJob => ({
  kind: 'verify',
  packed: packChecks(checks),
})

const batchesOf = (checks: readonly HexCheck[]): readonly (readonly HexCheck[])[] =>
  Array.from({ length: Math.ceil(checks.length / CHECKS_PER_BATCH) }, (_, i) =>
    checks.slice(i * CHECKS_PER_BATCH, (i + 1) * CHECKS_PER_BATCH),
  )

function remove(queue: Task[], task: Task) {
  const at = queue.indexOf(task)
  if (at >= 0) queue.splice(at, 1)
}
