#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import { send } from '../lib/http.ts'
import { openEnvironment, readVersion } from './process.ts'
import { complain, runProgram } from './program.ts'
import { createTerminal } from './terminal.ts'

/** As shells count: 128 and the number of the signal. */
const CODES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const

/** The process around the commands: arguments and environment in, exit code out. */
async function main(): Promise<number> {
  const env = openEnvironment()
  const version = readVersion()
  const terminal = createTerminal(process.stdout, process.stderr, env)
  const stopping = new AbortController()
  let interrupted: number | undefined

  function listenToSignals(): void {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      // An impatient second one must not end what the first let finish.
      process.on(signal, () => {
        interrupted = CODES[signal]
        stopping.abort(new Error('interrupted'))
      })
    }
  }

  /** Whatever nobody thought of is told as everything else is: without secrets. */
  function complainOfUnexpectedErrors(debug: boolean): void {
    const end = (error: unknown) => {
      complain(terminal, error, debug)
      process.exit(1)
    }
    process.on('uncaughtException', end)
    process.on('unhandledRejection', end)
  }

  // Whoever reads may leave before the end: `check | head`.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})
  const code = await runProgram(process.argv.slice(2), {
    version,
    terminal,
    async run({ json, debug }) {
      // Loaded when it is wanted: help and complaints need not wait for the daemon's libraries.
      const { runDaemon } = await import('./run.ts')
      return runDaemon({
        env: {
          ...env,
          ...(json ? { LOGGER_FORMAT: 'json' } : {}),
          ...(debug ? { LOGGER_LEVEL: 'debug' } : {}),
        },
        readFile: readFileSync,
        version,
      })
    },
    open({ json = false, debug = false }) {
      listenToSignals()
      complainOfUnexpectedErrors(debug)
      return {
        env,
        readFile: readFileSync,
        terminal,
        signal: stopping.signal,
        json,
        debug,
        version,
        send,
        now: Date.now,
        workers: new URL('../lib/', import.meta.url),
      }
    },
  })
  return interrupted ?? code
}

process.exit(await main())
