import { Command, CommanderError, Option } from 'commander'
import { messageOf } from '../lib/message-of.ts'
import { parseValidatorIndex, type ValidatorIndex } from '../lib/primitives.ts'
import { type CommandContext, CommandError, type Terminal } from './context.ts'
import { kdfNames } from './encrypt/envelope.ts'
import { HELP } from './help.ts'

/** Of the list of `next`. */
const NEXT_FORMATS = ['table', 'json', 'indices', 'pubkeys', 'unsigned'] as const
export type NextFormat = (typeof NEXT_FORMATS)[number]

type Common = { readonly json?: boolean; readonly debug?: boolean }

export type ProgramParts = {
  readonly version: string
  readonly terminal: Terminal
  /** The daemon, until it ends. It deals with the signals of the process by itself. */
  readonly run: (options: Common, isWatch: boolean) => Promise<number>
  /** Called by every other command before it begins. */
  readonly open: (options: Common) => CommandContext | Promise<CommandContext>
}

/** What stands before a command and belongs to it. */
const COMMON_OPTIONS: ReadonlySet<string> = new Set(['--json', '--debug'])
/** What asks about the program as a whole. */
const ABOUT: ReadonlySet<string> = new Set(['-h', '--help', '-V', '--version'])

const USAGE_ERROR = 2

/**
 * Runs one command; without its name, the daemon.
 *
 * @param args - as typed, without node and the script
 * @returns the exit code
 */
export async function runProgram(args: readonly string[], parts: ProgramParts): Promise<number> {
  const { terminal } = parts
  let code = 0
  let opened: CommandContext | undefined
  const open: ProgramParts['open'] = async (options) => {
    opened = await parts.open(options)
    return opened
  }
  const program = createProgram({ ...parts, open }, (of) => {
    code = of
  })
  try {
    await program.parseAsync(withCommand(args), { from: 'user' })
    return code
  } catch (error) {
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return 0
      // Its words stand on standard error already.
      if (args.includes('--json')) {
        terminal.json({ error: { message: wordsOfUsage(error.message), remedy: USAGE_REMEDY } })
      }
      return USAGE_ERROR
    }
    // The exit code of that is the caller's.
    if (opened?.signal.aborted) terminal.err('interrupted')
    else complain(terminal, error, opened?.debug ?? false)
    if (opened?.json) terminal.json({ error: tellError(error, opened.signal.aborted) })
    return error instanceof CommandError ? error.code : 1
  }
}

function withCommand(args: readonly string[]): readonly string[] {
  const at = args.findIndex((arg) => !COMMON_OPTIONS.has(arg))
  const common = at === -1 ? args : args.slice(0, at)
  const rest = at === -1 ? [] : args.slice(at)
  const [first, ...more] = rest
  if (first === undefined) return ['run', ...common]
  if (ABOUT.has(first)) return rest
  return first.startsWith('-') ? ['run', ...common, ...rest] : [first, ...common, ...more]
}

type End = (code: number) => void

function createProgram(parts: ProgramParts, end: End): Command {
  const { terminal } = parts
  const program = new Command('validator-ejector')
    .description('Exits Lido validators when, and only when, the protocol requests it on chain.')
    .version(parts.version)
    .usage('[command] [options]')
    .helpCommand(false)
    .addHelpText('after', HELP.program)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.out(text.trimEnd()),
      writeErr: (text) => terminal.err(text.trimEnd()),
      outputError: (text, write) => write(`${terminal.errColour.red('✗')} ${asComplaint(text)}`),
    })
  const create: Create = (usage, what, help) =>
    program
      .command(usage)
      .description(what)
      .addHelpText('after', help)
      .option('--json', JSON_OPTION)
      .option('--debug', DEBUG_OPTION)

  create('run', 'The daemon. It is what runs without the name of a command.', HELP.run).action(
    async (options: Common) => end(await parts.run(options, false)),
  )
  addCheck(create, parts, end)
  addExplain(create, parts, end)
  addTrigger(create, parts, end)
  addWatch(create, parts, end)
  addEncrypt(create, parts, end)
  addNext(create, parts, end)
  addSign(create, parts, end)
  return program
}

type Create = (usage: string, what: string, help: string) => Command

// Each command is loaded when it is asked for: help need not wait for what only one of them wants.

function addCheck(create: Create, { open }: ProgramParts, end: End): void {
  create('check', 'Is everything ready? Looks at everything, sends nothing.', HELP.check)
    .addOption(
      number(
        '--from-block <number>',
        'tell what the daemon would have done about the requests since this block',
      ),
    )
    .action(async ({ fromBlock, ...options }: Common & { fromBlock?: number }) => {
      const { runCheck } = await import('./check.ts')
      end(await runCheck({ fromBlock }, await open(options)))
    })
}

function addExplain(create: Create, { open }: ProgramParts, end: End): void {
  const what = 'The whole story of one validator, by its index or public key.'
  create('explain <validator>', what, HELP.explain).action(
    async (validator: string, options: Common) => {
      const { runExplain } = await import('./explain.ts')
      end(await runExplain([validator], await open(options)))
    },
  )
}

function addTrigger(create: Create, { open }: ProgramParts, end: End): void {
  const what = 'Prints the transaction that exits validators without their keys. Sends nothing.'
  create('trigger <index...>', what, HELP.trigger)
    .option('--recipient <address>', 'who gets back what is too much; by default, who sends it')
    .action(async (indices: string[], { recipient, ...options }: Common & Recipient) => {
      const { runTrigger } = await import('./trigger.ts')
      end(await runTrigger(indices, recipient, await open(options)))
    })
}

