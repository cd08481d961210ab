import type { Brand, Epoch, Hex, Pubkey, Signature, ValidatorIndex } from './primitives.ts'

/** Spec: phase0 `SignedVoluntaryExit`. Says nothing about who signed it. */
export type SignedExit = {
  readonly epoch: Epoch
  readonly validatorIndex: ValidatorIndex
  readonly signature: Signature
}

/** A `SignedExit` whose signature matched `pubkey`. Only `verifyExits` makes one. */
export type VerifiedExit = Brand<SignedExit & { readonly pubkey: Pubkey }, 'VerifiedExit'>

/** One signature check: does `signature` over `signingRoot` come from the holder of `pubkey`? */
export type SignatureCheck = {
  readonly pubkey: Pubkey
  readonly signingRoot: Hex
  readonly signature: Signature
}
