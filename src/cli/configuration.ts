import type { Config, ParsedConfig, Problem } from '../config.ts'
import { describeProblem, parseConfig } from '../config.ts'
import { createLogger } from '../observe/log.ts'
import type { Log } from '../requests/cycle-parts.ts'
import { CommandError, type Surroundings } from './surroundings.ts'

/** The configuration as the daemon reads it. Its secrets are masked from now on. */
export function parseConfiguration({ env, readFile, terminal }: Surroundings): ParsedConfig {
  const parsed = parseConfig(env, readFile)
  terminal.hide(parsed.secrets)
  return parsed
}

/**
 * The same, where there is no work without it.
 *
 * @throws ConfigurationError with all problems at once
 */
export function requireConfiguration(surroundings: Surroundings): Config {
  const parsed = parseConfiguration(surroundings)
  for (const warning of parsed.warnings) surroundings.terminal.err(`! ${warning}`)
  if (!parsed.ok) throw new ConfigurationError(parsed.problems)
  return parsed.config
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
export function debugLog({ debug, terminal, now }: Surroundings): Log {
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
