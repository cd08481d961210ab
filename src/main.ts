import { readFileSync } from 'node:fs'
import { config as loadDotenv } from 'dotenv'
import { startApp } from './app.ts'
import { describeProblem, parseConfig } from './config.ts'
import { messageOf } from './lib/message-of.ts'
import { createRedactor } from './lib/secret.ts'
import { createLogger, type Logger } from './sinks/log.ts'

/**
 * The process ends only when its name look-ups do, and glibc takes 10 s and more for a dead server.
 * Failing sooner loses nothing: whatever failed is tried again.
 */
const RESOLVER = 'timeout:1 attempts:3'

/** The process edge: environment in, exit code out. */
async function main(): Promise<number> {
  process.env.RES_OPTIONS ??= RESOLVER
  loadDotenv({ quiet: true })
  const parsed = parseConfig(process.env, readFileSync)
  const redact = createRedactor(parsed.secrets)
  const log = createLogger({ ...(parsed.ok ? parsed.config.logger : parsed.logger), redact })
  for (const warning of parsed.warnings) log.warn(warning)
  if (!parsed.ok) {
    for (const problem of parsed.problems) log.error(describeProblem(problem))
    return 1
  }
  endOnUnexpectedErrors(log)
  try {
    const app = await startApp(parsed.config, { version: readVersion(), log })
    stopOnSignals(app.stop, log)
    await app.ended
    log.info('stopped')
    return 0
  } catch (error) {
    log.error(`cannot run: ${messageOf(error)}`, { error })
    return 1
  }
}

const readVersion = (): string =>
  JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')).version

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
    log.error('unexpected error, ending', { error })
    process.exit(1)
  }
  process.on('uncaughtException', end)
  process.on('unhandledRejection', end)
}

process.exit(await main())
