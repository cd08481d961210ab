import { existsSync } from 'node:fs'
import type { Config } from '../../config.ts'
import { openJournalReadOnly } from '../../journal/read-only.ts'
import { messageOf } from '../../lib/message-of.ts'
import { applyFact, type Fact, type Facts, noFacts } from '../../requests/facts.ts'

export type JournalReading = {
  readonly found: 'facts' | 'unreadable' | 'none'
  readonly facts: Facts
  readonly problem: string | undefined
}

/**
 * What a daemon wrote down so far, also while it runs. Its file is not changed.
 *
 * @param chainId - as the nodes tell it; without it a state file of any chain counts
 */
export function readJournal(
  { stateFile: file, locatorAddress: locator }: Pick<Config, 'stateFile' | 'locatorAddress'>,
  chainId: bigint | undefined,
): JournalReading {
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
 * A journal in memory that begins with what another one knows. What is added to it is forgotten.
 *
 * @param requests - instead of those that the other one knows
 */
export function copyJournal(from: Facts, requests = from.requests) {
  const facts: Facts = {
    ...from,
    requests: new Map(requests),
    transactions: new Map(from.transactions),
    finalBlocks: new Map(from.finalBlocks),
    exitBuses: new Set(from.exitBuses),
    consensusContracts: new Set(from.consensusContracts),
    offers: new Map(from.offers),
    firstOffers: new Map(from.firstOffers),
    sightings: new Map(from.sightings),
    history: new Map(from.history),
  }
  return {
    facts,
    append(added: readonly Fact[]): void {
      for (const fact of added) applyFact(facts, fact)
    },
  }
}
