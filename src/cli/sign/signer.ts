import type { SigningDomain } from '../../consensus/fork.ts'
import type { Pubkey, Signature } from '../../lib/primitives.ts'
import type { SignedExit } from '../../messages/exit-message.ts'

/** An exit that the holder of `pubkey` is to sign. */
export type SigningTask = {
  readonly exit: Omit<SignedExit, 'signature'>
  readonly pubkey: Pubkey
  readonly domain: SigningDomain
}

/** Who has the keys, or reaches them. */
export type Signer = {
  /** Tasks that may be under way together. */
  readonly atOnce: number
  /** @throws SignError; the reason of `signal` when that fired */
  sign(task: SigningTask, signal: AbortSignal): Promise<Signature>
  /** Looks whether it could sign with this key, and signs nothing. @throws as `sign` */
  look(pubkey: Pubkey, signal: AbortSignal): Promise<void>
}

/** This one could not be signed. Free of secrets. */
export class SignError extends Error {
  override readonly name: string = 'SignError'
  readonly remedy: string

  /**
   * @param message - what failed and why, as a clause
   * @param remedy - what to do about it
   */
  constructor(message: string, remedy: string) {
    super(message)
    this.remedy = remedy
  }
}

/** The signer as a whole cannot be used: it says nothing about a key. */
export class SignerDownError extends SignError {
  override readonly name = 'SignerDownError'
}