type Recipient = { readonly recipient?: string }

function addWatch(create: Create, { open, run }: ProgramParts, end: End): void {
  const what = 'Is everything that the protocol asked for exiting in time? Hands out nothing.'
  create('watch', what, HELP.watch)
    .option('--once', 'look once, print what there is to see, and end')
    .action(async ({ once, ...options }: Common & { readonly once?: boolean }) => {
      if (!once) return end(await run(options, true))
      const { runWatchOnce } = await import('./watch.ts')
      end(await runWatchOnce(await open(options)))
    })
}

function addEncrypt(create: Create, { open }: ProgramParts, end: End): void {
  const what = 'Encrypts the exit messages of one folder into another (EIP-2335).'
  create('encrypt <input> <output>', what, HELP.encrypt)
    .addOption(
      new Option('--kdf <name>', 'how the key is made of the password')
        .choices(kdfNames)
        .default('pbkdf2'),
    )
    .action(async (input: string, output: string, { kdf, ...options }) => {
      const { runEncrypt } = await import('./encrypt.ts')
      end(await runEncrypt({ input, output, kdf }, await open(options)))
    })
}

function addNext(create: Create, { open }: ProgramParts, end: End): void {
  const what = 'Which validators will be requested next, and which of them lack a message.'
  withSelection(create('next', what, HELP.next))
    .addOption(new Option('--format <name>', 'what standard output holds').choices(NEXT_FORMATS))
    .action(async (options) => {
      const { runNext } = await import('./next.ts')
      end(await runNext(options, await open(options)))
    })
}

/** Whose validators of the list of `next`, and how many. */
const withSelection = (command: Command) =>
  command
    .addOption(number('--module <id>', 'with --operator: of this operator, in the scope or not'))
    .addOption(number('--operator <id>', 'within --module'))
    .addOption(number('--count <number>', 'so many of each operator, instead of the first 10 %'))
    .addOption(number('--percent <number>', 'so many of a hundred, of each operator'))
    .option('--missing', 'of those, the ones without a message')

const number = (usage: string, meaning: string) =>
  new Option(usage, meaning).argParser((text) => wholeNumber(usage, text))

function wholeNumber(usage: string, text: string): number {
  const value = Number(text)
  if (/^\d+$/.test(text) && Number.isSafeInteger(value)) return value
  const name = usage.split(' ')[0]
  throw new CommandError(
    `${name}: ${JSON.stringify(text.slice(0, 30))} is not a whole number`,
    `give one, for example ${name} 1`,
  )
}

function addSign(create: Create, { open }: ProgramParts, end: End): void {
  const what = 'Makes exit messages, with keystores or a Web3Signer. Submits nothing.'
  withSelection(create('sign <output>', what, HELP.sign))
    .requiredOption('--signer <URL or folder>', 'a Web3Signer, or a folder of keystores (EIP-2335)')
    .addOption(
      new Option(
        '--indices <list>',
        'validators by index, with commas between, instead of those of next',
      ).argParser(validatorIndices),
    )
    .option('--keystore-password-file <file>', 'of keystores without a .txt of their name beside')
    .option('--token-file <file>', 'bearer token for the Web3Signer')
    .option('--tls-cert <file>', 'client certificate for the Web3Signer, PEM')
    .option('--tls-key <file>', 'key of that certificate, PEM')
    .option('--tls-ca <file>', 'CA of the certificate of the Web3Signer, PEM')
    .option('--dry-run', 'look whether it could sign, and sign and write nothing')
    .action(async (output: string, options) => {
      const { runSign } = await import('./sign.ts')
      end(await runSign({ ...options, output }, await open(options)))
    })
}

function validatorIndices(text: string): readonly ValidatorIndex[] {
  const indices = text.split(',').map((one) => parseValidatorIndex(one.trim()))
  const known = indices.filter((index) => index !== undefined)
  if (known.length === indices.length) return [...new Set(known)]
  throw new CommandError(
    `--indices: ${JSON.stringify(text.slice(0, 60))} is no list of validator indices`,
    'give whole numbers with commas between, for example --indices 123,456',
  )
}

const USAGE_REMEDY =
  'validator-ejector --help lists the commands, and --help behind one its options'

const wordsOfUsage = (text: string) => text.replace(/^error: /, '').trimEnd()

/** commander's words, in the form of ours, with what to do. */
const asComplaint = (text: string) => `${wordsOfUsage(text)}\n  → ${USAGE_REMEDY}`

/** The same for programs. */
const tellError = (error: unknown, isInterrupted: boolean) =>
  isInterrupted ? { message: 'interrupted', remedy: null } : wordsOf(error)

function wordsOf(error: unknown) {
  return error instanceof CommandError
    ? { message: error.message, remedy: error.remedy ?? null }
    : {
        message: `unexpected error: ${messageOf(error)}`,
        remedy: 'with --debug it says where this comes from',
      }
}

/** What, why, what to do; a stack only where it is asked for. */
export function complain({ err, errColour }: Terminal, error: unknown, isDebug: boolean): void {
  const { message, remedy } = wordsOf(error)
  err(`${errColour.red('✗')} ${message}`)
  if (remedy !== null) err(`  → ${remedy}`)
  if (isDebug && error instanceof Error && error.stack !== undefined) err(error.stack)
}

const JSON_OPTION = 'one JSON object on standard output, and nothing else there'
const DEBUG_OPTION = 'say more on standard error, with stacks of errors'
