import { send } from '../lib/http.ts'
import {
  endOnUnexpectedErrors,
  isInContainer,
  openEnvironment,
  readNamedFiles,
  readVersion,
} from './process.ts'
import { complain, runProgram } from './program.ts'
import { createTerminal } from './terminal.ts'

/** As shells count: 128 and the number of the signal. */
const CODES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const

/** The process around the commands: arguments and environment in, exit code out. */
export async function runCommand(args: readonly string[]): Promise<number> {
  const { env, dotenv } = openEnvironment()
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

  // Whoever reads may leave before the end: `check | head`.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})
  const code = await runProgram(args, {
    version,
    terminal,
    async run({ json, debug }, isWatch) {
      // Loaded when it is wanted: help and complaints need not wait for the daemon's libraries.
      const { runDaemon, runWatch } = await import('./run.ts')
      return (isWatch ? runWatch : runDaemon)({
        env: {
          ...env,
          ...(json ? { LOGGER_FORMAT: 'json' } : {}),
          ...(debug ? { LOGGER_LEVEL: 'debug' } : {}),
        },
        dotenv,
        version,
      })
    },
    async open({ json = false, debug = false }) {
      listenToSignals()
      endOnUnexpectedErrors((error) => complain(terminal, error, debug))
      return {
        env,
        dotenv,
        readFile: await readNamedFiles(env),
        terminal,
        signal: stopping.signal,
        json,
        debug,
        version,
        isContainer: isInContainer(),
        send,
        now: Date.now,
      }
    },
  })
  return interrupted ?? code
}
