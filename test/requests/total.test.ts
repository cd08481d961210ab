import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { FAR_FUTURE_EPOCH, type Pubkey, type ValidatorIndex } from '../../src/lib/primitives.ts'
import type { VerifiedExit } from '../../src/messages/exit-message.ts'
import type { Case, CycleParts, Messages, Proofs } from '../../src/requests/cycle-parts.ts'
import { createDecider, type Learnt } from '../../src/requests/decide.ts'
import {
  type OfferHistory,
  type RegistryAnswers,
  requestStates,
} from '../../src/requests/derive.ts'
import type { ExitRequest, RequestKey } from '../../src/requests/exit-request.ts'
import { applyFact, type Fact, noFacts } from '../../src/requests/facts.ts'
import { nextPoolOfferAt } from '../../src/requests/next.ts'
import { createRequestTimes } from '../../src/requests/request-times.ts'
import { waitReasons } from '../../src/requests/wait-reasons.ts'
import { requestOf } from '../journal/support.ts'

const KEYS = ['aa', 'bb'].map((byte) => `0x${byte.repeat(48)}` as Pubkey)
const INDICES = [7, 8] as ValidatorIndex[]

const key = fc.constantFrom(...KEYS)
const index = fc.constantFrom(...INDICES)
const uint64 = fc.oneof(
  fc.constantFrom(0n, 1n, 999n, 1_000n, 1_001n, FAR_FUTURE_EPOCH),
  fc.bigInt({ min: 0n, max: FAR_FUTURE_EPOCH }),
)
/** Unix ms: clocks that are right, set back, ahead, and out of their mind. */
const time = fc.oneof(fc.constantFrom(0, 1, Date.UTC(2026, 0), 2 ** 52), fc.nat(2 ** 31))

const entry = fc.record({
  index,
  pubkey: key,
  status: fc.string(),
  activationEpoch: uint64,
  exitEpoch: uint64,
})
const answers = fc.array(
  fc.record({
    host: fc.string(),
    optimistic: fc.boolean(),
    entry: fc.option(entry, { nil: undefined }),
  }),
  { maxLength: 3 },
)
const perIndex = <T>(value: fc.Arbitrary<T>) =>
  fc.tuple(...INDICES.map(() => fc.option(value, { nil: undefined })))

const fact: fc.Arbitrary<Fact> = fc.oneof(
  fc.record({
    kind: fc.constant('offer-intended' as const),
    at: time,
    validator: index,
    isFirst: fc.boolean(),
  }),
  fc.record({
    kind: fc.constant('offer-answered' as const),
    at: time,
    validator: index,
    accepted: fc.boolean(),
    answers: fc.array(fc.string(), { maxLength: 2 }),
  }),
  fc.record({
    kind: fc.constant('sighting' as const),
    at: time,
    validator: index,
    seen: fc.constantFrom('active', 'exiting', 'settled'),
  }),
)

const request = fc.tuple(index, key, time).map(
  ([validatorIndex, pubkey, at]): ExitRequest => ({
    ...requestOf(1),
    key: `${validatorIndex} ${pubkey}` as RequestKey,
    validatorIndex,
    pubkey,
    timestamp: Math.floor(at / 1_000),
  }),
)

const anything = fc.record({
  requests: fc.uniqueArray(request, { selector: (one) => one.key, minLength: 1, maxLength: 4 }),
  facts: fc.array(fact, { maxLength: 12 }),
  statuses: fc.array(
    fc.constantFrom('proven', 'proven', 'proven', 'none', 'unproven', 'duplicate'),
    {
      minLength: 4,
      maxLength: 4,
    },
  ),
  isJudged: fc.boolean(),
  held: perIndex(fc.record({ epoch: uint64, pubkey: key })),
  loaded: fc.option(fc.boolean(), { nil: undefined }),
  registry: perIndex(fc.record({ head: answers, finalized: answers })),
  chain: fc.option(fc.record({ currentEpoch: uint64, shardCommitteePeriod: uint64 }), {
    nil: undefined,
  }),
  withdrawals: fc.option(fc.subarray(INDICES), { nil: undefined }),
  mode: fc.constantFrom('message', 'webhook'),
  now: time,
})
type Anything = typeof anything extends fc.Arbitrary<infer T> ? T : never

const silent = { error() {}, warn() {}, info() {}, debug() {} }

