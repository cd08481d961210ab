import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'

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

export type Probe = { readonly report: Promise<ProbeReport>; close(): void }

const ENTRY = fileURLToPath(new URL('./probe-process.js', import.meta.url))

/** Watches a daemon from a process of its own until it has loaded everything. */
export function startProbe(task: ProbeTask): Probe {
  const child: ChildProcess = fork(ENTRY, [JSON.stringify(task)])
  const report = new Promise<ProbeReport>((resolve, reject) => {
    child.once('message', (told) => resolve(told as ProbeReport))
    child.once('error', reject)
    child.once('exit', (code, signal) => reject(new Error(`the probe ended: ${code ?? signal}`)))
  })
  // When the run fails elsewhere first, nobody waits for it.
  report.catch(() => {})
  return { report, close: () => void child.kill('SIGKILL') }
}
