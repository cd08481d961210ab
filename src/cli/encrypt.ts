import { createFiles } from '../lib/files.ts'
import { MAX_FILE_BYTES } from '../messages/message-store.ts'
import { type CommandContext, CommandError, type ExitCode } from './context.ts'
import type { KdfName } from './encrypt/envelope.ts'
import { EncryptError, encryptFolder, type FileOutcome } from './encrypt/folder.ts'
import { readPassword } from './encrypt/password.ts'

export type EncryptOptions = {
  readonly input: string
  readonly output: string
  readonly kdf: KdfName
}

/**
 * The command `encrypt`.
 *
 * @throws CommandError when nothing could be begun
 */
export async function runEncrypt(
  asked: EncryptOptions,
  context: CommandContext,
): Promise<ExitCode> {
  const { signal, terminal } = context
  const passwords = readPassword('encrypt', context)
  if (passwords === undefined) {
    throw new CommandError(
      'encrypt: there is no password',
      'set MESSAGES_PASSWORD, or MESSAGES_PASSWORD_FILE to the path of a file',
    )
  }
  const bar = terminal.bar('encrypting', 0)
  const tally = createTally(context, (done, total) => bar.set(done, total))
  try {
    const files = createFiles(MAX_FILE_BYTES)
    const options = { ...asked, passwords, onFile: tally.note, signal, files }
    for (const name of await encryptFolder(options)) {
      terminal.err(`not read: ${name}: only files directly in the folder whose name ends in .json`)
    }
  } catch (error) {
    if (!(error instanceof EncryptError)) throw error
    const remedy = 'name two folders that can be used: see validator-ejector encrypt --help'
    throw new CommandError(`encrypt: ${error.message}`, remedy)
  } finally {
    bar.end()
  }
  return tally.sumUp(asked.output)
}

/** Says what was rejected as it comes, and the sum at the end. */
function createTally(
  { terminal, signal, json }: CommandContext,
  progress: (done: number, total: number) => void,
) {
  const counts: Record<FileOutcome['kind'], number> = { encrypted: 0, kept: 0, refused: 0 }
  const refused: { file: string; entry: number | undefined; why: string }[] = []
  let total = 0
  let done = 0
  return {
    note(outcome: FileOutcome, ofFiles: number) {
      total = ofFiles
      done += 1
      counts[outcome.kind] += 1
      progress(done, total)
      if (outcome.kind !== 'refused') return
      for (const { entry, why } of outcome.refusals) {
        const where = entry === undefined ? outcome.file : `${outcome.file}, entry ${entry}`
        terminal.err(`rejected: ${where}: ${why}`)
        refused.push({ file: outcome.file, entry, why })
      }
    },
    sumUp(output: string): ExitCode {
      const { encrypted, kept } = counts
      const before = kept === 0 ? '' : `, ${kept} encrypted before`
      if (json) terminal.json({ output, files: total, encrypted, kept, refused })
      else {
        terminal.out(
          `${encrypted} of ${total} files encrypted into ${output}${before}, ${counts.refused} rejected`,
        )
      }
      if (signal.aborted) {
        terminal.err('interrupted: what is there is whole; run it again for the rest')
      }
      return counts.refused === 0 ? 0 : 1
    },
  }
}
