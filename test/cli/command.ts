import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { runProgram } from '../../src/cli/program.ts'
import { createTerminal } from '../../src/cli/terminal.ts'
import { type Send, send } from '../../src/lib/http.ts'
import type { World } from '../support/world.ts'

export const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))

export type Ended = {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** A process, and all that it writes. */
export function follow(child: ChildProcess) {
  const text = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.on('data', (chunk) => {
      text[name] += chunk
    })
  }
  const ended = new Promise<Ended>((resolve) =>
    child.on('close', (code) => resolve({ code, ...text })),
  )
  return { child, ended, text }
}

/** The built command as a process of its own, with exactly this environment. */
export const startCommand = (args: readonly string[], env: NodeJS.ProcessEnv, cwd: string) =>
  follow(spawn(process.execPath, [MAIN, ...args], { cwd, env: { PATH: process.env.PATH, ...env } }))

/** What an operator would set, without what only tests want. */
export const envOf = (world: World, more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv =>
  world.env({
    JOB_INTERVAL: '',
    LOGGER_LEVEL: '',
    LOGGER_FORMAT: '',
    RUN_METRICS: '',
    HTTP_PORT: '0',
    ORACLE_QUORUM: '2',
    ...more,
  })

type Check = (world: World, more?: NodeJS.ProcessEnv, args?: readonly string[]) => Promise<Ended>

/** As a process of its own. */
export const startCheck: Check = (world, more = {}, args = []) =>
  startCommand(['check', ...args], envOf(world, more), world.home).ended

/** In this process, which spares a start of Node. */
export const check: Check = (world, more = {}, args = []) =>
  inFolder(world.home, () => runHere(['check', ...args], envOf(world, more)))

/** As if typed there. */
export async function inFolder<Value>(folder: string, work: () => Promise<Value>): Promise<Value> {
  const before = process.cwd()
  process.chdir(folder)
  try {
    return await work()
  } finally {
    process.chdir(before)
  }
}

/** Lines that begin with this mark, and the remedies below them. */
export function marked({ stdout }: Pick<Ended, 'stdout'>, mark: '✓' | '!' | '✗') {
  const lines = stdout.split('\n')
  return lines.flatMap((line, at) => {
    if (!line.startsWith(`${mark} `)) return []
    const next = lines[at + 1] ?? ''
    return [next.startsWith('  → ') ? `${line}\n${next}` : line]
  })
}

/** A command in this process, at a moment of the test's choice. */
export async function runHere(
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  now?: () => number,
  isContainer = false,
  isTty = false,
): Promise<Ended & { readonly all: string }> {
  const text = { stdout: '', stderr: '', all: '' }
  const stream = (name: 'stdout' | 'stderr') => ({
    ...(isTty && ON_TERMINAL),
    write(chunk: string | Uint8Array) {
      text[name] += chunk
      text.all += chunk
      return true
    },
  })
  const terminal = createTerminal(stream('stdout'), stream('stderr'), env)
  const code = await runProgram(args, {
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
      isContainer,
      send: now === undefined ? send : dated(now),
      now: now ?? Date.now,
    }),
  })
  return { code, ...text }
}

/** What bars ask of a terminal. */
const ON_TERMINAL = {
  isTTY: true,
  columns: 200,
  cursorTo: () => true,
  clearLine: () => true,
  moveCursor: () => true,
}

/** Servers that live at that moment too. */
const dated =
  (now: () => number): Send =>
  async (...how) => {
    const answer = await send(...how)
    return { ...answer, headers: { ...answer.headers, date: new Date(now()).toUTCString() } }
  }
