import { type SigningContext, signingContextKey } from '../consensus/fork.ts'
import { isExiting, type Registry } from '../consensus/registry.ts'
import { breathe } from '../lib/breathe.ts'
import type { Pubkey, ValidatorIndex } from '../lib/primitives.ts'
import type { ExitEntry } from './decode.ts'
import {
  type CheckSignatures,
  type ExitClaim,
  type SignedExit,
  type VerifyResult,
  verifyExits,
} from './exit-message.ts'
import type { MessageRefusal } from './reasons.ts'

/** Looks validators up; those that the node does not know are left out. */
export type ReadRegistry = (
  validators: readonly ValidatorIndex[],
  signal: AbortSignal,
) => Promise<Registry>

/** Every public key that some node has for each of these: one of them may be wrong about it. */
export type ReadKeys = (
  validators: readonly ValidatorIndex[],
  signal: AbortSignal,
) => Promise<ReadonlyMap<ValidatorIndex, readonly Pubkey[]>>

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
  readKeys: ReadKeys = async () => new Map(),
): JudgeEntries {
  const verdicts = new WeakMap<SignedExit, Verdict>()

  return async function judge(entries, context, onJudged, signal) {
    if (entries.length === 0) return
    const contextKey = signingContextKey(context)
    const indices = new Set(entries.map(([, { exit }]) => exit.validatorIndex))
    const registry = await readRegistry([...indices], signal)
    const unknown: Open[] = []
    const doubted: Doubted[] = []
    for (const [place, { exit, claimedPubkey }] of entries) {
      const pause = breathe()
      if (pause !== undefined) await pause
      const validator = registry.get(exit.validatorIndex)
      if (validator === undefined) {
        onJudged(place, { ok: false, refusal: notKnown(exit) }, false)
        continue
      }
      const { pubkey } = validator
      const open = { place, exit, claimedPubkey, pubkey, used: isExiting(validator) }
      const known = verdicts.get(exit)
      if (known?.context === contextKey && known.pubkey === pubkey) tell(open, known.result)
      else {
        const refusal = mismatch(exit, claimedPubkey, pubkey)
        if (refusal === undefined) unknown.push(open)
        else tell(open, { ok: false, refusal })
      }
    }
    await inChunks(unknown, async (chunk) => {
      const results = await verifyExits(chunk, context, check(signal))
      chunk.forEach((open, i) => {
        const result = results[i]
        if (result === undefined) throw new Error('judge exits: a result is missing')
        remember(open, result)
        tell(open, result)
      })
    })
    await askAgain()

    type Open = ExitClaim & {
      readonly place: (typeof entries)[number][0]
      readonly claimedPubkey: Pubkey | undefined
      readonly used: boolean
    }
    type Doubted = { readonly open: Open; readonly result: VerifyResult }

    function tell(open: Open, result: VerifyResult): void {
      if (result.ok) onJudged(open.place, result, open.used)
      else doubted.push({ open, result })
    }

    function remember({ exit, pubkey }: Open, result: VerifyResult): void {
      verdicts.set(exit, { context: contextKey, pubkey, result })
    }

    /** A message is refused only if it fits the public key of no node. */
    async function askAgain(): Promise<void> {
      if (doubted.length === 0) return
      const asked = new Set(doubted.map(({ open }) => open.exit.validatorIndex))
      const keys = await readKeys([...asked], signal)
      await inChunks(doubted, async (chunk) => {
        const claims = chunk.flatMap(({ open }) =>
          otherKeys(open, keys).map((pubkey) => ({ exit: open.exit, pubkey })),
        )
        const results = claims.length === 0 ? [] : await verifyExits(claims, context, check(signal))
        for (const { open, result } of chunk) {
          const better = results.find((one, i) => one.ok && claims[i]?.exit === open.exit)
          if (better !== undefined) remember(open, better)
          onJudged(open.place, better ?? result, open.used)
        }
      })
    }
  }
}

/** Works on many at once without holding up what else there is to do. */
async function inChunks<T>(
  items: readonly T[],
  work: (chunk: readonly T[]) => Promise<void>,
): Promise<void> {
  const chunks: Promise<void>[] = []
  for (let at = 0; at < items.length; at += EXITS_AT_ONCE) {
    await breathe()
    chunks.push(work(items.slice(at, at + EXITS_AT_ONCE)))
  }
  await Promise.all(chunks)
}

const otherKeys = (
  open: ExitClaim & { readonly claimedPubkey: Pubkey | undefined },
  keys: ReadonlyMap<ValidatorIndex, readonly Pubkey[]>,
): readonly Pubkey[] =>
  (keys.get(open.exit.validatorIndex) ?? []).filter(
    (key) => key !== open.pubkey && (open.claimedPubkey ?? key) === key,
  )

const notKnown = ({ validatorIndex }: SignedExit): MessageRefusal => ({
  code: 'unknown-validator',
  detail: `validator ${validatorIndex}`,
})

function mismatch(
  { validatorIndex }: SignedExit,
  claimed: Pubkey | undefined,
  actual: Pubkey,
): MessageRefusal | undefined {
  if (claimed === undefined || claimed === actual) return undefined
  return {
    code: 'pubkey-mismatch',
    detail: `names ${claimed}, but validator ${validatorIndex} is ${actual}`,
  }
}
