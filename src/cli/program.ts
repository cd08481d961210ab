import { Command, CommanderError, Option } from 'commander'
import { messageOf } from '../lib/message-of.ts'
import { kdfNames } from './encrypt/envelope.ts'
import { CommandError, type Surroundings, type Terminal } from './surroundings.ts'

type Common = { readonly json?: boolean; readonly debug?: boolean }

export type ProgramParts = {
  readonly version: string
  readonly terminal: Terminal
  /** The daemon, until it ends. It deals with the signals of the process by itself. */
  readonly run: (options: Common) => Promise<number>
  /** Called by every other command before it begins. */
  readonly open: (options: Common) => Surroundings
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
  let opened: Surroundings | undefined
  const open: ProgramParts['open'] = (options) => {
    opened = parts.open(options)
    return opened
  }
  const program = createProgram({ ...parts, open }, (of) => {
    code = of
  })
  try {
    await program.parseAsync(withCommand(args), { from: 'user' })
    return code
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : USAGE_ERROR
    // The exit code of that is the caller's.
    if (opened?.signal.aborted) terminal.err('interrupted')
    else complain(terminal, error, opened?.debug ?? false)
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

function createProgram(parts: ProgramParts, end: (code: number) => void): Command {
  const { terminal, open } = parts
  const program = new Command('validator-ejector')
    .description('Exits Lido validators when, and only when, the protocol asks for it on chain.')
    .version(parts.version)
    .usage('[command] [options]')
    .helpCommand(false)
    .configureHelp({ showGlobalOptions: false })
    .addHelpText('after', HELP)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.out(text.trimEnd()),
      writeErr: (text) => terminal.err(text.trimEnd()),
      outputError: (text, write) => write(`${terminal.errColour.red('✗')} ${asComplaint(text)}`),
    })

  const command = (usage: string, what: string, example: string) => {
    const made = program.command(usage).description(what).addHelpText('after', example)
    return made.option('--json', JSON_OPTION).option('--debug', DEBUG_OPTION)
  }

  command('run', 'The daemon. It is what runs without the name of a command.', RUN_HELP).action(
    async (options: Common) => end(await parts.run(options)),
  )
  command('check', 'Would the daemon do its job? Looks at everything, sends nothing.', CHECK_HELP)
    .addOption(
      new Option(
        '--from-block <number>',
        'tell what the daemon would have done about the requests since this block',
      ).argParser(blockNumber),
    )
    .action(async ({ fromBlock, ...options }: Common & { fromBlock?: number }) => {
      const { runCheck } = await import('./check.ts')
      end(await runCheck({ fromBlock }, open(options)))
    })
  command(
    'explain <validator>',
    'The whole story of one validator, by its index or public key.',
    EXPLAIN_HELP,
  ).action(async (validator: string, options: Common) => {
    const { runExplain } = await import('./explain.ts')
    end(await runExplain([validator], open(options)))
  })
  command(
    'encrypt <input> <output>',
    'Encrypts the exit messages of one folder into another (EIP-2335).',
    ENCRYPT_HELP,
  )
    .addOption(
      new Option('--kdf <name>', 'how the key is made of the password')
        .choices(kdfNames)
        .default('pbkdf2'),
    )
    .action(async (input: string, output: string, { kdf, ...options }) => {
      const { runEncrypt } = await import('./encrypt.ts')
      end(await runEncrypt({ input, output, kdf }, open(options)))
    })
  return program
}

function blockNumber(text: string): number {
  const value = Number(text)
  if (/^\d+$/.test(text) && Number.isSafeInteger(value)) return value
  throw new CommandError(
    `--from-block: ${JSON.stringify(text.slice(0, 30))} is not a block number`,
    'give a whole number, for example --from-block 21000000',
  )
}

/** commander's words, in the form of ours, with what to do. */
function asComplaint(text: string): string {
  const words = text.replace(/^error: /, '').trimEnd()
  return `${words}\n  → validator-ejector --help lists the commands, and --help behind one its options`
}

/** What, why, what to do; a stack only where it is asked for. */
function complain({ err, errColour }: Terminal, error: unknown, isDebug: boolean): void {
  const isExpected = error instanceof CommandError
  const words = isExpected ? error.message : `unexpected error: ${messageOf(error)}`
  err(`${errColour.red('✗')} ${words}`)
  const remedy = isExpected ? error.remedy : 'with --debug it says where this comes from'
  if (remedy !== undefined) err(`  → ${remedy}`)
  if (isDebug && error instanceof Error && error.stack !== undefined) err(error.stack)
}

const JSON_OPTION = 'one JSON object on standard output, and nothing else there'
const DEBUG_OPTION = 'say more on standard error, with stacks of errors'

const HELP = `
Every command reads the same configuration: the environment, and .env in the working folder.
Behind a command, --help shows its options, an example and its exit codes.`

const RUN_HELP = `
--json stands for LOGGER_FORMAT=json, --debug for LOGGER_LEVEL=debug.

Example
  validator-ejector run

Exit codes
  0  ended by SIGTERM or SIGINT
  1  it cannot run as it is set up`

const CHECK_HELP = `
Example
  validator-ejector check --from-block 21000000

Exit codes
  0    the daemon would do its job; a "!" may be worth a look
  1    it would not: see each "✗"
  2    the configuration is wrong, or the command was typed wrongly
  130  interrupted`

const EXPLAIN_HELP = `
Example
  validator-ejector explain 123456

Exit codes
  0    the story is told
  1    no request of this validator is known, or nobody answers
  2    the configuration is wrong, or the command was typed wrongly
  130  interrupted`

const ENCRYPT_HELP = `
The password is in MESSAGES_PASSWORD, or in the file that MESSAGES_PASSWORD_FILE names. No file is
ever replaced.

Example
  validator-ejector encrypt plain messages

Exit codes
  0    every file is encrypted
  1    some were refused
  2    nothing could be begun
  130  interrupted: what is there is whole, and running it again does the rest`
