import { type SigningContext, signingContextKey } from '../consensus/fork.ts'
import { isExiting, type Registry } from '../consensus/registry.ts'
import { CryptoWorkError } from '../lib/crypto-pool.ts'
import { eventLoopTurn, yieldIfDue } from '../lib/event-loop.ts'
import type { Pubkey, ValidatorIndex } from '../lib/primitives.ts'
import type { ExitEntry } from './decode.ts'
import {
  type CheckSignatures,
  type SignedExit,
  type VerifiedExit,
  type VerifyResult,
  verifyExits,
} from './exit-message.ts'
import type { MessageRefusal } from './reasons.ts'

/**
 * Looks validators up; those that the node does not know are left out. `unreadable`: those that it
 * has an error for, and its words.
 */
export type ReadRegistry = (
  validators: readonly ValidatorIndex[],
  signal: AbortSignal,
) => Promise<{
  readonly entries: Registry
  readonly unreadable: ReadonlyMap<ValidatorIndex, string>
}>

/** Every public key that some node has for each of these: one of them may be wrong about it. */
export type ReadKeys = (
  validators: readonly ValidatorIndex[],
  signal: AbortSignal,
) => Promise<ReadonlyMap<ValidatorIndex, readonly Pubkey[]>>

/** @param used - the validator is exiting, or has exited */
export type MessageVerdict =
  | { readonly ok: true; readonly exit: VerifiedExit; readonly used: boolean }
  | { readonly ok: false; readonly refusal: MessageRefusal }

/** One verdict for each entry, in the same order. */
export type VerifyEntries = (
  entries: readonly ExitEntry[],
  context: SigningContext,
  signal: AbortSignal,
) => Promise<readonly MessageVerdict[]>

/** Does the holder of this key stand behind that entry? */
type Claim = { readonly entry: ExitEntry; readonly pubkey: Pubkey }

/** Exits that travel to the threads together: so many have a verdict before the next are begun. */
const EXITS_AT_ONCE = 256

/**
 * Judges signed exits: whom the index belongs to, and whether that validator signed.
 *
 * The verdict on a signature is remembered as long as the decoded entry itself, for one signing
 * context and one public key. That the node does not know a validator is never remembered, nor is a
 * verification that broke off.
 *
 * @throws what `readRegistry` and `readKeys` throw: no verdict, to be tried again
 */
