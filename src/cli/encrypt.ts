import { isUtf8 } from 'node:buffer'
import { parseArgs } from 'node:util'
import { type Environment, gather, passwordOf, type ReadFile } from '../config/environment.ts'
import { messageOf } from '../lib/message-of.ts'
import { passwordCandidates } from '../lib/password.ts'
import { type KdfName, kdfNames } from './encrypt/envelope.ts'
import { EncryptError, encryptFolder, type FileOutcome } from './encrypt/folder.ts'

export type Terminal = {
  /** Each takes one line without its line end. */
  readonly out: (line: string) => void
  readonly err: (line: string) => void
}

export type EncryptSurroundings = Terminal & {
  readonly env: Environment
  readonly readFile: ReadFile
  readonly signal: AbortSignal
}

const USAGE = `usage: npm run encrypt -- <input folder> <output folder> [--kdf pbkdf2|scrypt]

Encrypts the exit messages of one folder into another, as EIP-2335 has it, with the password in
MESSAGES_PASSWORD or in the file that MESSAGES_PASSWORD_FILE names. Never replaces a file.

  npm run encrypt -- ./plain ./messages

Exit code: 0 every file is encrypted; 1 some were refused; 2 nothing could be begun.`

/** What somebody who called it has to change before anything can begin. */
class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** Every file is encrypted; some were refused; nothing was begun. An interrupt is the caller's. */
export type EncryptExitCode = 0 | 1 | 2

/**
 * The command `encrypt`, without the process around it.
 *
 * @param args - as typed after the name of the command
 */
export async function runEncrypt(
  args: readonly string[],
  surroundings: EncryptSurroundings,
): Promise<EncryptExitCode> {
  const { out, err, signal } = surroundings
  try {
    const asked = readArguments(args)
    if (asked === undefined) {
      out(USAGE)
      return 0
    }
    const passwords = readPassword(surroundings)
    const tally = createTally(surroundings)
    await encryptFolder({ ...asked, passwords, onFile: tally.note, signal })
    return tally.sumUp(asked.output)
  } catch (error) {
    if (!isExpected(error)) throw error
    err(`encrypt: ${error.message}`)
    return 2
  }
}

const isExpected = (error: unknown): error is Error =>
  error instanceof UsageError || error instanceof EncryptError

/** @returns nothing when help is asked for */
function readArguments(
  args: readonly string[],
): { input: string; output: string; kdf: KdfName } | undefined {
  const { values, positionals } = parse(args)
  if (values.help === true) return undefined
  const [input, output, ...more] = positionals
  if (input === undefined || output === undefined || more.length > 0) {
    throw new UsageError(`an input folder and an output folder are needed\n\n${USAGE}`)
  }
  const kdf = kdfNames.find((name) => name === values.kdf)
  if (kdf === undefined) {
    throw new UsageError(`--kdf is not one of ${kdfNames.join(', ')}\n\n${USAGE}`)
  }
  return { input, output, kdf }
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        kdf: { type: 'string', default: 'pbkdf2' },
        help: { type: 'boolean', short: 'h' },
      },
    })
  } catch (error) {
    throw new UsageError(`${messageOf(error)}\n\n${USAGE}`)
  }
}

/** Found as the daemon finds it. Encrypted is with what EIP-2335 makes of it. */
function readPassword({
  env,
  readFile,
  err,
}: EncryptSurroundings): readonly [Uint8Array, ...Uint8Array[]] {
  const { MESSAGES_PASSWORD, MESSAGES_PASSWORD_FILE } = env
  const given = gather({ MESSAGES_PASSWORD, MESSAGES_PASSWORD_FILE }, readFile)
  const [problem] = given.problems
  if (problem !== undefined) throw new UsageError(`${problem.variable}: ${problem.problem}`)
  for (const warning of given.warnings) err(warning)
  if (given.passwordBytes === undefined) {
    throw new UsageError('set MESSAGES_PASSWORD, or MESSAGES_PASSWORD_FILE to the path of a file')
  }
  const { text, bytes } = passwordOf(given.passwordBytes)
  if (!isUtf8(given.passwordBytes)) {
    throw new UsageError('the password is not UTF-8, which EIP-2335 asks for')
  }
  if (/^\p{Cc}*$/u.test(text)) {
    throw new UsageError('the password holds control characters only, which EIP-2335 strips')
  }
  const [first, ...others] = passwordCandidates(bytes)
  if (first === undefined) throw new UsageError('the password is empty')
  return [first, ...others]
}

/** Says what was refused as it comes, and the sum at the end. */
function createTally({ out, err, signal }: EncryptSurroundings) {
  const counts: Record<FileOutcome['kind'], number> = { encrypted: 0, kept: 0, refused: 0 }
  let total = 0
  return {
    note(outcome: FileOutcome, ofFiles: number) {
      total = ofFiles
      counts[outcome.kind] += 1
      if (outcome.kind !== 'refused') return
      for (const { entry, why } of outcome.refusals) {
        const where = entry === undefined ? outcome.file : `${outcome.file}, entry ${entry}`
        err(`refused: ${where}: ${why}`)
      }
    },
    sumUp(output: string): EncryptExitCode {
      const { encrypted, kept, refused } = counts
      const before = kept === 0 ? '' : `, ${kept} encrypted before`
      out(`${encrypted} of ${total} files encrypted into ${output}${before}, ${refused} refused`)
      if (signal.aborted) err('interrupted: what is there is whole; run it again for the rest')
      return refused === 0 ? 0 : 1
    },
  }
}
