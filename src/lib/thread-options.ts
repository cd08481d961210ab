import type { WorkerOptions } from 'node:worker_threads'

/**
 * For threads that make much garbage and keep nothing: a small nursery saves some 5 MiB each. The
 * options of the process (`--input-type`, `--inspect`) are not theirs.
 */
export const THREAD_OPTIONS: WorkerOptions = {
  execArgv: [],
  resourceLimits: { maxYoungGenerationSizeMb: 4 },
}

/** A worker of this folder. Workers cannot be TypeScript: sources that run unbuilt use built ones. */
export const workerUrl = (name: string) =>
  new URL(import.meta.url.endsWith('.ts') ? `../../dist/lib/${name}` : name, import.meta.url)
