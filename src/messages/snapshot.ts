import type { ValidatorIndex } from '../lib/primitives.ts'
import type { VerifiedExit } from './exit-message.ts'
import type { MessageRefusal } from './reasons.ts'

/** A verified message, and where an operator would look for it. */
export type LoadedExit = {
  readonly exit: VerifiedExit
  readonly file: string
  /** Position within the file, from 0. */
  readonly entry: number
  /** The validator is exiting or has exited: the message is valid, and no longer left. */
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

/** A valid message that gave way to another one for the same validator. */
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
  readonly refused: readonly RefusedMessage[]
  readonly superseded: readonly SupersededMessage[]
  /** Entries whose name ends in `.json`, refused ones included. */
  readonly files: number
  /** There were messages before, and now the location holds none: the operator's stop. */
  readonly emptied: boolean
  /** Unix ms at which the load began. */
  readonly readAt: number
}

/** A load that is under way, for a line in the log. */
export type LoadProgress = {
  readonly files: number
  /** Files that are dealt with. */
  readonly done: number
  readonly valid: number
  readonly refused: number
}
