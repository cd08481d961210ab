import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const TAIL_LINES = 40
/** SIGKILL is not to be refused; only a machine out of breath takes longer. */
const KILL_DEADLINE_MS = 10_000

/** An exit code, the signal that ended a process, or why it never started. */
export type Ending = number | string

export type LaunchOptions = {
  readonly env: NodeJS.ProcessEnv
  readonly cwd: string
  /** Ends by itself, as a command does. Without it, an end that nobody asked for fails the run. */
  readonly ends?: boolean
}

export type Child = {
  /** All that it wrote to stdout and stderr so far. */
  readonly output: () => string
  readonly ended: Promise<Ending>
  /** Asks it to end, and waits for that at most `withinMs`. */
  readonly stop: (signal: NodeJS.Signals, withinMs: number) => Promise<Ending>
}

export type Stage = ReturnType<typeof createStage>

/**
 * Owns all processes of a run and their folder, and leaves neither behind.
 *
 * @param fail - called when a process ends that nobody asked to
 */
export function createStage(fail: (reason: Error) => void) {
  const folder = mkdtempSync(join(tmpdir(), 'ejector-devnet-'))
  const cast: { name: string; child: Child; process: ChildProcess }[] = []
  let over = false

  const killAll = () => {
    over = true
    for (const { process } of cast) killGroup(process)
  }
  const removeFolder = () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 })

  // The net under `tearDown`, for an exit that nobody planned.
  process.once('exit', () => {
    killAll()
    removeFolder()
  })

  function launch(name: string, command: string, args: string[], options: LaunchOptions): Child {
    if (over) throw new Error(`${name}: not launched, the run is over`)
    const process = spawn(command, args, {
      cwd: options.cwd,
      env: options.env,
      stdio: ['ignore', 'pipe', 'pipe'],
      // A group of its own: Ctrl-C in a terminal reaches this script alone, which ends the rest.
      detached: true,
    })
    const chunks: string[] = []
    for (const stream of [process.stdout, process.stderr]) {
      stream.setEncoding('utf8').on('data', (chunk: string) => chunks.push(chunk))
    }
    const ended = new Promise<Ending>((resolve) => {
      process.once('error', (error) => resolve(error.message))
      // Not `exit`: the last words may come later.
      process.once('close', (code, signal) => resolve(code ?? signal ?? 'unknown'))
    })

    let mayEnd = options.ends === true
    void ended.then((how) => {
      if (!mayEnd && !over) fail(new Error(`${name}: ended by itself: ${how}`))
    })
    const child: Child = {
      output: () => chunks.join(''),
      ended,
      async stop(signal, withinMs) {
        mayEnd = true
        process.kill(signal)
        const how = await Promise.race([ended, sleep(withinMs, undefined, { ref: false })])
        if (how !== undefined) return how
        throw new Error(`${name}: still running ${withinMs / 1000} s after ${signal}`)
      },
    }
    cast.push({ name, child, process })
    return child
  }

  /** Ends every process, removes the folder, and throws if anything is left. */
  async function tearDown(): Promise<void> {
    killAll()
    const late = sleep(KILL_DEADLINE_MS, undefined, { ref: false })
    await Promise.race([Promise.all(cast.map(({ child }) => child.ended)), late])
    removeFolder()
    const left = cast.filter(({ process }) => groupLives(process)).map(({ name }) => name)
    if (existsSync(folder)) left.push(folder)
    if (left.length > 0) throw new Error(`left behind: ${left.join(', ')}`)
  }

  /** The last lines of every process, for whoever has to find out what went wrong. */
  const tails = () =>
    cast
      .map(({ name, child }) => {
        const lines = child.output().trimEnd().split('\n').slice(-TAIL_LINES)
        return `--- ${name}\n${lines.join('\n')}\n`
      })
      .join('')

  return { folder, launch, tearDown, tails }
}

/** Only while its leader is ours: the number of a dead process may already be somebody else's. */
function killGroup({ pid, exitCode, signalCode }: ChildProcess): void {
  if (pid === undefined || exitCode !== null || signalCode !== null) return
  signalGroup(pid, 'SIGKILL')
}

function groupLives({ pid }: ChildProcess): boolean {
  return pid !== undefined && signalGroup(pid, 0)
}

/** Returns whether there was anyone to receive it. */
function signalGroup(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(-pid, signal)
  } catch {
    return false
  }
}
