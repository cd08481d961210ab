import { isUtf8 } from 'node:buffer'
import { gather, passwordOf } from '../../config/environment.ts'
import { passwordCandidates } from '../../lib/password.ts'
import { hideSecrets } from '../../lib/secret.ts'
import { type CommandContext, CommandError } from '../context.ts'

/** Spellings of the password, as the daemon tries them: the first one encrypts. */
export type Passwords = readonly [Uint8Array, ...Uint8Array[]]

/**
 * The password of the messages, found as the daemon finds it, and usable as EIP-2335 has it.
 *
 * @param command - for the complaint
 * @returns `undefined` where none is set
 * @throws CommandError
 */
export function readPassword(
  command: string,
  { env, readFile, terminal }: CommandContext,
): Passwords | undefined {
  const { MESSAGES_PASSWORD, MESSAGES_PASSWORD_FILE } = env
  const given = gather({ MESSAGES_PASSWORD, MESSAGES_PASSWORD_FILE }, readFile)
  const refusal = (why: string) =>
    new CommandError(`${command}: ${why}`, 'set MESSAGES_PASSWORD, or MESSAGES_PASSWORD_FILE, anew')
  const [problem] = given.problems
  if (problem !== undefined) throw refusal(`${problem.variable}: ${problem.problem}`)
  for (const warning of given.warnings) terminal.err(`! ${warning}`)
  if (given.passwordBytes === undefined) return undefined
  const { text, bytes } = passwordOf(given.passwordBytes)
  terminal.hide([text])
  hideSecrets([text])
  if (!isUtf8(given.passwordBytes)) {
    throw refusal('the password is not UTF-8, which EIP-2335 asks for')
  }
  if (/^\p{Cc}*$/u.test(text)) {
    throw refusal('the password holds control characters only, which EIP-2335 strips')
  }
  const [first, ...others] = passwordCandidates(bytes)
  if (first === undefined) throw refusal('the password is empty')
  return [first, ...others]
}
