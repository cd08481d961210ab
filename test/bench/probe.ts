import { Worker } from 'node:worker_threads'

export type ProbeTask = {
  readonly url: string
  /** How many messages shall be counted, until which the probe goes on. */
  readonly valid: number
  readonly refused: number
}

export type ProbeReport = {
  /** Unix ms, with fractions. */
  readonly doneAt: number
  /** How long each answer took. */
  readonly livezMs: readonly number[]
  readonly metricsMs: readonly number[]
}

export type Probe = { readonly report: Promise<ProbeReport>; close(): Promise<number> }

/** Watches a daemon from a thread of its own until it has loaded everything. */
export function startProbe(task: ProbeTask): Probe {
  const worker = new Worker(new URL('./probe-worker.js', import.meta.url), { workerData: task })
  const report = new Promise<ProbeReport>((resolve, reject) => {
    worker.once('message', resolve)
    worker.once('error', reject)
  })
  return { report, close: () => worker.terminate() }
}
