import { readdirSync } from 'node:fs'
import { getPriority, setPriority } from 'node:os'
import { Worker, type WorkerOptions } from 'node:worker_threads'

/**
 * For threads that make much garbage and keep nothing: a small nursery saves some 5 MiB each. The
 * options of the process (`--input-type`, `--inspect`) are not theirs.
 */
const OPTIONS: WorkerOptions = {
  execArgv: [],
  resourceLimits: { maxYoungGenerationSizeMb: 4 },
}

/** How far threads stand back behind the main one, which answers people and nodes, as `nice` counts. */
export const NICE = { files: 5, crypto: 10 } as const
const LOWEST = 19

/** A worker of this folder. Workers cannot be TypeScript: sources that run unbuilt use built ones. */
export const workerUrl = (name: string) =>
  new URL(import.meta.url.endsWith('.ts') ? `../../dist/lib/${name}` : name, import.meta.url)

/**
 * Starts a thread of lower priority. It has that from the beginning, since much of its work is to
 * start.
 *
 * @param nice - so much lower than the main thread. It counts on Linux, where priorities belong to threads
 */
export function startThread(worker: URL, nice: number): Worker {
  const before = new Set(threadIds())
  const started = new Worker(worker, OPTIONS)
  for (const id of threadIds()) if (!before.has(id)) standBack(id, nice)
  return started
}

/** Of this process; none where they cannot be told. */
function threadIds(): readonly number[] {
  if (process.platform !== 'linux') return []
  try {
    return readdirSync('/proc/self/task').map(Number)
  } catch {
    return []
  }
}

function standBack(threadId: number, nice: number): void {
  try {
    setPriority(threadId, Math.min(LOWEST, getPriority() + nice))
  } catch {
    // A sandbox may forbid it: then all are equal.
  }
}
