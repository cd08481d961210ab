import { describe, expect, test } from 'vitest'
import type { ModuleId, OperatorId } from '../../src/lib/primitives.ts'
import {
  ageOf,
  deadlineOf,
  describeTimeLeft,
  noModuleLimits,
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
const limit = (hours: number) => () => hours * HOUR

describe('the deadline', () => {
  test('is 96 hours after the request where the module says nothing', () => {
    expect(deadlineOf(asked, noModuleLimits)).toBe(ASKED_AT + 96 * HOUR)
  })

  test.each([
    [48, 48],
    [96, 96],
    [200, 96],
  ])('with %i hours of the module it is %i: the earlier counts', (module, expected) => {
    expect(deadlineOf(asked, limit(module))).toBe(ASKED_AT + expected * HOUR)
    expect(timeLeft(asked, hoursLater(10), limit(module))).toBe((expected - 10) * HOUR)
    expect(timeLeft(asked, hoursLater(100), limit(module))).toBe((expected - 100) * HOUR)
  })

  test('a module limit that makes no sense is none', () => {
    for (const absurd of [0n, 2n ** 31n + 1n, 2n ** 256n - 1n]) {
      expect(parseModuleLimit(absurd)).toBeUndefined()
    }
    expect([1n, 345_600n, 2n ** 31n].map(parseModuleLimit)).toEqual([1, 345_600, 2 ** 31])
  })

  test('a limit is passed when its time is over, and not before', () => {
    const passed = (hours: number, module?: number) =>
      passedLimits(asked, hoursLater(hours), module === undefined ? noModuleLimits : limit(module))

    expect(passed(24)).toEqual([])
    expect(passed(24.01)).toEqual(['delayed'])
    expect(passed(96)).toEqual(['delayed'])
    expect(passed(96.01)).toEqual(['delayed', 'delinquent'])
    expect(passed(13, 12)).toEqual(['module'])
    expect(passed(97, 48)).toEqual(['delayed', 'delinquent', 'module'])
    expect(passed(97, 120)).toEqual(['delayed', 'delinquent'])
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

describe('the summary of an operator', () => {
  const scope = new Map([[MODULE, [OPERATOR]]])
  const one = (state: RequestState, hoursAgo: number, more: Partial<typeof asked> = {}) => ({
    request: { ...asked, timestamp: ASKED_AT - hoursAgo * HOUR, ...more },
    state,
    lacksMessage: state === 'proven',
  })
  const now = ASKED_AT * 1_000

  test('is there for each one of the scope, with nothing open', () => {
    const [summary, ...others] = summarize([], scope, now, noModuleLimits)

    expect(others).toEqual([])
    expect(summary).toMatchObject({ moduleId: 1, operatorId: 5, oldestAge: 0, withoutMessage: 0 })
    expect(summary?.timeLeft).toBeUndefined()
    expect(Object.values(summary?.states ?? {})).toEqual([0, 0, 0, 0, 0, 0, 0])
    expect(summary?.overdue).toEqual({ delayed: 0, delinquent: 0, module: 0 })
  })

  test('counts what is open, and neither what nobody proved nor what has left', () => {
    const counted = [
      one('proven', 30),
      one('submitted', 50),
      one('unproven', 500),
      one('seen', 500),
      one('exiting', 500),
      one('settled', 500),
      one('lapsed', 500),
    ]
    const [summary] = summarize(counted, scope, now, limit(40))

    expect(summary).toMatchObject({
      oldestAge: 50 * HOUR,
      timeLeft: -10 * HOUR,
      overdue: { delayed: 2, delinquent: 0, module: 1 },
      withoutMessage: 1,
    })
    expect(Object.values(summary?.states ?? {})).toEqual([1, 1, 1, 1, 1, 1, 1])
  })

  test('keeps operators apart, and shows one that is in the scope no more', () => {
    const counted = [one('proven', 1), one('proven', 2, { operatorId: 9 as OperatorId })]
    const summaries = summarize(counted, scope, now, noModuleLimits)

    expect(summaries.map(({ operatorId, oldestAge }) => [operatorId, oldestAge])).toEqual([
      [5, HOUR],
      [9, 2 * HOUR],
    ])
  })
})
