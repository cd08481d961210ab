import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

export type ProbeTask = {
  readonly url: string
  /** How many messages shall be counted, until which the probe goes on. */
  readonly valid: number
  readonly refused: number
  /** How long answers take is to be seen, and not only when all is counted. */
  readonly isClose: boolean
}

export type ProbeReport = {
  /** Unix ms, with fractions. */
  readonly doneAt: number
  /** How long each answer took. */
  readonly livezMs: readonly number[]
  readonly metricsMs: readonly number[]
}

export type Probe = {
  /** Asks from now on, until all is counted. */
  watch(task: ProbeTask): Promise<ProbeReport>
  close(): void
}

const ENTRY = fileURLToPath(new URL('./probe-process.js', import.meta.url))

/**
 * Watches a daemon from a process of its own until it has loaded everything. It is up before the
 * daemon starts, whose time its own start would cost.
 */
export async function startProbe(): Promise<Probe> {
  const child: ChildProcess = fork(ENTRY)
  const ended = new Promise<never>((_, reject) => {
    child.once('error', reject)
    child.once('exit', (code, signal) => reject(new Error(`the probe ended: ${code ?? signal}`)))
  })
  // When the run fails elsewhere first, nobody waits for it.
  ended.catch(() => {})
  const told = async () => (await Promise.race([once(child, 'message'), ended]))[0]
  await told()
  return {
    watch(task) {
      const report = told()
      report.catch(() => {})
      child.send(task)
      return report
    },
    close: () => void child.kill('SIGKILL'),
  }
}
