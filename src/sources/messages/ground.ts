import type { SigningContext } from '../../domain/fork.ts'
import { isExiting, type Registry } from '../../domain/registry.ts'
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
  const { genesisValidatorsRoot: root, forkVersions } = a.context
  if (root !== b.context.genesisValidatorsRoot) return false
  if (forkVersions.join() !== b.context.forkVersions.join()) return false
  if (a.listed === b.listed) return true
  return (
    a.listed.length === b.listed.length &&
    a.listed.every((entry, i) => isSameEntry(entry, b.listed[i]))
  )
}

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
