import { type ChildProcess, spawn } from 'node:child_process'
import { until } from '../support/until.ts'

/** The longest that a command of the README may take. */
const DEADLINE_MS = 180_000
/** What was told to stop gets this long. */
const STOP_MS = 15_000

type Ran = {
  readonly output: string
  /** `undefined` while it runs. */
  readonly code: number | undefined
}

/**
 * Runs commands in a folder, with the environment of somebody who has just logged in. One that has
 * printed what it should and runs on is left running until `stop`.
 *
 * @param tools - folder with programs that the machine may lack
 */
export function createShell(cwd: string, tools: string) {
  const running: { child: ChildProcess; ended: Promise<void>; ran: () => Ran; command: string }[] =
    []
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) =>
      /^(HOME|LANG|TERM|CI|NODE_EXTRA_CA_CERTS|(https?|no)_proxy)$/i.test(name),
    ),
  )

  function start(command: string) {
    const child = spawn('sh', ['-c', command], {
      cwd,
      env: { ...env, PATH: `${process.env.PATH}:${tools}`, npm_config_prefer_offline: 'true' },
      stdio: ['ignore', 'pipe', 'pipe'],
      // A group of its own, so that all of it can be told to stop.
      detached: true,
    })
    let output = ''
    let code: number | undefined
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk) => {
        output += chunk
      })
    }
    const ended = new Promise<void>((resolve) =>
      child.on('close', (status) => {
        code = status ?? 1
        resolve()
      }),
    )
    const one = { child, ended, command, ran: (): Ran => ({ output, code }) }
    running.push(one)
    return one
  }

  return {
    async run(command: string, isDone: (output: string) => boolean): Promise<Ran> {
      const { ran } = start(command)
      const isOver = () => ran().code !== undefined || isDone(ran().output)
      await until(`${command} ends`, isOver, DEADLINE_MS).catch((error: unknown) => {
        console.log(ran().output)
        throw error
      })
      return ran()
    },

    /** @throws when a daemon does not end as it should */
    async stop(): Promise<void> {
      for (const { child, ended, ran, command } of running.splice(0)) {
        if (ran().code !== undefined || child.pid === undefined) continue
        process.kill(-child.pid, 'SIGTERM')
        const timer = setTimeout(() => process.kill(-Number(child.pid), 'SIGKILL'), STOP_MS)
        await ended
        clearTimeout(timer)
        if (!ran().output.includes('info: stopped')) throw new Error(`${command}: did not stop`)
      }
    },
  }
}
