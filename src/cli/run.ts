import { startApp } from '../app.ts'
import type { Environment, ReadFile } from '../config/environment.ts'
import { describeProblem, parseConfig } from '../config.ts'
import { messageOf } from '../lib/message-of.ts'
import { createRedactor } from '../lib/secret.ts'
import { createLogger, type Logger } from '../observe/log.ts'

type Outside = {
  readonly env: Environment
  readonly readFile: ReadFile
  readonly version: string
}

/** The daemon, until it ends. Takes the signals of the process. */
export async function runDaemon({ env, readFile, version }: Outside): Promise<0 | 1> {
  const parsed = parseConfig(env, readFile)
  const redact = createRedactor(parsed.secrets)
  const log = createLogger({ ...(parsed.ok ? parsed.config.logger : parsed.logger), redact })
  for (const warning of parsed.warnings) log.warn(warning)
  if (!parsed.ok) {
    for (const problem of parsed.problems) log.error(describeProblem(problem))
    return 1
  }
  endOnUnexpectedErrors(log)
  try {
    const app = await startApp(parsed.config, { version, log })
    stopOnSignals(app.stop, log)
    await app.ended
    log.info('stopped')
    return 0
  } catch (error) {
    log.error(`cannot run: ${messageOf(error)}`, { error })
    return 1
  }
}

/** npm hands a Ctrl-C on that the terminal has sent already: twice within this is once. */
const SAME_SIGNAL_MS = 100

/** The first signal lets finish what is in hand; a second one ends at once. */
function stopOnSignals(stop: () => void, log: Logger): void {
  let firstAt: number | undefined
  const onSignal = (signal: string) => {
    if (firstAt !== undefined && performance.now() - firstAt > SAME_SIGNAL_MS) process.exit(1)
    if (firstAt !== undefined) return
    firstAt = performance.now()
    log.info(`${signal}: finishing what is in hand`)
    stop()
  }
  process.on('SIGTERM', onSignal)
  process.on('SIGINT', onSignal)
}

/** A state that nobody thought of is not one to exit validators in: the supervisor restarts. */
function endOnUnexpectedErrors(log: Logger): void {
  const end = (error: unknown) => {
    // In full at any level: nobody will see it again.
    const stack = error instanceof Error ? error.stack : undefined
    log.error('unexpected error, ending', { error, stack })
    process.exit(1)
  }
  process.on('uncaughtException', end)
  process.on('unhandledRejection', end)
}
