import type { Facts } from '../../requests/facts.ts'
import { journalIn } from '../journal.ts'
import { isAbout, type Subject } from './subject.ts'

/** Begins with what another journal knows, and holds the requests of one validator alone. */
export function journalOf(facts: Facts, subject: Subject) {
  const requests = [...facts.requests].filter(([, { request }]) => isAbout(subject, request))
  return journalIn({
    ...facts,
    requests: new Map(requests),
    transactions: new Map(facts.transactions),
    exitBuses: new Set(facts.exitBuses),
    consensusContracts: new Set(facts.consensusContracts),
    offers: new Map(facts.offers),
    sightings: new Map(facts.sightings),
    history: new Map(facts.history),
  })
}
