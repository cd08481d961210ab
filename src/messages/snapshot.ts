import type { ValidatorIndex } from '../lib/primitives.ts'
import type { VerifiedExit } from './exit-message.ts'
import type { MessageRefusal } from './reasons.ts'

/** A verified message, and where an operator would look for it. */
export type LoadedExit = {
  readonly exit: VerifiedExit
  readonly file: string
  /** Position within the file, from 0. */
  readonly entry: number
  /** The validator is exiting or has exited: the message is valid, and no longer needed. */
  readonly used: boolean
}

/** A file, or one entry of it, that is no usable message. */
export type RefusedMessage = MessageRefusal & {
  readonly file: string
  /** Position within the file, from 0; `undefined` when the file has no more than one. */
  readonly entry: number | undefined
  /** As far as it could be read. */
  readonly validatorIndex: ValidatorIndex | undefined
}

/** A valid message that is not used: there is another one for the same validator. */
export type SupersededMessage = {
  readonly validatorIndex: ValidatorIndex
  readonly file: string
  readonly entry: number
  /** The file whose message counts. */
  readonly by: string
}

/** What the location held at one moment. Never changed once published. */
export type MessageSnapshot = {
  readonly exits: ReadonlyMap<ValidatorIndex, LoadedExit>
  /** Keystores first: they cannot wait. Then in the order of files and entries. */
  readonly refused: readonly RefusedMessage[]
  readonly superseded: readonly SupersededMessage[]
  /** Message files by their names, refused ones included. */
  readonly files: number
  /** Files that are still to be read or opened: another pass is needed. */
  readonly pending: number
  /** There are encrypted files, and a password, and it opens none of them. */
  readonly isPasswordUseless: boolean
  /** See `Listing`. */
  readonly passedOver: readonly string[]
  /** Unix ms at which the reading began. */
  readonly readAt: number
}

/** Why no message is held for a validator, in words that name file and reason, if that is known. */
export function whyMissing(
  { refused, pending }: MessageSnapshot,
  validator: ValidatorIndex,
): string | undefined {
  const refusal = refused.find((one) => one.validatorIndex === validator)
  if (refusal) return `${refusal.file} was rejected: ${refusal.code}: ${refusal.detail}`
  return pending === 0 ? undefined : `${pending} files are still to be read`
}
