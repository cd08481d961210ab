import type { App, AppOptions } from '../app.ts'
import type { DotenvFile } from '../config/dotenv.ts'
import type { Environment } from '../config/environment.ts'
import {
  type CommonConfig,
  type Config,
  describeProblem,
  type ParsedConfig,
  parseConfig,
  parseWatchConfig,
} from '../config.ts'
import { messageOf } from '../lib/message-of.ts'
import { settleV8 } from '../lib/v8-flags.ts'
import type { Logger } from '../observe/log.ts'
import { openLog, tellUnexpectedError } from './open-log.ts'
import { endNow, endOnUnexpectedErrors, isInContainer, readNamedFiles } from './process.ts'

type Outside = {
  readonly env: Environment
  readonly dotenv: DotenvFile
  readonly version: string
}

type Kind<Settings> = {
  readonly parse: (...source: Parameters<typeof parseConfig>) => ParsedConfig<Settings>
  readonly start: (config: Settings, options: AppOptions) => Promise<App>
}

// Both are loaded when they are wanted: what is wrong with the configuration is told sooner.
const EJECTOR: Kind<Config> = {
  parse: parseConfig,
  async start(config, options) {
    const lifetime = new AbortController()
    try {
      const source = await openMessages(config, options.log, lifetime.signal)
      return await (await import('../app.ts')).startApp(config, options, source?.opening)
    } catch (error) {
      lifetime.abort(error)
      throw error
    }
  },
}
const WATCH: Kind<CommonConfig> = {
  parse: parseWatchConfig,
  start: async (...parts) => (await import('../watch.ts')).startWatch(...parts),
}

/** Threads start and list the folder on another core, while this one loads the rest. */
async function openMessages({ delivery }: Config, log: Logger, lifetime: AbortSignal) {
  if (delivery.mode !== 'message') return undefined
  // Before any thread: libsql asks for a report of the process as it is loaded, and that waits for
  // every thread, for ever where a mount hangs.
  await import('../journal/connection.ts')
  const { openMessageSource } = await import('../app/message-source.ts')
  const opening = openMessageSource(delivery, log, lifetime)
  // Told by who waits for it, a moment later.
  opening.catch(() => {})
  // What reads messages first: then threads have something to do while the rest is loaded.
  await import('../messages/loader.ts')
  return { opening }
}

/** The daemon, until it ends. Takes the signals of the process. */
export const runDaemon = (outside: Outside): Promise<0 | 1> => runOne(outside, EJECTOR)

/** The same, which hands out nothing. */
export const runWatch = (outside: Outside): Promise<0 | 1> => runOne(outside, WATCH)

async function runOne<Settings extends CommonConfig>(
  { env, dotenv, version }: Outside,
  { parse, start }: Kind<Settings>,
): Promise<0 | 1> {
  settleV8()
  const parsed = parse(env, await readNamedFiles(env), dotenv)
  const log = openLog(parsed)
  endOnUnexpectedErrors((error) => tellUnexpectedError(log, error))
  for (const warning of parsed.warnings) log.warn(warning)
  if (!parsed.ok) {
    for (const problem of parsed.problems) log.error(describeProblem(problem))
    return 1
  }
  // Before the rest is loaded, and whether nodes answer or not.
  log.info(`Validator Ejector ${version} starts`)
  try {
    const app = await start(parsed.config, { version, log, isContainer: isInContainer() })
    stopOnSignals(app.stop, log)
    await app.ended
    log.info('stopped')
    return 0
  } catch (error) {
    log.error(`cannot run: ${messageOf(error)}`)
    // For an error of the operator's set-up the line says all.
    log[isProgrammingError(error) ? 'error' : 'debug']('cannot run: details', { error })
    return 1
  }
}

/** What only a mistake of ours throws. */
const isProgrammingError = (error: unknown) =>
  error instanceof TypeError || error instanceof RangeError || error instanceof ReferenceError

/** npm hands a Ctrl-C on that the terminal has sent already: twice within this is once. */
const SAME_SIGNAL_MS = 100

/** The first signal lets the cycle that runs end; a second one ends at once. */
function stopOnSignals(stop: () => void, log: Logger): void {
  let firstAt: number | undefined
  const onSignal = (signal: string) => {
    if (firstAt !== undefined && performance.now() - firstAt > SAME_SIGNAL_MS) {
      endNow(1)
    }
    if (firstAt !== undefined) return
    firstAt = performance.now()
    log.info(`${signal} received: the daemon stops when the cycle that runs has ended`)
    stop()
  }
  process.on('SIGTERM', onSignal)
  process.on('SIGINT', onSignal)
}
