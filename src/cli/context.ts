import type { createColors } from 'picocolors'
import type { DotenvFile } from '../config/dotenv.ts'
import type { Environment, ReadFile } from '../config/environment.ts'
import type { Send } from '../lib/http.ts'

export type Colours = ReturnType<typeof createColors>

/** How far long work is. Shown where somebody watches, a line now and then elsewhere. */
export type Bar = {
  /** @param total - where it is known only now, or has changed */
  set(done: number, total?: number): void
  /** Takes the bar away. Safe to call twice. */
  end(): void
}

export type Terminal = {
  /** A line of the result, to standard output, without its line end. */
  out(line: string): void
  /** Public data of the chain, as it is: long hex would be shortened as an exit signature is. */
  exact(line: string): void
  /** The result as JSON, instead of lines. Every text in it is masked. */
  json(value: unknown): void
  /** A line about the work or a complaint, to standard error. */
  err(line: string): void
  /** Whether somebody reads standard output on a terminal. */
  readonly isTty: boolean
  /** For `out`: they do nothing where colours are not wanted. */
  readonly colour: Colours
  /** For `err`. */
  readonly errColour: Colours
  /** On standard error. One at a time. */
  bar(what: string, total: number): Bar
  /** Masks these from now on, whoever writes them. */
  hide(secrets: readonly string[]): void
  /** What a reader may see of a text: without secrets and exit signatures. */
  redact(text: string): string
}

/** What a command has around it: the process, as parameters. */
export type CommandContext = {
  readonly env: Environment
  /** Where `.env` was looked for, and what was there. */
  readonly dotenv?: DotenvFile
  readonly readFile: ReadFile
  readonly terminal: Terminal
  /** Fires when the user interrupts. The exit code of that is the caller's. */
  readonly signal: AbortSignal
  /** One JSON object on standard output, and nothing else there. */
  readonly json: boolean
  /** Stacks of errors, and what the daemon's log would say, on standard error. */
  readonly debug: boolean
  readonly version: string
  /** This process runs in a container: a loopback address there is its own. */
  readonly isContainer: boolean
  readonly send: Send
  /** Unix ms. */
  readonly now: () => number
}

/** 0: as it should be; 1: it is not; 2: wrong usage or configuration, nothing was begun. */
export type ExitCode = 0 | 1 | 2

/** What somebody has to know or change: what, why, and what to do. */
export class CommandError extends Error {
  override readonly name = 'CommandError'
  readonly remedy: string | undefined
  readonly code: ExitCode

  /**
   * @param message - what went wrong and why, as a clause
   * @param remedy - what to do about it
   */
  constructor(message: string, remedy?: string, code: ExitCode = 2) {
    super(message)
    this.remedy = remedy
    this.code = code
  }
}
