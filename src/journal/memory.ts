import { applyFact, type Fact, type Facts, noFacts } from '../domain/facts.ts'

/** Facts so far, and where new ones are added. No decisions are made here. */
export type Journal = {
  /** The working set: reading it costs nothing. */
  readonly facts: Facts
  /** All of them or none; written through before it returns. */
  append(facts: readonly Fact[]): void
  close(): void
}

/** A journal that is forgotten with the process: the chain tells everything again at start. */
export function createMemoryJournal(): Journal {
  const facts = noFacts()
  return {
    facts,
    append(added) {
      for (const fact of added) applyFact(facts, fact)
    },
    close() {},
  }
}
