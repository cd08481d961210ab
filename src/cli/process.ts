import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { type DotenvFile, withDotenv } from '../config/dotenv.ts'
import { type Environment, filesIn, type ReadFile, readFailure } from '../config/environment.ts'
import { settleLibraries } from '../config/libraries.ts'
import { pause } from '../lib/deadline.ts'
import { isFileThreadBusy, readSmallFile } from '../lib/files.ts'

/**
 * The process ends only when its name look-ups do, and glibc takes 10 s and more for a dead server.
 * Failing sooner loses nothing: whatever failed is tried again.
 */
const RESOLVER = 'timeout:1 attempts:3'

/** Milliseconds for threads that are about to end. */
const THREADS_MS = 1_000

/**
 * Ends the process at once. `process.exit` waits for its threads, and one that is stuck on a mount that hangs
 * would keep it for ever: then the process kills itself, whatever the code would have been.
 */
export function endNow(code: number): never {
  if (isFileThreadBusy()) process.kill(process.pid, 'SIGKILL')
  process.exit(code)
}

/** The same, after threads had a moment to end. */
export async function endProcess(code: number): Promise<never> {
  const start = performance.now()
  while (isFileThreadBusy() && performance.now() - start < THREADS_MS) {
    await pause(20, new AbortController().signal)
  }
  return endNow(code)
}

type Tell = (error: unknown) => void | Promise<void>
let tellUnexpected: Tell | undefined
let isEnding = false

/**
 * After an unexpected error nothing is known of the state, and no validator may exit: the error is
 * logged, and the process ends with code 1. To be called first with `tellEarly`, and again once
 * there is a log.
 */
export function endOnUnexpectedErrors(tell: Tell): void {
  const isFirst = tellUnexpected === undefined
  tellUnexpected = tell
  if (!isFirst) return
  const end = async (error: unknown) => {
    if (isEnding) return
    isEnding = true
    try {
      await tellUnexpected?.(error)
    } catch {
      process.stderr.write('error: unexpected error, ending; it could not be told\n')
    } finally {
      endNow(1)
    }
  }
  process.on('uncaughtException', end)
  process.on('unhandledRejection', end)
}

/** What was to be loaded; never, when an unexpected error ends the process meanwhile. */
export async function unlessEnding<T>(loading: Promise<T>): Promise<T> {
  const loaded = await loading
  return isEnding ? new Promise<never>(() => {}) : loaded
}

/** As the daemon's log will tell it, before there is one: without secrets, and in its format. */
export async function tellEarly(error: unknown): Promise<void> {
  const { openLog, tellUnexpectedError } = await import('./open-log.ts')
  const { parseConfig } = await import('../config.ts')
  const readNothing = () => {
    throw new Error('not read')
  }
  tellUnexpectedError(openLog(parseConfig(process.env, readNothing)), error)
}

/** The environment of the process over `.env`, settled for everything that reads it. */
export function openEnvironment(): { readonly env: Environment; readonly dotenv: DotenvFile } {
  process.env.RES_OPTIONS ??= RESOLVER
  const path = resolve('.env')
  let text = ''
  let failure: string | undefined
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    failure = readFailure(error)
  }
  const { env, names, warnings } = withDotenv(process.env, text)
  // Client libraries of object stores look there by themselves.
  Object.assign(process.env, env)
  settleLibraries(process.env)
  return { env: process.env, dotenv: { path, failure, names, warnings } }
}

/** Reads the files that variables name, side by side, by threads of their own. */
export async function readNamedFiles(env: Environment): Promise<ReadFile> {
  const contents = new Map<string, unknown>()
  const take = async (path: string) => {
    contents.set(path, await readSmallFile(path).catch((error: unknown) => error))
  }
  await Promise.all(filesIn(env).map(take))
  return (path) => {
    const content = contents.get(path)
    if (content instanceof Uint8Array) return content
    throw content ?? new Error(`${path} was not read`)
  }
}

/** Files that container engines put there. */
const CONTAINER_FILES = ['/.dockerenv', '/run/.containerenv']

export function isInContainer(): boolean {
  if (CONTAINER_FILES.some((path) => existsSync(path))) return true
  try {
    return /docker|containerd|kubepods|libpod/.test(readFileSync('/proc/1/cgroup', 'utf8'))
  } catch {
    return false
  }
}

export const readVersion = (): string =>
  JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')).version
