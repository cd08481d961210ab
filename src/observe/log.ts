import pino from 'pino'
import { toPlain } from './plain.ts'

/** From the fewest lines to the most. `log` is an older word for `info`. */
export type LogLevel = LogName | 'log'
type LogName = 'error' | 'warn' | 'info' | 'debug'
export type LogFormat = 'simple' | 'json'
/** More about a line: anything, errors included. */
type LogDetails = Readonly<Record<string, unknown>>
type LogFunction = (message: string, details?: LogDetails) => void
export type Logger = Readonly<Record<LogName, LogFunction>> & {
  /** As every line is, for what is shown elsewhere. */
  readonly redact: (text: string) => string
}

export type LoggerOptions = {
  readonly level: LogLevel
  readonly format: LogFormat
  /** Masks secrets; safe to apply twice. */
  readonly redact: (text: string) => string
  /** Takes one line without its line end. Standard output unless given. */
  readonly write?: (line: string) => void
  readonly now?: () => Date
  /** Whether somebody reads it on a terminal. As standard output is, unless given. */
  readonly isTty?: boolean
}

/** The gravest first. */
const LEVELS: readonly LogName[] = ['error', 'warn', 'info', 'debug']
/** Bytes kept while standard output takes none (a full disk); what comes after is lost. */
const MAX_PENDING_BYTES = 1_048_576
const UNPRINTABLE = 'a log entry could not be printed'

/**
 * Characters that forge lines, drive terminals or reorder text: control characters, Unicode line
 * ends and directions. In JSON they can only stand inside strings, where the escape is as good.
 */
const UNSAFE = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu
const escapeUnsafe = (text: string) =>
  text.replace(UNSAFE, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)

/** `YYYY-MM-DD HH:MM:SS` in UTC, whatever the machine's zone: it is compared with chain times. */
const timestampOf = (now: Date) => now.toISOString().slice(0, 19).replace('T', ' ')

/**
 * Redacts what has become JSON once more. Every string went through already, so this finds only
 * what looks like a secret across values; if the JSON breaks on it, one string is left of it.
 */
function redactJson(value: object, redact: (text: string) => string): object {
  const text = JSON.stringify(value)
  const redacted = redact(text)
  if (redacted === text) return value
  try {
    return JSON.parse(redacted)
  } catch {
    return { redacted }
  }
}

/** Writes at once: nothing is lost when the process ends, nor when the reader is gone. */
function writeToStandardOutput() {
  const stream = pino.destination({ dest: 1, sync: true, maxLength: MAX_PENDING_BYTES })
  // pino goes silent on EPIPE by itself. Whatever else happens, the daemon outlives its log.
  stream.on('error', () => {})
  return (line: string) => {
    stream.write(`${line}\n`)
  }
}

/** A hash or a public key, which nobody compares on a screen: `0xa99a76ed…8e44c`. */
const shortenKeys = (line: string) =>
  line.replace(/\b(0x[0-9a-f]{8})[0-9a-f]{51,83}([0-9a-f]{5})\b/gi, '$1…$2')

type Entry = { message: string; level: string; timestamp: string; details?: unknown }

function render(entry: Entry, format: LogFormat, isTty: boolean): string {
  const { message, level, timestamp, details } = entry
  const json = details === undefined ? undefined : JSON.stringify(details)
  if (format === 'json') return escapeUnsafe(JSON.stringify({ message, level, timestamp, details }))
  const line = `${timestamp} ${level}: ${message}${json === undefined ? '' : ` ${json}`}`
  return escapeUnsafe(isTty ? shortenKeys(line) : line)
}

/**
 * Returns a logger: one entry, one line.
 *
 * - `simple`: `2024-05-01 12:00:00 info: message {"details":1}`
 *   (on a terminal, hashes and public keys are shortened)
 * - `json`: `{"message":"…","level":"info","timestamp":"2024-05-01 12:00:00","details":{…}}`
 *
 * Secrets are masked before anything is escaped. Never throws. Stacks of errors show at `debug`.
 */
export function createLogger(options: LoggerOptions): Logger {
  const { level, format, redact, now = () => new Date() } = options
  const write = options.write ?? writeToStandardOutput()
  const isTty = options.isTty ?? process.stdout.isTTY === true
  const shown = LEVELS.slice(0, LEVELS.indexOf(level === 'log' ? 'info' : level) + 1)

  function writeEntry(at: LogName, message: string, details?: object): void {
    const entry = { message, level: at, timestamp: timestampOf(now()) }
    write(render(details === undefined ? entry : { ...entry, details }, format, isTty))
  }

  const logAt =
    (at: LogName): LogFunction =>
    (message, details) => {
      if (!shown.includes(at)) return
      try {
        const value = toPlain(details ?? {}, { redact, stacks: level === 'debug' })
        const plain = typeof value === 'object' && value !== null ? value : { details: value }
        const isEmpty = Object.keys(plain).length === 0
        writeEntry(at, redact(String(message)), isEmpty ? undefined : redactJson(plain, redact))
      } catch {
        writeUnprintable(at)
      }
    }
  function writeUnprintable(at: LogName): void {
    try {
      writeEntry(at, UNPRINTABLE)
    } catch {
      // There is nowhere left to say it.
    }
  }
  return {
    error: logAt('error'),
    warn: logAt('warn'),
    info: logAt('info'),
    debug: logAt('debug'),
    redact,
  }
}
