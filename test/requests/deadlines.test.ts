import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { RegistryEntry } from '../../src/consensus/registry.ts'
import type { Epoch, ModuleId, OperatorId, Pubkey } from '../../src/lib/primitives.ts'
import {
  ageOf,
  deadlineOf,
  describeTimeLeft,
  type ExitLimit,
  exitPossibleFrom,
  noLimit,
  parseModuleLimit,
  passedLimits,
  timeLeft,
} from '../../src/requests/deadlines.ts'
import type { RequestState } from '../../src/requests/derive.ts'
import { summarize } from '../../src/requests/operator-summary.ts'

const HOUR = 3_600
const ASKED_AT = 1_700_000_000
const MODULE = 1 as ModuleId
const OPERATOR = 5 as OperatorId
const asked = { moduleId: MODULE, operatorId: OPERATOR, timestamp: ASKED_AT }
/** Unix ms this many hours after the request. */
const hoursLater = (hours: number) => (ASKED_AT + hours * HOUR) * 1_000
const limit = (hours?: number, possibleFrom?: number): ExitLimit => ({
  moduleSeconds: hours === undefined ? undefined : hours * HOUR,
  possibleFrom,
})

describe('the deadline', () => {
  test('is 96 hours after the request where the module says nothing', () => {
    expect(deadlineOf(asked, noLimit)).toBe(ASKED_AT + 96 * HOUR)
  })

  test.each([
    [48, 48],
    [96, 96],
    [120, 120],
    [200, 120],
  ])('is the %i hours of the module, never beyond 120: %i', (module, expected) => {
    expect(deadlineOf(asked, limit(module))).toBe(ASKED_AT + expected * HOUR)
    expect(timeLeft(asked, hoursLater(10), limit(module))).toBe((expected - 10) * HOUR)
    expect(timeLeft(asked, hoursLater(130), limit(module))).toBe((expected - 130) * HOUR)
  })

  test('is counted from when the chain allows the exit, where that is later than the request', () => {
    const later = limit(48, ASKED_AT + 20 * HOUR)
    expect(deadlineOf(asked, later)).toBe(ASKED_AT + 68 * HOUR)
    expect(deadlineOf(asked, limit(48, ASKED_AT - 20 * HOUR))).toBe(ASKED_AT + 48 * HOUR)
    expect(passedLimits(asked, hoursLater(44), later)).toEqual([])
    expect(passedLimits(asked, hoursLater(44.01), later)).toEqual(['delayed'])
    expect(passedLimits(asked, hoursLater(68.01), later)).toEqual([
      'delayed',
      'delinquent',
      'module',
    ])
  })

  test('a module limit that makes no sense is none', () => {
    for (const absurd of [0n, 2n ** 31n + 1n, 2n ** 256n - 1n]) {
      expect(parseModuleLimit(absurd)).toBeUndefined()
    }
    expect([1n, 345_600n, 2n ** 31n].map(parseModuleLimit)).toEqual([1, 345_600, 2 ** 31])
  })

  test('a limit is passed when its time is over, and not before', () => {
    const passed = (hours: number, module?: number) =>
      passedLimits(asked, hoursLater(hours), limit(module))

    expect(passed(24)).toEqual([])
    expect(passed(24.01)).toEqual(['delayed'])
    expect(passed(96)).toEqual(['delayed'])
    expect(passed(96.01)).toEqual(['delayed', 'delinquent'])
    expect(passed(13, 12)).toEqual(['delinquent', 'module'])
    expect(passed(97, 48)).toEqual(['delayed', 'delinquent', 'module'])
    expect(passed(97, 120)).toEqual(['delayed'])
    expect(passed(121, 120)).toEqual(['delayed', 'delinquent', 'module'])
    expect(passed(121, 400)).toEqual(['delayed', 'delinquent'])
  })

  test('a clock that is behind makes no negative age', () => {
    expect(ageOf(asked, hoursLater(-1))).toBe(0)
    expect(ageOf(asked, hoursLater(2))).toBe(2 * HOUR)
  })

  test.each([
    [3 * 24 * HOUR + 4 * HOUR, '3 d 4 h'],
    [5 * HOUR + 600, '5 h 10 min'],
    [59, '0 min'],
    [-HOUR, 'overdue by 1 h 0 min'],
  ])('%i seconds are described as %s', (seconds, text) => {
    expect(describeTimeLeft(seconds)).toBe(text)
  })
})

