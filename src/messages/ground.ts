import { type SigningContext, signingContextKey } from '../consensus/fork.ts'
import { isExiting, type Registry } from '../consensus/registry.ts'
import type { MessageSnapshot } from './snapshot.ts'
import type { StoreEntry } from './store.ts'

/** What a load rested on, besides the registry. */
export type Ground = {
  readonly listed: readonly StoreEntry[]
  readonly context: SigningContext
}

/**
 * True when a refusal hangs on what a node said: it may say something else next time, and other
 * nodes are asked for a second opinion.
 */
export const restsOnNodes = ({ refused }: MessageSnapshot) =>
  refused.some(({ validatorIndex }) => validatorIndex !== undefined)

/** The same files of the same versions are judged in the same context. */
export function isSameGround(a: Ground, b: Ground): boolean {
  if (signingContextKey(a.context) !== signingContextKey(b.context)) return false
  if (a.listed === b.listed) return true
  return (
    a.listed.length === b.listed.length &&
    a.listed.every((entry, i) => isSameEntry(entry, b.listed[i]))
  )
}

/** The same files of the same versions, and the same is wrong with the rest. */
export const isSameListing = (a: readonly StoreEntry[], b: readonly StoreEntry[]) =>
  a.length === b.length &&
  a.every((entry, i) => {
    const other = b[i]
    if (other === undefined || !('fault' in entry && 'fault' in other)) {
      return isSameEntry(entry, other)
    }
    return entry.name === other.name && entry.fault.code === other.fault.code
  })

const isSameEntry = (a: StoreEntry, b: StoreEntry | undefined) =>
  b !== undefined &&
  a.name === b.name &&
  'version' in a &&
  'version' in b &&
  a.version === b.version

/** Every exit is still that of the same key, and every validator is where it was. */
export function fitsRegistry({ exits }: MessageSnapshot, registry: Registry): boolean {
  for (const [index, { exit, used }] of exits) {
    const entry = registry.get(index)
    if (entry?.pubkey !== exit.pubkey || isExiting(entry) !== used) return false
  }
  return true
}
