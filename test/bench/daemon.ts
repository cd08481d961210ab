import { spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePorts, request } from '../devnet/http.ts'
import { DAEMON_MAIN } from './places.ts'
import { peakOf, threadsOf } from './proc.ts'

export type Daemon = Awaited<ReturnType<typeof startDaemon>>

/** Words of a command. */
export type Command = readonly [program: string, ...args: string[]]

export const OURS: Command = [process.execPath, DAEMON_MAIN]

/** The built daemon, as an operator starts it: no flags, no seams. */
export async function startDaemon(env: NodeJS.ProcessEnv, cwd: string, command: Command = OURS) {
  const [port] = await freePorts(1)
  const url = `http://127.0.0.1:${port}`
  let output = ''
  const startedAt = performance.timeOrigin + performance.now()
  const [program, ...args] = command
  const child = spawn(program, args, {
    cwd,
    env: {
      PATH: process.env.PATH,
      HTTP_PORT: `${port}`,
      RUN_METRICS: 'true',
      RUN_HEALTH_CHECK: 'true',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output = (output + text).slice(-20_000)
  })
  const closed = new Promise<number | null>((resolve) => child.on('close', resolve))
  const killed = () => child.kill('SIGKILL')
  process.on('exit', killed)

  const readMetrics = async () => (await request(`${url}/metrics`)).text
  /** All series of that name, with this in their labels, added up. */
  const sum = (text: string, name: string, label = '') =>
    text
      .split('\n')
      .filter((line) => line.startsWith(`${name}{`) && line.includes(label))
      .reduce((total, line) => total + Number(line.slice(line.lastIndexOf(' '))), 0)

  return {
    url,
    /** Unix ms, with fractions. */
    startedAt,
    output: () => output,
    /** Fails the run when the daemon ends although nobody asked it to. */
    died: closed.then((code) => {
      throw new Error(`the daemon ended with ${code}:\n${output}`)
    }),
    threads: () => threadsOf(child.pid ?? 0),
    async usage() {
      const text = await readMetrics()
      return {
        cpuMs: 1_000 * sum(text, 'process_cpu_seconds_total'),
        rss: sum(text, 'process_resident_memory_bytes'),
        cycles: sum(text, 'validator_ejector_job_duration_seconds_count', 'result="success"'),
        failedCycles: sum(text, 'validator_ejector_job_duration_seconds_count', 'result="error"'),
        loads: sum(text, 'validator_ejector_job_message_reloader_duration_seconds_count'),
      }
    },
    /** Bytes; where the system does not tell, nothing. */
    peakRss: () => peakOf(child.pid ?? 0),
    async stop(): Promise<void> {
      child.kill('SIGTERM')
      await Promise.race([closed, sleep(12_000, undefined, { ref: false })])
      child.kill('SIGKILL')
      process.off('exit', killed)
      await closed
    },
  }
}
