import type { CommonConfig, ParsedConfig } from '../config.ts'
import { createRedactor, hideSecrets } from '../lib/secret.ts'
import { createLogger, type Logger } from '../observe/log.ts'

/** The log as it is configured. The secrets of the environment are masked from now on. */
export function openLog(parsed: ParsedConfig<CommonConfig>): Logger {
  hideSecrets(parsed.secrets, parsed.hosts)
  const redact = createRedactor(parsed.secrets)
  return createLogger({ ...(parsed.ok ? parsed.config.logger : parsed.logger), redact })
}

/** In full at any level: nobody will see it again. */
export function tellUnexpectedError(log: Logger, error: unknown): void {
  const stack = error instanceof Error ? error.stack : undefined
  log.error('unexpected error, ending', { error, stack })
}
