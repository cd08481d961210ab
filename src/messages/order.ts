import type { Matcher } from './hints.ts'

/** What is waited for stands before the rest; otherwise the order stays. */
function wantedFirst<Item>(
  items: readonly Item[],
  hintsOf: (item: Item) => readonly string[],
  isWanted: Matcher,
): readonly Item[] {
  const first: Item[] = []
  const others: Item[] = []
  for (const item of items) (isWanted(hintsOf(item)) ? first : others).push(item)
  return first.length === 0 ? items : [...first, ...others]
}

/**
 * Gives one item after the other, those that are waited for first. What is waited for may change
 * meanwhile: opening thousands of envelopes takes long enough for new requests.
 *
 * @param matcher - gives another function once something else is waited for
 */
export function createQueue<Item>(
  items: readonly Item[],
  hintsOf: (item: Item) => readonly string[],
  matcher: () => Matcher,
): () => Item | undefined {
  let rest = items
  let taken = 0
  let sortedBy: Matcher | undefined
  return function next() {
    const isWanted = matcher()
    if (isWanted !== sortedBy) {
      rest = wantedFirst(rest.slice(taken), hintsOf, isWanted)
      taken = 0
      sortedBy = isWanted
    }
    taken += 1
    return rest[taken - 1]
  }
}
