import {
  type CheckSignatures,
  type ExitClaim,
  type SignedExit,
  type VerifyResult,
  verifyExits,
} from '../../domain/exit-message.ts'
import type { SigningContext } from '../../domain/fork.ts'
import type { MessageRefusal } from '../../domain/message-reasons.ts'
import type { Pubkey, ValidatorIndex } from '../../domain/primitives.ts'
import { isExiting, type Registry } from '../../domain/registry.ts'
import { breathe } from '../../lib/breathe.ts'
import type { ExitEntry } from './decode.ts'

/** Looks validators up; those that the node does not know are left out. */
export type ReadRegistry = (
  validators: readonly ValidatorIndex[],
  signal: AbortSignal,
) => Promise<Registry>

export type JudgeEntries = <Place>(
  entries: readonly (readonly [Place, ExitEntry])[],
  context: SigningContext,
  /** @param used - the validator is exiting, or has exited */
  onJudged: (place: Place, result: VerifyResult, used: boolean) => void,
  signal: AbortSignal,
) => Promise<void>

/** Signing roots of so many exits are computed in one go: about a millisecond. */
const EXITS_AT_ONCE = 256

type Verdict = {
  readonly context: string
  readonly pubkey: Pubkey
  readonly result: VerifyResult
}

/**
 * Judges signed exits: whom the index belongs to, and whether that validator signed.
 *
 * A verdict is remembered as long as the decoded exit itself is, for one signing context and one
 * public key. That the node does not know a validator is never remembered.
 *
 * @throws what `readRegistry` and `check` throw: no verdict, to be tried again
 */
export function createJudge(
  readRegistry: ReadRegistry,
  check: (signal: AbortSignal) => CheckSignatures,
): JudgeEntries {
  const verdicts = new WeakMap<SignedExit, Verdict>()

  return async function judge(entries, context, onJudged, signal) {
    if (entries.length === 0) return
    const contextKey = [context.genesisValidatorsRoot, ...context.forkVersions].join()
    const indices = new Set(entries.map(([, { exit }]) => exit.validatorIndex))
    const registry = await readRegistry([...indices], signal)
    const unknown: [(typeof entries)[number][0], ExitClaim, boolean][] = []
    for (const [place, { exit, claimedPubkey }] of entries) {
      const pause = breathe()
      if (pause !== undefined) await pause
      const validator = registry.get(exit.validatorIndex)
      const refusal = mismatch(exit, claimedPubkey, validator?.pubkey)
      if (validator === undefined || refusal !== undefined) {
        onJudged(place, { ok: false, refusal: refusal ?? notKnown(exit) }, false)
        continue
      }
      const used = isExiting(validator)
      const known = verdicts.get(exit)
      if (known?.context === contextKey && known.pubkey === validator.pubkey) {
        onJudged(place, known.result, used)
      } else {
        unknown.push([place, { exit, pubkey: validator.pubkey }, used])
      }
    }

    const chunks: Promise<void>[] = []
    for (let at = 0; at < unknown.length; at += EXITS_AT_ONCE) {
      await breathe()
      chunks.push(verifyChunk(unknown.slice(at, at + EXITS_AT_ONCE)))
    }
    await Promise.all(chunks)

    async function verifyChunk(chunk: typeof unknown) {
      const claims = chunk.map(([, claim]) => claim)
      const results = await verifyExits(claims, context, check(signal))
      chunk.forEach(([place, { exit, pubkey }, used], i) => {
        const result = results[i]
        if (result === undefined) throw new Error('judge exits: a result is missing')
        verdicts.set(exit, { context: contextKey, pubkey, result })
        onJudged(place, result, used)
      })
    }
  }
}

const notKnown = ({ validatorIndex }: SignedExit): MessageRefusal => ({
  code: 'unknown-validator',
  detail: `validator ${validatorIndex}`,
})

function mismatch(
  { validatorIndex }: SignedExit,
  claimed: Pubkey | undefined,
  actual: Pubkey | undefined,
): MessageRefusal | undefined {
  if (claimed === undefined || actual === undefined || claimed === actual) return undefined
  return {
    code: 'pubkey-mismatch',
    detail: `names ${claimed}, but validator ${validatorIndex} is ${actual}`,
  }
}
