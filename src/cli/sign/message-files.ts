import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { toWire } from '../../consensus/exit-submitter.ts'
import type { Files } from '../../lib/files.ts'
import { codeOf } from '../../lib/message-of.ts'
import type { ValidatorIndex } from '../../lib/primitives.ts'
import { decodeContent, type ExitEntry } from '../../messages/decode.ts'
import type { SignedExit, VerifiedExit } from '../../messages/exit-message.ts'
import { AlreadyThereError, publish } from '../encrypt/publish.ts'
import type { Sealer } from '../encrypt/sealer.ts'
import { SignError } from './signer.ts'

const never = new AbortController().signal

export const fileNameOf = (index: ValidatorIndex) => `${index}.json`

/**
 * A folder of messages, one of each validator, as the daemon reads it.
 *
 * @param sealer - encrypts; plain without it
 */
export function createMessageFiles(folder: string, files: Files, sealer: Sealer | undefined) {
  async function exitIn(content: Uint8Array): Promise<SignedExit | undefined> {
    const parts = await decodeContent(content)
    const isSealed = parts.some(({ kind }) => kind === 'sealed')
    const entries = isSealed ? ((await sealer?.open(content)) ?? []) : parts
    const [only, ...more] = entries
    return only?.kind === 'exit' && more.length === 0 ? only.exit : undefined
  }

  return {
    /** @returns the exit that is there; `undefined` of no file @throws SignError: something else is */
    async read(index: ValidatorIndex): Promise<SignedExit | undefined> {
      const content = await files.read(join(folder, fileNameOf(index)), never)
      if (!(content instanceof Uint8Array) && content.kind === 'gone') return undefined
      const exit = content instanceof Uint8Array ? await exitIn(content) : undefined
      if (exit?.validatorIndex === index) return exit
      throw inTheWay(folder, index)
    },

    /** @throws SignError */
    async write(exit: VerifiedExit): Promise<void> {
      const { epoch, validatorIndex, signature } = exit
      const message: SignedExit = { epoch, validatorIndex, signature }
      const plain = `${JSON.stringify(toWire(message))}\n`
      const entry: ExitEntry = { kind: 'exit', exit: message, claimedPubkey: undefined }
      const content = sealer === undefined ? plain : sealer.seal(Buffer.from(plain), [entry])
      const check = async (written: Uint8Array) => {
        if (isDeepStrictEqual(await exitIn(written), message)) return
        throw new SignError(
          'what was written does not read as what was signed',
          'is the disk in order?',
        )
      }
      const name = fileNameOf(validatorIndex)
      try {
        await publish(folder, { name, content, modifiedAt: new Date() }, check)
      } catch (error) {
        if (error instanceof AlreadyThereError) throw inTheWay(folder, validatorIndex)
        if (error instanceof SignError) throw error
        throw new SignError(`${name} cannot be written: ${codeOf(error)}`, `look at ${folder}`)
      }
    },
  }
}

export const inTheWay = (folder: string, index: ValidatorIndex) =>
  new SignError(
    `${join(folder, fileNameOf(index))} is there, is no message of this validator that can be read, and stays as it is`,
    'move it away, set the MESSAGES_PASSWORD that opens it, or name another output folder',
  )
