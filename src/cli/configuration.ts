import type { CommonConfig, Config, ParsedConfig, Problem } from '../config.ts'
import { describeProblem, parseConfig, parseWatchConfig } from '../config.ts'
import { hideSecrets } from '../lib/secret.ts'
import { createLogger, type Logger } from '../observe/log.ts'
import { type CommandContext, CommandError } from './context.ts'

/** The configuration as the daemon reads it. Its secrets are masked from now on. */
export const parseConfiguration = (context: CommandContext): ParsedConfig =>
  parseBy(parseConfig, context)

function parseBy<Kind>(
  parse: (...source: Parameters<typeof parseConfig>) => ParsedConfig<Kind>,
  { env, readFile, dotenv, terminal }: CommandContext,
): ParsedConfig<Kind> {
  const parsed = parse(env, readFile, dotenv)
  hideSecrets(parsed.secrets, parsed.hosts)
  terminal.hide(parsed.secrets)
  return parsed
}

/**
 * The same, where there is no work without it.
 *
 * @throws ConfigurationError with all problems at once
 */
export const requireConfiguration = (context: CommandContext): Config =>
  required(parseConfiguration(context), context)

/** The same for `watch`. */
export const requireWatchConfiguration = (context: CommandContext): CommonConfig =>
  required(parseBy(parseWatchConfig, context), context)

function required<Kind>(parsed: ParsedConfig<Kind>, context: CommandContext): Kind {
  for (const warning of parsed.warnings) context.terminal.err(`! ${warning}`)
  if (!parsed.ok) throw new ConfigurationError(parsed.problems)
  return parsed.config
}

/**
 * The same context, for a command that needs no messages: neither way to hand over an exit has to be
 * configured. Where none is, the configuration says webhook mode, and nothing is ever called.
 */
export function withoutDelivery(context: CommandContext): CommandContext {
  const { env } = context
  if (env.MESSAGES_LOCATION || env.VALIDATOR_EXIT_WEBHOOK) return context
  return { ...context, env: { ...env, VALIDATOR_EXIT_WEBHOOK: 'http://unused.invalid' } }
}

/** The configuration is wrong: each problem names its variable. */
export class ConfigurationError extends CommandError {
  constructor(problems: readonly Problem[]) {
    const [first, ...others] = problems.map(describeProblem)
    super(
      [`configuration: ${first}`, ...others.map((other) => `  ${other}`)].join('\n'),
      'set what is named in .env or the environment',
    )
  }
}

/** What the daemon would write to its log: shown with --debug only. */
export function debugLog({ debug, terminal, now }: CommandContext): Logger {
  return createLogger({
    level: debug ? 'debug' : 'error',
    format: 'simple',
    redact: terminal.redact,
    now: () => new Date(now()),
    write: (line) => {
      if (debug) terminal.err(line)
    },
  })
}
