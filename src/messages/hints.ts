import type { Pubkey, ValidatorIndex } from '../lib/primitives.ts'

/** A validator whose exit is asked for. */
export type Wanted = { readonly index: ValidatorIndex; readonly pubkey: Pubkey }

/** Characters of a text that are looked at. */
const MAX_TEXT = 1_024

/**
 * What a text outside an envelope (name of the file, `description`, `pubkey`) may say about whose
 * exit is inside: every number in it, and every public key without its 0x. No more than a hint.
 */
export function hintsIn(texts: readonly unknown[]): readonly string[] {
  return texts.flatMap((text) => {
    if (typeof text !== 'string') return []
    const words =
      text
        .slice(0, MAX_TEXT)
        .toLowerCase()
        .match(/[0-9a-f]{96}|[0-9]+/g) ?? []
    return words.map((word) => (word.length === 96 ? word : word.replace(/^0+(?=.)/, '')))
  })
}

/** Tells whether hints name one of the wanted validators. */
export type Matcher = (hints: readonly string[]) => boolean

export function createMatcher(wanted: readonly Wanted[]): Matcher {
  const names = new Set(wanted.flatMap(({ index, pubkey }) => [String(index), pubkey.slice(2)]))
  return (hints) => names.size > 0 && hints.some((hint) => names.has(hint))
}
