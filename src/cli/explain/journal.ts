import { existsSync } from 'node:fs'
import { applyFact, type Fact, type Facts, noFacts } from '../../domain/facts.ts'
import type { Address } from '../../domain/primitives.ts'
import { openJournalReadOnly } from '../../journal/read-only.ts'
import { messageOf } from '../../lib/message-of.ts'
import { isAbout, type Subject } from './subject.ts'

type Parts = {
  /** STATE_FILE */
  readonly file: string | undefined
  /** As the nodes tell it; without it only the subject decides what counts. */
  readonly chainId: bigint | undefined
  readonly locator: Address
}

export type JournalReading = {
  readonly found: 'facts' | 'unreadable' | 'none'
  readonly facts: Facts
  readonly problem: string | undefined
}

/** What a daemon wrote down so far, also while it runs. Its file is not changed. */
export function readJournal({ file, chainId, locator }: Parts): JournalReading {
  const nothing = { facts: noFacts(), problem: undefined }
  if (file === undefined) return { found: 'none', ...nothing }
  if (!existsSync(file)) {
    const problem = `STATE_FILE ${file} does not exist: no daemon has written it yet`
    return { found: 'unreadable', ...nothing, problem }
  }
  try {
    const identity = chainId === undefined ? undefined : { chainId, locator }
    return { found: 'facts', facts: openJournalReadOnly(file, identity), problem: undefined }
  } catch (error) {
    const problem = `STATE_FILE cannot be read: ${messageOf(error)}`
    return { found: 'unreadable', ...nothing, problem }
  }
}

/**
 * A journal in memory that begins with what another one knows, and holds the requests of one
 * validator alone. What is added to it is forgotten.
 */
export function journalOf(facts: Facts, subject: Subject) {
  const requests = [...facts.requests].filter(([, { request }]) => isAbout(subject, request))
  const own: Facts = {
    ...facts,
    requests: new Map(requests),
    transactions: new Map(facts.transactions),
    exitBuses: new Set(facts.exitBuses),
    consensusContracts: new Set(facts.consensusContracts),
    offers: new Map(facts.offers),
    sightings: new Map(facts.sightings),
    history: new Map(facts.history),
  }
  return {
    facts: own,
    append(added: readonly Fact[]): void {
      for (const fact of added) applyFact(own, fact)
    },
  }
}