describe('when the chain allows an exit', () => {
  const PUBKEY = `0x${'aa'.repeat(48)}` as Pubkey
  const chain = {
    currentEpoch: 1_000n as Epoch,
    shardCommitteePeriod: 256n,
    epochStart: (epoch: Epoch) => ASKED_AT + Number(epoch - 1_000n) * 384,
  }
  const now = ASKED_AT * 1_000
  const answers = (...activations: readonly bigint[]) => ({
    head: activations.map((activationEpoch) => ({
      host: 'a',
      optimistic: false,
      entry: { pubkey: PUBKEY, activationEpoch } as RegistryEntry,
    })),
    finalized: [],
  })

  test('is the shard committee period after the activation, and the earliest of all nodes', () => {
    expect(exitPossibleFrom(PUBKEY, answers(900n), chain, now)).toBe(ASKED_AT + 156 * 384)
    expect(exitPossibleFrom(PUBKEY, answers(900n, 10n), chain, now)).toBe(ASKED_AT - 734 * 384)
  })

  test('is never further away than two days: a node cannot put an alarm off for ever', () => {
    for (const absurd of [5_000n, 2n ** 64n - 1n]) {
      const from = exitPossibleFrom(PUBKEY, answers(absurd), chain, now)
      expect(from).toBe(ASKED_AT + 48 * HOUR)
    }
  })

  test('is not known where nobody knows the validator under this key, or the chain', () => {
    const other = `0x${'bb'.repeat(48)}` as Pubkey
    expect(exitPossibleFrom(other, answers(900n), chain, now)).toBeUndefined()
    expect(exitPossibleFrom(PUBKEY, undefined, chain, now)).toBeUndefined()
    expect(exitPossibleFrom(PUBKEY, answers(900n), undefined, now)).toBeUndefined()
  })
})

describe('whatever nodes say', () => {
  const seconds = fc.integer({ min: 0, max: 2 ** 40 })
  const facts = fc.record({
    timestamp: seconds,
    moduleSeconds: fc.option(fc.integer({ min: 1, max: 2 ** 31 }), { nil: undefined }),
    possibleFrom: fc.option(seconds, { nil: undefined }),
    at: seconds,
  })

  test('a deadline is between the request and 120 hours after its start, and passes once', () => {
    fc.assert(
      fc.property(facts, ({ timestamp, moduleSeconds, possibleFrom, at }) => {
        const limit = { moduleSeconds, possibleFrom }
        const start = Math.max(timestamp, possibleFrom ?? 0)
        const deadline = deadlineOf({ timestamp }, limit)
        expect(deadline).toBeGreaterThan(timestamp)
        expect(deadline).toBeLessThanOrEqual(start + 120 * HOUR)
        const passed = passedLimits({ timestamp }, at * 1_000, limit)
        expect(passed.includes('delinquent')).toBe(timeLeft({ timestamp }, at * 1_000, limit) < 0)
        // The module's own never passes before the deadline does.
        if (passed.includes('module')) expect(passed).toContain('delinquent')
      }),
      { seed: 14, numRuns: 1_000 },
    )
  })
})

describe('the summary of an operator', () => {
  const scope = new Map([[MODULE, [OPERATOR]]])
  const one = (
    state: RequestState,
    hoursAgo: number,
    more: { operatorId?: OperatorId; limit?: ExitLimit } = {},
  ) => ({
    request: {
      ...asked,
      timestamp: ASKED_AT - hoursAgo * HOUR,
      operatorId: more.operatorId ?? OPERATOR,
    },
    limit: more.limit ?? noLimit,
    state,
    lacksMessage: state === 'proven',
  })
  const now = ASKED_AT * 1_000

  test('is there for each one of the scope, with nothing open', () => {
    const [summary, ...others] = summarize([], scope, now)

    expect(others).toEqual([])
    expect(summary).toMatchObject({ moduleId: 1, operatorId: 5, oldestAge: 0, withoutMessage: 0 })
    expect(summary?.timeLeft).toBeUndefined()
    expect(Object.values(summary?.states ?? {})).toEqual([0, 0, 0, 0, 0, 0, 0])
    expect(summary?.overdue).toEqual({ delayed: 0, delinquent: 0, module: 0 })
  })

  test('counts what is open, and neither what nobody proved nor what has left', () => {
    const counted = [
      one('proven', 30, { limit: limit(40) }),
      one('submitted', 50, { limit: limit(40) }),
      one('unproven', 500),
      one('seen', 500),
      one('exiting', 500),
      one('settled', 500),
      one('lapsed', 500),
    ]
    const [summary] = summarize(counted, scope, now)

    expect(summary).toMatchObject({
      oldestAge: 50 * HOUR,
      timeLeft: -10 * HOUR,
      overdue: { delayed: 2, delinquent: 1, module: 1 },
      withoutMessage: 1,
    })
    expect(Object.values(summary?.states ?? {})).toEqual([1, 1, 1, 1, 1, 1, 1])
  })

  test('keeps operators apart, and shows one that is in the scope no more', () => {
    const counted = [one('proven', 1), one('proven', 2, { operatorId: 9 as OperatorId })]
    const summaries = summarize(counted, scope, now)

    expect(summaries.map(({ operatorId, oldestAge }) => [operatorId, oldestAge])).toEqual([
      [5, HOUR],
      [9, 2 * HOUR],
    ])
  })
})