export function createVerifier(
  readRegistry: ReadRegistry,
  check: (signal: AbortSignal) => CheckSignatures,
  readKeys: ReadKeys = async () => new Map(),
): VerifyEntries {
  const known = new WeakMap<ExitEntry, { context: string; pubkey: Pubkey; result: VerifyResult }>()

  async function judge(
    claims: readonly Claim[],
    context: SigningContext,
    signal: AbortSignal,
  ): Promise<readonly VerifyResult[]> {
    const contextKey = signingContextKey(context)
    const results = new Map<Claim, VerifyResult>()
    const open: Claim[] = []
    for (const claim of claims) {
      const found = known.get(claim.entry)
      const refusal = mismatch(claim)
      if (refusal !== undefined) results.set(claim, { ok: false, refusal })
      else if (found?.context === contextKey && found.pubkey === claim.pubkey) {
        results.set(claim, found.result)
      } else open.push(claim)
      const turn = yieldIfDue()
      if (turn !== undefined) await turn
    }
    await inChunks(open, async (chunk) => {
      const verified = await verifyChunk(chunk, context, signal)
      chunk.forEach((claim, i) => {
        const result = verified[i] ?? BROKE_OFF
        results.set(claim, result)
        if (result.ok || result.refusal.code !== 'verification-failed') {
          known.set(claim.entry, { context: contextKey, pubkey: claim.pubkey, result })
        }
      })
    })
    return claims.map((claim) => results.get(claim) ?? BROKE_OFF)
  }

  async function verifyChunk(
    chunk: readonly Claim[],
    context: SigningContext,
    signal: AbortSignal,
  ) {
    const claims = chunk.map(({ entry, pubkey }) => ({ exit: entry.exit, pubkey }))
    try {
      return await verifyExits(claims, context, check(signal))
    } catch (error) {
      // Its threads crashed: that says nothing about these messages, and less about all others.
      if (error instanceof CryptoWorkError && !signal.aborted) return []
      throw error
    }
  }

  /** A message is rejected only if it fits the public key of no node. */
  async function askOtherNodes(
    claims: readonly Claim[],
    context: SigningContext,
    signal: AbortSignal,
  ): Promise<ReadonlyMap<ExitEntry, VerifyResult>> {
    if (claims.length === 0) return new Map()
    const indices = new Set(claims.map(({ entry }) => entry.exit.validatorIndex))
    const keys = await readKeys([...indices], signal)
    const others = claims.flatMap(({ entry, pubkey }) =>
      (keys.get(entry.exit.validatorIndex) ?? [])
        .filter((key) => key !== pubkey)
        .map((key) => ({ entry, pubkey: key })),
    )
    const results = await judge(others, context, signal)
    return new Map(
      others.flatMap(({ entry }, i) => {
        const result = results[i]
        return result?.ok ? [[entry, result] as const] : []
      }),
    )
  }

  return async function verify(entries, context, signal) {
    if (entries.length === 0) return []
    const indices = new Set(entries.map(({ exit }) => exit.validatorIndex))
    const { entries: registry, unreadable } = await readRegistry([...indices], signal)
    await eventLoopTurn()
    const claims = entries.flatMap((entry) => {
      const pubkey = registry.get(entry.exit.validatorIndex)?.pubkey
      return pubkey === undefined ? [] : [{ entry, pubkey }]
    })
    const results = await judge(claims, context, signal)
    await eventLoopTurn()
    const byEntry = new Map(claims.map(({ entry }, i) => [entry, results[i] ?? BROKE_OFF]))
    const doubted = claims.filter((_, i) => results[i]?.ok === false)
    const better = await askOtherNodes(doubted, context, signal)
    return entries.map((entry): MessageVerdict => {
      const validator = registry.get(entry.exit.validatorIndex)
      if (validator === undefined) return { ok: false, refusal: notKnown(entry.exit, unreadable) }
      const result = better.get(entry) ?? byEntry.get(entry) ?? BROKE_OFF
      return result.ok ? { ...result, used: isExiting(validator) } : result
    })
  }
}

/** Works on many at once without holding up what else there is to do. */
async function inChunks<T>(
  items: readonly T[],
  work: (chunk: readonly T[]) => Promise<void>,
): Promise<void> {
  const chunks: Promise<void>[] = []
  for (let at = 0; at < items.length; at += EXITS_AT_ONCE) {
    await yieldIfDue()
    chunks.push(work(items.slice(at, at + EXITS_AT_ONCE)))
  }
  await Promise.all(chunks)
}

const BROKE_OFF: VerifyResult = {
  ok: false,
  refusal: { code: 'verification-failed', detail: 'the verification broke off' },
}

function notKnown(
  { validatorIndex }: SignedExit,
  unreadable: ReadonlyMap<ValidatorIndex, string>,
): MessageRefusal {
  const words = unreadable.get(validatorIndex)
  return words === undefined
    ? { code: 'unknown-validator', detail: `validator ${validatorIndex}` }
    : { code: 'validator-not-readable', detail: `validator ${validatorIndex}: ${words}` }
}

function mismatch({ entry, pubkey }: Claim): MessageRefusal | undefined {
  const { claimedPubkey: claimed, exit } = entry
  if (claimed === undefined || claimed === pubkey) return undefined
  return {
    code: 'pubkey-mismatch',
    detail: `names ${claimed}, but validator ${exit.validatorIndex} is ${pubkey}`,
  }
}
