import type { Address, Bytes32, Hex, ValidatorIndex } from '../lib/primitives.ts'
import { quote } from '../lib/secret.ts'
import type { FinalBlock } from '../proof/judge.ts'
import type { ReceiptPath } from '../proof/receipts.ts'
import type { OfferHistory } from './derive.ts'
import type { ExitRequest, RequestKey } from './exit-request.ts'
import type { Coverage } from './scope.ts'

/**
 * What happened, and nothing that is concluded from it. The journal stores these; trust and
 * states are never stored, but derived.
 */
export type Fact =
  | { readonly kind: 'request'; readonly at: number; readonly request: ExitRequest }
  /**
   * An unproven request that was dropped, or one that nobody follows any more, with what was seen of its
   * validator. When it is seen again, it is a new one.
   */
  | { readonly kind: 'forgotten'; readonly key: RequestKey; readonly validator?: ValidatorIndex }
  /** A transaction's signed serialization, whose hash was checked. */
  | { readonly kind: 'transaction'; readonly hash: Bytes32; readonly serialized: Hex }
  /** A finalized block that proved requests. */
  | { readonly kind: 'final-block'; readonly block: KeptBlock }
  /** The contracts that the Locator led to. */
  | { readonly kind: 'contracts'; readonly exitBus: Address; readonly consensus: Address }
  /** About to hand out an exit: written first, so that a crash cannot hide it. */
  | {
      readonly kind: 'offer-intended'
      readonly at: number
      readonly validator: ValidatorIndex
      /** Nothing was handed out for this validator before. */
      readonly isFirst?: boolean
    }
  | {
      readonly kind: 'offer-answered'
      readonly at: number
      readonly validator: ValidatorIndex
      readonly accepted: boolean
      /** A line each node that answered: host and words, cut and redacted. The first few are kept. */
      readonly answers: readonly string[]
    }
  /** A change of what the registry shows: exiting at head or at the finalized state, or not. */
  | {
      readonly kind: 'sighting'
      readonly at: number
      readonly validator: ValidatorIndex
      readonly seen: 'active' | 'exiting' | 'settled'
    }
  | ({ readonly kind: 'cursor' } & Cursor)
  /** Every range that could not be read, in the place of those that were known before. */
  | { readonly kind: 'unread'; readonly blocks: readonly UnreadBlocks[] }

/** Blocks up to this one were read: "read", never "dealt with". */
export type Cursor = {
  readonly block: number
  /** Of that block, so that a later process can tell whether it is on the same chain. */
  readonly hash: Bytes32 | undefined
  /** Absent in the journals of earlier versions. */
  readonly coverage?: Coverage | undefined
}

/**
 * Blocks, first and last included, whose logs no execution node gave, although everything up to the
 * cursor counts as read: requests in them are not known.
 */
export type UnreadBlocks = {
  readonly fromBlock: number
  readonly toBlock: number
  /** What a node answered, cut and redacted. */
  readonly reason: string
  /** Nodes that were asked for them. */
  readonly hosts: readonly string[]
}

/** What consensus nodes said of a block, and its receipts that hold logs of the exit bus. */
export type KeptBlock = FinalBlock & {
  /** The exit bus. */
  readonly contract: Address
  readonly receipts: readonly ReceiptPath[]
}

/** What happened to one validator. */
export type HistoryFact = Extract<
  Fact,
  { readonly kind: 'offer-intended' | 'offer-answered' | 'sighting' }
>

