import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { runProgram } from '../../src/cli/program.ts'
import { createTerminal } from '../../src/cli/terminal.ts'

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))

export type Ended = {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** The built command as a process of its own, with exactly this environment. */
export function startExplain(args: readonly string[], env: NodeJS.ProcessEnv, cwd: string) {
  const child = spawn(process.execPath, [MAIN, 'explain', ...args], {
    cwd,
    env: { PATH: process.env.PATH, ...env },
  })
  const text = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].on('data', (chunk) => {
      text[name] += chunk
    })
  }
  const ended = new Promise<Ended>((resolve) =>
    child.on('close', (code) => resolve({ code, ...text })),
  )
  return { child, ended }
}

const workers = new URL('../../dist/lib/', import.meta.url)

/** The same command in this process, which spares a start of Node. */
export async function explainHere(
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  now: () => number = Date.now,
): Promise<Ended> {
  const text = { stdout: '', stderr: '' }
  const stream = (name: keyof typeof text) => ({
    write(chunk: string | Uint8Array) {
      text[name] += chunk
      return true
    },
  })
  const terminal = createTerminal(stream('stdout'), stream('stderr'), env)
  const code = await runProgram(['explain', ...args], {
    version: '0.0.0-test',
    terminal,
    run: async () => 1,
    open: ({ json = false, debug = false }) => ({
      env,
      readFile: readFileSync,
      terminal,
      signal: new AbortController().signal,
      json,
      debug,
      version: '0.0.0-test',
      fetch,
      now,
      workers,
    }),
  })
  return { code, ...text }
}

/** Lines under a title, without their indent. */
export function paragraph({ stdout }: Pick<Ended, 'stdout'>, title: string): readonly string[] {
  const [, found = ''] = new RegExp(`^${title}\\n((?:  .*\\n)+)`, 'm').exec(stdout) ?? []
  return found
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.slice(2))
}