/** One decision of a cycle that has learnt all this, and what it was learnt from. */
async function decide(given: Anything) {
  const { requests, mode, now } = given
  const facts = noFacts()
  for (const one of given.facts) applyFact(facts, one)
  const statusOf = (wanted: RequestKey) =>
    given.statuses[requests.findIndex((one) => one.key === wanted)] ?? 'none'
  const exitOf = (validatorIndex: ValidatorIndex) => {
    const held = given.held[INDICES.indexOf(validatorIndex)]
    return held && ({ ...held, validatorIndex } as VerifiedExit)
  }
  const answersOf = (validator: ValidatorIndex) =>
    given.registry[INDICES.indexOf(validator)] as RegistryAnswers | undefined
  const parts = {
    log: silent,
    now: () => now,
    settings: { mode, dryRun: false, maxExitsPerHour: undefined, scope: new Map() },
    termsOf: () => ({ moduleSeconds: undefined }),
    journal: { facts, append() {} },
    nextOfferAt: (offers: OfferHistory) => nextPoolOfferAt(offers, 1_000),
    async readPendingWithdrawals() {
      if (given.withdrawals === undefined) throw new Error('no node tells')
      return new Set(given.withdrawals)
    },
  } satisfies Partial<CycleParts> as Partial<CycleParts> as CycleParts
  const proofs: Proofs = {
    statusOf,
    verdictOf: () => undefined,
    isDuplicate: () => false,
    problems: [],
  }
  const messages: Messages = {
    loaded: given.loaded ?? false,
    find(validator) {
      const exit = exitOf(validator)
      return exit && { exit, file: 'a.json' }
    },
    problem: undefined,
    whyMissing: () => undefined,
  }
  const learnt = {
    proofs: given.isJudged ? proofs : undefined,
    messages: given.loaded === undefined ? undefined : messages,
    chain: given.chain,
  } as Learnt
  const decider = createDecider(
    parts,
    { answersOf },
    createRequestTimes(facts, () => now),
  )
  const cases = await decider(requests, learnt, new AbortController().signal)
  return { cases, facts, statusOf, answersOf, exitOf }
}

/** Seeded: a failure shows seed and path. */
const always = (hold: (given: Anything, found: Awaited<ReturnType<typeof decide>>) => void) =>
  fc.assert(
    fc.asyncProperty(anything, async (given) => hold(given, await decide(given))),
    { seed: 26, numRuns: 2_000 },
  )

const isOffered = ({ next }: Case) => next.kind === 'offer'

describe('whatever facts, nodes and clocks say,', () => {
  test('each request has a state, and something that comes next', async () => {
    const seen = new Set<string>()
    await always((given, { cases }) => {
      expect(cases.map(({ request: { key } }) => key)).toEqual(given.requests.map(({ key }) => key))
      for (const { state, next } of cases) {
        expect(requestStates).toContain(state)
        expect(['offer', 'wait', 'nothing']).toContain(next.kind)
        if (next.kind === 'wait') expect(Object.keys(waitReasons)).toContain(next.code)
        seen.add(state).add(next.kind)
      }
    })
    // The facts are not all of one kind.
    expect([...seen].toSorted()).toEqual([...requestStates, 'offer', 'wait', 'nothing'].toSorted())
  })

  test('nothing is offered without proof', async () => {
    await always((given, { cases, statusOf }) => {
      for (const one of cases.filter(isOffered)) {
        expect(given.isJudged && statusOf(one.request.key)).toBe('proven')
      }
    })
  })

  test('no other key’s exit is offered, and none to a validator that is another key’s', async () => {
    await always((given, { cases, exitOf, answersOf }) => {
      for (const { request, next } of cases) {
        if (next.kind !== 'offer') continue
        if (given.mode === 'webhook') expect(next.exit).toBeUndefined()
        else {
          expect(next.exit).toEqual(exitOf(request.validatorIndex))
          expect(next.exit).toMatchObject({ pubkey: request.pubkey })
        }
        const known = (answersOf(request.validatorIndex)?.head ?? []).flatMap(
          ({ entry, optimistic }) => (entry === undefined || optimistic ? [] : [entry.pubkey]),
        )
        if (known.length > 0) expect(known).toContain(request.pubkey)
      }
    })
  })

  test('a proven request whose message is due waits only where every node that can tell agrees', async () => {
    let offered = 0
    await always((given, { cases, facts, statusOf, exitOf, answersOf }) => {
      const { withdrawals = [], chain, mode } = given
      for (const one of cases) {
        const { validatorIndex, pubkey, key } = one.request
        const exit = given.loaded === undefined ? undefined : exitOf(validatorIndex)
        const now = chain?.currentEpoch ?? FAR_FUTURE_EPOCH
        const isUsable = mode === 'webhook' || (exit?.pubkey === pubkey && exit.epoch <= now)
        const isProven = given.isJudged && statusOf(key) === 'proven'
        const lastAccepted = facts.offers.get(validatorIndex)?.lastAcceptedAt
        const isLately =
          lastAccepted !== undefined &&
          lastAccepted <= given.now &&
          given.now - lastAccepted < 16_000
        const seen = answersOf(validatorIndex)
        const wasSettled = seen === undefined && facts.sightings.get(validatorIndex) === 'settled'
        const head = seen?.head ?? []
        // One node that has verified its state sees it active, and long enough.
        const isDue = head.some(
          ({ optimistic, entry }) =>
            !optimistic &&
            entry?.pubkey === pubkey &&
            entry.exitEpoch === FAR_FUTURE_EPOCH &&
            entry.activationEpoch + (chain?.shardCommitteePeriod ?? 0n) <= now,
        )
        if (!isProven || !isUsable || isLately || wasSettled) continue
        if (withdrawals.includes(validatorIndex)) continue
        if (!isDue && head.length > 0) continue
        expect(one.next.kind).toBe('offer')
        offered += 1
      }
    })
    expect(offered).toBeGreaterThan(50)
  })
})