/** The working set: what all facts so far amount to. */
export type Facts = {
  readonly requests: Map<RequestKey, { readonly request: ExitRequest; readonly seenAt: number }>
  readonly transactions: Map<Bytes32, Hex>
  /** By their hash. */
  readonly finalBlocks: Map<Bytes32, KeptBlock>
  /** Every exit bus and HashConsensus that the Locator ever led to. */
  readonly exitBuses: Set<Address>
  readonly consensusContracts: Set<Address>
  contracts: { readonly exitBus: Address; readonly consensus: Address } | undefined
  readonly offers: Map<ValidatorIndex, OfferHistory>
  /** Unix ms at which each validator's exit was first handed out, whatever came of it. */
  readonly firstOffers: Map<ValidatorIndex, number>
  readonly sightings: Map<ValidatorIndex, 'active' | 'exiting' | 'settled'>
  /** What `offers` and `sightings` follow from, oldest first. */
  readonly history: Map<ValidatorIndex, readonly HistoryFact[]>
  cursor: number | undefined
  /** Of the cursor's block, where a node told it. */
  cursorHash: Bytes32 | undefined
  /** Of a wider scope or look-back than this, nothing counts as read. */
  coverage: Coverage | undefined
  /** Lowest first, without overlap. */
  unread: readonly UnreadBlocks[]
}

export const noFacts = (): Facts => ({
  requests: new Map(),
  transactions: new Map(),
  finalBlocks: new Map(),
  exitBuses: new Set(),
  consensusContracts: new Set(),
  contracts: undefined,
  offers: new Map(),
  firstOffers: new Map(),
  sightings: new Map(),
  history: new Map(),
  cursor: undefined,
  cursorHash: undefined,
  coverage: undefined,
  unread: [],
})

/** Its exit was handed out before. Older journals know the accepted ones alone. */
export const hasBegun = ({ firstOffers, offers }: Facts, validator: ValidatorIndex): boolean =>
  firstOffers.has(validator) || offers.has(validator)

/** Adds one fact to the working set. Repeating a fact changes nothing but its time. */
export function applyFact(facts: Facts, fact: Fact): void {
  switch (fact.kind) {
    case 'request':
      if (saysTheSame(facts.requests.get(fact.request.key)?.request, fact.request)) return
      facts.requests.set(fact.request.key, { request: fact.request, seenAt: fact.at })
      return
    case 'forgotten':
      facts.requests.delete(fact.key)
      if (fact.validator === undefined) return
      facts.sightings.delete(fact.validator)
      facts.history.delete(fact.validator)
      return
    case 'transaction':
      facts.transactions.set(fact.hash, fact.serialized)
      return
    case 'final-block':
      facts.finalBlocks.set(fact.block.hash, fact.block)
      return
    case 'contracts':
      facts.contracts = { exitBus: fact.exitBus, consensus: fact.consensus }
      addLatest(facts.exitBuses, fact.exitBus)
      addLatest(facts.consensusContracts, fact.consensus)
      return
    case 'offer-intended':
      if (fact.isFirst && !facts.firstOffers.has(fact.validator)) {
        facts.firstOffers.set(fact.validator, fact.at)
      }
      remember(facts, fact)
      return
    case 'offer-answered':
      remember(facts, fact)
      if (fact.accepted) applyAcceptance(facts, fact.validator, fact.at)
      return
    case 'sighting':
      remember(facts, fact)
      applySighting(facts, fact.validator, fact.seen)
      return
    case 'cursor':
      facts.cursor = fact.block
      facts.cursorHash = fact.hash
      facts.coverage = fact.coverage
      return
    case 'unread':
      facts.unread = fact.blocks
  }
}

/** Of one key only what no proof binds may differ. */
const saysTheSame = (known: ExitRequest | undefined, told: ExitRequest): boolean =>
  known?.timestamp === told.timestamp && known.blockNumber === told.blockNumber

/** Far more than the protocol ever had: a node that names new contracts without end is bounded. */
export const MAX_CONTRACTS = 32

/** What is named again is the latest again, so that the true one outlives what a liar invents. */
function addLatest(addresses: Set<Address>, address: Address): void {
  addresses.delete(address)
  addresses.add(address)
  const [oldest] = addresses
  if (addresses.size > MAX_CONTRACTS && oldest !== undefined) addresses.delete(oldest)
}

/** Answers to one offer that are kept, and characters of each. */
const MAX_ANSWERS = 8
const MAX_ANSWER_LENGTH = 300

/** What is kept of the answers to one offer, whatever nodes say. */
export const keptAnswers = (answers: readonly string[]): readonly string[] =>
  answers.slice(0, MAX_ANSWERS).map((answer) => quote(answer, MAX_ANSWER_LENGTH - 1))

