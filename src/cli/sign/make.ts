import { isExiting } from '../../consensus/registry.ts'
import type { Pubkey, Signature, ValidatorIndex } from '../../lib/primitives.ts'
import {
  type CheckSignatures,
  type SignedExit,
  type VerifiedExit,
  verifyExits,
} from '../../messages/exit-message.ts'
import { messageReasons } from '../../messages/reasons.ts'
import type { SigningChain, Validators } from './chain.ts'
import { type createMessageFiles, inTheWay } from './message-files.ts'
import { SignError, type Signer } from './signer.ts'

export type Made =
  | { readonly kind: 'signed' | 'planned'; readonly pubkey: Pubkey }
  /** Its message is there already, and counts. */
  | { readonly kind: 'kept' }
  /** It needs none any more. */
  | { readonly kind: 'exiting' }

export type MakerParts = {
  readonly chain: SigningChain
  readonly validators: Validators
  readonly signer: Signer
  readonly messages: ReturnType<typeof createMessageFiles>
  readonly check: CheckSignatures
  /** Nothing is signed or written. */
  readonly isDryRun: boolean
  /** Of the messages. */
  readonly folder: string
}

/**
 * Returns a function that makes the message of one validator: signed, verified as the daemon does,
 * and only then written. It throws SignError, and the reason of its signal.
 */
export function createMaker({ chain, validators, signer, messages, check, ...more }: MakerParts) {
  const { context, domain, epoch } = chain

  async function verify(exit: SignedExit, pubkey: Pubkey): Promise<VerifiedExit | string> {
    const [result] = await verifyExits([{ exit, pubkey }], context, check)
    if (result?.ok) return result.exit
    return result === undefined ? 'not verified' : messageReasons[result.refusal.code].short
  }

  async function signVerified(validatorIndex: ValidatorIndex, pubkey: Pubkey, signal: AbortSignal) {
    const exit = { epoch, validatorIndex }
    const signature: Signature = await signer.sign({ exit, pubkey, domain }, signal)
    const verified = await verify({ ...exit, signature }, pubkey)
    if (typeof verified !== 'string') return verified
    throw new SignError(
      `the signature is of no use: ${verified}`,
      'is the signer set up for this chain, and does it sign exits as EIP-7044 says?',
    )
  }

  return async function make(index: ValidatorIndex, signal: AbortSignal): Promise<Made> {
    const validator = validators.entries.get(index)
    if (validator === undefined) throw notKnown(validators.unreadable.get(index))
    const { pubkey } = validator
    if (validators.keysOf(index).some((key) => key !== pubkey)) throw keysDiffer()
    if (isExiting(validator)) return { kind: 'exiting' }
    const there = await messages.read(index)
    if (there !== undefined) {
      if (typeof (await verify(there, pubkey)) !== 'string') return { kind: 'kept' }
      throw inTheWay(more.folder, index)
    }
    if (more.isDryRun) {
      await signer.look(pubkey, signal)
      return { kind: 'planned', pubkey }
    }
    await messages.write(await signVerified(index, pubkey, signal))
    return { kind: 'signed', pubkey }
  }
}

const notKnown = (why: string | undefined) =>
  new SignError(
    why === undefined
      ? 'the consensus nodes know no validator with this index'
      : `the consensus nodes cannot look it up: ${why}`,
    'compare the index, and the network of CONSENSUS_NODE',
  )

const keysDiffer = () =>
  new SignError(
    'the consensus nodes differ on its public key',
    'one of them errs: leave it out of CONSENSUS_NODE',
  )
