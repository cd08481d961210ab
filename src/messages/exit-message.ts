import { type SigningContext, signingDomains } from '../consensus/fork.ts'
import type { BlsVerdict } from '../lib/bls.ts'
import type { HexCheck } from '../lib/crypto-jobs.ts'
import { yieldIfDue } from '../lib/event-loop.ts'
import type { Brand, Epoch, Pubkey, Signature, ValidatorIndex } from '../lib/primitives.ts'
import type { MessageRefusal } from './reasons.ts'
import { exitSigningRoot } from './signing-root.ts'

/** Spec: phase0 `SignedVoluntaryExit`. Says nothing about who signed it. */
export type SignedExit = {
  readonly epoch: Epoch
  readonly validatorIndex: ValidatorIndex
  readonly signature: Signature
}

/** A `SignedExit` whose signature matched `pubkey`. Only `verifyExits` makes one. */
export type VerifiedExit = Brand<SignedExit & { readonly pubkey: Pubkey }, 'VerifiedExit'>

/** One verdict for each check, in the same order. @throws when the checks could not be made */
export type CheckSignatures = (checks: readonly HexCheck[]) => Promise<readonly BlsVerdict[]>

/** A signed exit, and the public key that the consensus node has for its index. */
export type ExitClaim = { readonly exit: SignedExit; readonly pubkey: Pubkey }

export type VerifyResult =
  | { readonly ok: true; readonly exit: VerifiedExit }
  | { readonly ok: false; readonly refusal: MessageRefusal }

/**
 * Judges each claim: verified, if the signature matches for one of the context's fork versions.
 *
 * The only place where a `VerifiedExit` is made. It runs on the main thread, since brands do not
 * survive a structured clone; `check` may do its work elsewhere.
 *
 * @returns one result for each claim, in the same order
 * @throws what `check` throws: no verdict, to be tried again
 */
export async function verifyExits(
  claims: readonly ExitClaim[],
  context: SigningContext,
  check: CheckSignatures,
): Promise<readonly VerifyResult[]> {
  const results: VerifyResult[] = claims.map(() => refusedAs.invalid)
  let open = claims.map((claim, position) => ({ ...claim, position }))
  for (const domain of signingDomains(context)) {
    const checks: HexCheck[] = []
    for (const { exit, pubkey } of open) {
      const signingRoot = exitSigningRoot(exit, domain)
      checks.push({ pubkey, signingRoot, signature: exit.signature })
      const turn = yieldIfDue()
      if (turn !== undefined) await turn
    }
    const verdicts = await check(checks)
    open = open.filter(({ exit, pubkey, position }, i) => {
      const verdict = verdicts[i]
      if (verdict === undefined) throw new Error('verify signatures: a verdict is missing')
      results[position] =
        verdict === 'valid' ? { ok: true, exit: verified(exit, pubkey) } : refusedAs[verdict]
      return verdict === 'invalid'
    })
    if (open.length === 0) break
  }
  return results
}

/** Spelt out: a spread with one field more gives each object a hidden class of its own. */
const verified = ({ epoch, validatorIndex, signature }: SignedExit, pubkey: Pubkey) =>
  ({ epoch, validatorIndex, signature, pubkey }) as VerifiedExit

const refuse = (code: MessageRefusal['code'], detail: string): VerifyResult => ({
  ok: false,
  refusal: { code, detail },
})

const refusedAs = {
  invalid: refuse('wrong-signature', 'not signed by this validator for this chain and fork'),
  'bad-pubkey': refuse('bad-pubkey', 'the public key is not a valid point'),
  'bad-signature': refuse('bad-signature', 'the signature is not a valid point'),
  failed: refuse('verification-failed', 'the verification broke off'),
} as const