/** The latest happenings that are kept of each validator, beside its first and latest acceptance. */
export const MAX_HISTORY = 32
/** More in a row change nothing: offers are at their rarest by then. */
const MAX_IN_A_ROW = 8

function applyAcceptance(facts: Facts, validator: ValidatorIndex, at: number): void {
  const before = facts.offers.get(validator)
  facts.offers.set(validator, {
    firstAcceptedAt: before?.firstAcceptedAt ?? at,
    lastAcceptedAt: at,
    acceptedInARow: Math.min((before?.acceptedInARow ?? 0) + 1, MAX_IN_A_ROW),
  })
}

/** Of offers that changed nothing the latest is kept: refused ones come back at every cycle. */
function remember(facts: Facts, fact: HistoryFact): void {
  const before = facts.history.get(fact.validator) ?? []
  const kept = before.filter((earlier) => !isReplaced(earlier, fact))
  const added =
    fact.kind === 'offer-answered' ? { ...fact, answers: keptAnswers(fact.answers) } : fact
  facts.history.set(fact.validator, bounded([...kept, added]))
}

const isFirstOffer = (one: HistoryFact) => one.kind === 'offer-intended' && one.isFirst === true

/** A registry that flips for years, or a pool that accepts without end, does not fill the memory. */
function bounded(history: readonly HistoryFact[]): readonly HistoryFact[] {
  if (history.length <= MAX_HISTORY) return history
  const isAcceptance = (one: HistoryFact) => one.kind === 'offer-answered' && one.accepted
  const first = history.findIndex(isAcceptance)
  const last = history.findLastIndex(isAcceptance)
  const oldest = history.length - MAX_HISTORY
  return history.filter(
    (one, at) => at >= oldest || at === first || at === last || isFirstOffer(one),
  )
}

function isReplaced(earlier: HistoryFact, fact: HistoryFact): boolean {
  if (fact.kind === 'offer-intended')
    return earlier.kind === 'offer-intended' && !isFirstOffer(earlier)
  const isRefusal = (one: HistoryFact) => one.kind === 'offer-answered' && !one.accepted
  return isRefusal(fact) && isRefusal(earlier)
}

/** Facts that amount to this working set, when they are added to an empty one in this order. */
export function factsOf(facts: Facts): readonly Fact[] {
  const { contracts, cursor, cursorHash: hash, coverage, unread } = facts
  return [
    ...[...facts.requests.values()].map(({ request, seenAt }) => ({
      kind: 'request' as const,
      at: seenAt,
      request,
    })),
    ...[...facts.transactions].map(([hash, serialized]) => ({
      kind: 'transaction' as const,
      hash,
      serialized,
    })),
    ...[...facts.finalBlocks.values()].map((block) => ({ kind: 'final-block' as const, block })),
    ...(contracts === undefined ? [] : contractFactsOf(facts, contracts)),
    ...[...facts.history.values()].flat(),
    ...(cursor === undefined ? [] : [{ kind: 'cursor' as const, block: cursor, hash, coverage }]),
    ...(unread.length === 0 ? [] : [{ kind: 'unread' as const, blocks: unread }]),
  ]
}

function contractFactsOf(facts: Facts, latest: NonNullable<Facts['contracts']>): readonly Fact[] {
  return [
    ...[...facts.exitBuses].map((exitBus) => ({ ...latest, exitBus })),
    ...[...facts.consensusContracts].map((consensus) => ({ ...latest, consensus })),
    latest,
  ].map((pair) => ({ kind: 'contracts' as const, ...pair }))
}

/** An exit that is gone again was taken out by a reorg: offers start over, at once. */
function applySighting(
  facts: Facts,
  validator: ValidatorIndex,
  seen: 'active' | 'exiting' | 'settled',
): void {
  const before = facts.sightings.get(validator)
  facts.sightings.set(validator, seen)
  const offers = facts.offers.get(validator)
  if (seen === 'active' && before !== undefined && before !== 'active' && offers !== undefined) {
    facts.offers.set(validator, { ...offers, lastAcceptedAt: 0, acceptedInARow: 0 })
  }
}
