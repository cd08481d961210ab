import { type link, stat } from 'node:fs/promises'
import { isDeepStrictEqual } from 'node:util'
import type { Files } from '../../lib/files.ts'
import { codeOf } from '../../lib/message-of.ts'
import { decodeContent, type ExitEntry, type Parts } from '../../messages/decode.ts'
import { createFolderStore } from '../../messages/folder.ts'
import {
  MAX_FILE_BYTES,
  type MessageStore,
  type StoredFile,
  type StoreEntry,
} from '../../messages/message-store.ts'
import { type MessageRefusal, messageReasons } from '../../messages/reasons.ts'
import type { KdfName } from './envelope.ts'
import type { Passwords } from './password.ts'
import { AlreadyThereError, prepareFolder, publish, syncFolder } from './publish.ts'
import { createSealer } from './sealer.ts'

export type EncryptOptions = {
  readonly input: string
  readonly output: string
  readonly passwords: Passwords
  readonly kdf: KdfName
  /** Called for each file, in any order. */
  readonly onFile: (outcome: FileOutcome, total: number) => void
  /** No new file is begun after an abort; those that were begun are finished. */
  readonly signal: AbortSignal
  /** Closed at the end. */
  readonly files: Files
  /** Test seam: the real one unless given. */
  readonly link?: typeof link
}

export type FileOutcome = { readonly file: string } & Outcome

type Outcome =
  | { readonly kind: 'encrypted' }
  /** An earlier run did it: what is there opens to the same messages with this password. */
  | { readonly kind: 'kept' }
  | { readonly kind: 'refused'; readonly refusals: readonly Refusal[] }

export type Refusal = {
  /** Position within the file, from 0; `undefined` for the file as a whole. */
  readonly entry: number | undefined
  /** Why, in words. Free of secrets and of the file's content. */
  readonly why: string
}

/** Nothing was written. */
export class EncryptError extends Error {
  override readonly name = 'EncryptError'
}

/** Files at once: they wait for the disk, not for the processor. */
const FILES_AT_ONCE = 16

const never = new AbortController().signal

/**
 * Encrypts the messages of one folder into another, file by file under the same names. What is
 * there already is never replaced.
 *
 * @returns names that look as if they were meant, and are not read
 * @throws EncryptError when nothing could be begun
 */
export async function encryptFolder(options: EncryptOptions): Promise<readonly string[]> {
  const { input, output, files, onFile, signal } = options
  try {
    const source = createFolderStore(input, files)
    const { entries, passedOver } = await source.list(never).catch((error: unknown) => {
      throw new EncryptError(`cannot read the input folder ${input}: ${reasonOf(error)}`)
    })
    if (entries.length === 0) {
      const others = passedOver.length === 0 ? '' : `, only ${passedOver.join(', ')}`
      throw new EncryptError(`there is no *.json file in ${input}${others}`)
    }
    await prepareOutput(input, output)
    const encrypt = createEncryptor(source, createFolderStore(output, files), options)
    for (let at = 0; at < entries.length && !signal.aborted; at += FILES_AT_ONCE) {
      const batch = entries.slice(at, at + FILES_AT_ONCE).map(async (entry) => {
        onFile({ file: entry.name, ...(await encrypt(entry)) }, entries.length)
      })
      await Promise.all(batch)
    }
    await syncFolder(output)
    return passedOver
  } finally {
    await files.close()
  }
}

async function prepareOutput(input: string, output: string): Promise<void> {
  try {
    await prepareFolder(output)
  } catch (error) {
    throw new EncryptError(`cannot create the output folder ${output}: ${codeOf(error)}`)
  }
  const [from, to] = await Promise.all([input, output].map((path) => stat(path, { bigint: true })))
  if (from?.ino === to?.ino && from?.dev === to?.dev) {
    throw new EncryptError(
      `${input} and ${output} are the same folder: name another one for the encrypted messages`,
    )
  }
}

/** @returns a function that encrypts one file, and tells what came of it; it never throws */
function createEncryptor(source: MessageStore, target: MessageStore, options: EncryptOptions) {
  const { passwords, output } = options
  const { seal, open } = createSealer(passwords, options.kdf)

  const opensTo = async (exits: readonly ExitEntry[], envelope: Uint8Array) =>
    isDeepStrictEqual(await open(envelope), exits)

  async function encryptOne(file: StoredFile): Promise<Outcome> {
    const content = await source.read(file, never)
    if (content.kind === 'gone') return refuse('it disappeared')
    if (content.kind === 'fault') return refuse(describe(content.fault))
    const exits = await decodeContent(content.bytes)
    if (!exits.every(isExit)) return { kind: 'refused', refusals: refusalsOf(exits) }

    const there = await target.read(file, never)
    if (there.kind === 'content' && (await opensTo(exits, there.bytes))) return { kind: 'kept' }
    if (there.kind !== 'gone') return refuse(ALREADY_THERE)

    const envelope = seal(content.bytes, exits)
    if (envelope.length > MAX_FILE_BYTES) {
      return refuse('encrypted it would be larger than the 64 MiB that are read: split it')
    }
    const modifiedAt = new Date(file.modifiedAt)
    const check = async (written: Uint8Array) => {
      if (await opensTo(exits, written)) return
      throw new EncryptError('what was written does not open to the same messages')
    }
    await publish(output, { name: file.name, content: envelope, modifiedAt }, check, options.link)
    return { kind: 'encrypted' }
  }

  return async function encrypt(entry: StoreEntry): Promise<Outcome> {
    if ('fault' in entry) return refuse(describe(entry.fault))
    try {
      return await encryptOne(entry)
    } catch (error) {
      if (error instanceof AlreadyThereError) return refuse(ALREADY_THERE)
      if (error instanceof EncryptError) return refuse(error.message)
      return refuse(`cannot write it: ${codeOf(error)}`)
    }
  }
}

const ALREADY_THERE = 'the output folder has another file of that name, which stays as it is'

const isExit = (part: Parts[number]): part is ExitEntry => part.kind === 'exit'

const refuse = (why: string): Outcome => ({
  kind: 'refused',
  refusals: [{ entry: undefined, why }],
})

function refusalsOf(parts: Parts): readonly Refusal[] {
  return parts.flatMap((part, position) => {
    const entry = parts.length === 1 ? undefined : position
    if (part.kind === 'refused') return [{ entry, why: describe(part.refusal) }]
    return part.kind === 'sealed' ? [{ entry, why: 'it is encrypted already' }] : []
  })
}

/** The store's own words name a variable of the daemon; the code of the system says enough. */
const reasonOf = (error: unknown) => codeOf(error instanceof Error ? error.cause : error)

const describe = ({ code, detail }: MessageRefusal) =>
  messageReasons[code].short + (detail === '' ? '' : ` (${detail})`)
