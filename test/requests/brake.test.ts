import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { ModuleId, OperatorId, ValidatorIndex } from '../../src/lib/primitives.ts'
import {
  createBrake,
  isHeldTooLong,
  RATE_WINDOW_MS,
  sumUpRateLimited,
  turnsOf,
} from '../../src/requests/brake.ts'
import type { Case } from '../../src/requests/cycle-parts.ts'
import { applyFact, type Facts, noFacts } from '../../src/requests/facts.ts'
import { requestOf } from '../journal/support.ts'

const HOUR = RATE_WINDOW_MS
const START = Date.parse('2026-01-01T00:00:00Z')

/** The most that were started within any hour. Times are ms, in any order. */
function mostInAnyHour(started: readonly number[]): number {
  const times = started.toSorted((a, b) => a - b)
  let most = 0
  let oldest = 0
  for (const [place, at] of times.entries()) {
    while (at - (times[oldest] ?? at) >= HOUR) oldest += 1
    most = Math.max(most, place - oldest + 1)
  }
  return most
}

/** @param deadlineIn - hours from the start */
function due(seed: number, deadlineIn = 96): Case {
  const request = {
    ...requestOf(seed),
    moduleId: 1 as ModuleId,
    operatorId: 5 as OperatorId,
    validatorIndex: seed as ValidatorIndex,
    timestamp: START / 1_000 + (deadlineIn - 96) * 3_600,
  }
  return {
    request,
    limit: { moduleSeconds: undefined, possibleFrom: undefined },
    state: 'proven',
    next: { kind: 'offer', exit: undefined },
    message: undefined,
    verdict: undefined,
  }
}

const indexOf = ({ request }: Case) => request.validatorIndex
const goingOf = (cases: readonly Case[]) =>
  cases.filter(({ next }) => next.kind === 'offer').map(indexOf)

/** A brake, both clocks, and a way to submit. */
function setUp(maxExitsPerHour: number | undefined, facts: Facts = noFacts(), start = START) {
  const clock = { now: start, elapsed: 7 }
  const brake = createBrake({
    settings: { mode: 'message', dryRun: false, scope: new Map(), maxExitsPerHour },
    journal: { facts, append: () => {} },
    now: () => clock.now,
    elapsed: () => clock.elapsed,
  })
  return {
    facts,
    clock,
    hold: brake.hold,
    pass(milliseconds: number) {
      clock.now += milliseconds
      clock.elapsed += milliseconds
    },
    submit(validator: ValidatorIndex) {
      const isFirst = !facts.firstOffers.has(validator)
      applyFact(facts, {
        kind: 'offer-intended',
        at: clock.now,
        validator,
        ...(isFirst && { isFirst }),
      })
      brake.note(validator)
    },
  }
}

describe('turns', () => {
  test('as many as the limit are due at once, the others an hour after each of them', () => {
    expect(turnsOf(5, [], 2, 10)).toEqual([10, 10, 10 + HOUR, 10 + HOUR, 10 + 2 * HOUR])
  })

  test('what was started within the hour counts, and nothing older', () => {
    const started = [1_000 - HOUR, 0, 500]
    expect(turnsOf(3, started, 3, 1_000)).toEqual([1_000, HOUR, HOUR + 500])
    expect(turnsOf(1, [0], 1, HOUR - 1)).toEqual([HOUR])
    expect(turnsOf(1, [0], 1, HOUR)).toEqual([HOUR])
  })

  test('after a limit was lowered, more than it were started: as many have to grow old', () => {
    expect(turnsOf(2, [0, 100, 200], 2, 300)).toEqual([HOUR + 100, HOUR + 200])
  })

  test('property: never more than the limit within any hour, in order, and no later than need be', () => {
    const times = fc.array(fc.integer({ min: 0, max: 3 * HOUR }), { maxLength: 40 })
    const limits = fc.integer({ min: 1, max: 8 })
    fc.assert(
      fc.property(fc.nat({ max: 40 }), times, limits, (count, gaps, limit) => {
        // What was started before obeyed the limit too.
        const started = turnsOfAll(gaps, limit)
        const now = Math.max(0, ...started)
        const turns = turnsOf(count, started, limit, now)
        expect(turns).toHaveLength(count)
        expect(turns).toEqual(turns.toSorted((a, b) => a - b))
        expect(mostInAnyHour([...started, ...turns])).toBeLessThanOrEqual(limit)
        for (const [place, turn] of turns.entries()) {
          if (turn === now) continue
          const before = [...started, ...turns.slice(0, place)]
          expect(mostInAnyHour([...before, turn - 1])).toBeGreaterThan(limit)
        }
      }),
      { seed: 21, numRuns: 100 },
    )
  })
})

/** Starts that obey the limit, each no earlier than it is wished. */
function turnsOfAll(wished: readonly number[], limit: number): readonly number[] {
  const started: number[] = []
  for (const at of wished.toSorted((a, b) => a - b)) {
    started.push(...turnsOf(1, started, limit, Math.max(at, started.at(-1) ?? 0)))
  }
  return started
}

test('the most within any hour', () => {
  expect(mostInAnyHour([])).toBe(0)
  expect(mostInAnyHour([5, HOUR + 5])).toBe(1)
  expect(mostInAnyHour([HOUR + 4, 0, 5, 2 * HOUR])).toBe(2)
  expect(mostInAnyHour([1, 1, 1, HOUR])).toBe(4)
})

describe('the brake', () => {
  test('holds nothing where it is not set', () => {
    const cases = Array.from({ length: 50 }, (_, seed) => due(seed))
    expect(setUp(undefined).hold(cases)).toBe(cases)
  })

  test('the nearest deadline goes first, and the others say when', () => {
    const { hold } = setUp(1)
    const [late, soon, next] = hold([due(1, 90), due(2, 30), due(3, 60)])
    expect(soon?.next.kind).toBe('offer')
    expect(next?.next).toEqual({
      kind: 'wait',
      code: 'rate-limited',
      until: START + HOUR,
      detail: 'not before 2026-01-01T01:00:00Z',
    })
    expect(late?.next).toMatchObject({ until: START + 2 * HOUR })
  })

  test('requests of one validator are one, by the nearest of their deadlines', () => {
    const { hold } = setUp(1)
    const first = due(1, 90)
    const again = { ...due(1, 20), request: { ...due(1, 20).request, key: due(9).request.key } }
    expect(goingOf(hold([first, due(2, 50), again]))).toEqual([1, 1])
  })

  test('a validator counts once, whatever the answer, and what was submitted is never held', () => {
    const { hold, submit, pass } = setUp(1)
    const cases = [due(1, 10), due(2, 20)]
    submit(1 as ValidatorIndex)
    for (let time = 0; time < 5; time += 1) {
      pass(HOUR / 10)
      submit(1 as ValidatorIndex)
      expect(goingOf(hold(cases))).toEqual([1])
    }
    pass(HOUR / 2)
    expect(goingOf(hold(cases))).toEqual([1, 2])
  })

  test('what does not get to be submitted is not counted', () => {
    const { hold } = setUp(1)
    const cases = [due(1, 10), due(2, 20)]
    expect(goingOf(hold(cases))).toEqual([1])
    expect(goingOf(hold(cases))).toEqual([1])
  })

  test('a clock that is set does not open it, and does not hold for ever', () => {
    for (const jump of [-30 * 24 * HOUR, 30 * 24 * HOUR]) {
      const { clock, hold, submit, pass } = setUp(1)
      submit(1 as ValidatorIndex)
      clock.now += jump
      expect(goingOf(hold([due(2)]))).toEqual([])
      pass(HOUR - 1)
      expect(goingOf(hold([due(2)]))).toEqual([])
      pass(1)
      expect(goingOf(hold([due(2)]))).toEqual([2])
    }
  })

  test('a restart goes on counting; a submission that is dated ahead counts from the start', () => {
    const before = setUp(2)
    before.submit(1 as ValidatorIndex)
    before.pass(HOUR / 2)
    before.submit(2 as ValidatorIndex)

    const after = setUp(2, before.facts, before.clock.now + HOUR / 4)
    const held = after.hold([due(3), due(4)])
    expect(held.map(({ next }) => next)).toMatchObject([
      { until: START + HOUR },
      { until: START + HOUR + HOUR / 2 },
    ])

    const setBack = setUp(2, before.facts, START - 365 * 24 * HOUR)
    expect(goingOf(setBack.hold([due(3)]))).toEqual([])
    setBack.pass(HOUR)
    expect(goingOf(setBack.hold([due(3)]))).toEqual([3])
  })

  test('held beyond the deadline is told from held', () => {
    const { hold } = setUp(1)
    const cases = hold([due(1, 1), due(2, 1.2), due(3, 2.3), due(4, 2.9)])
    expect(cases.map(isHeldTooLong)).toEqual([false, true, false, true])
    expect(sumUpRateLimited(cases, START)).toEqual({ requests: 3, late: 2, seconds: 3 * 3_600 })
    expect(sumUpRateLimited([due(1)], START)).toEqual({ requests: 0, late: 0, seconds: 0 })
  })

  test('a restart with a clock that is far ahead lets nobody out before their turn', () => {
    const { facts, submit } = setUp(1)
    submit(1 as ValidatorIndex)
    const ahead = setUp(1, facts, START + 30 * 24 * HOUR)
    const cases = [due(2)]
    expect(goingOf(ahead.hold(cases, START / 1_000 - 15 * 60))).toEqual([])
    ahead.pass(HOUR)
    expect(goingOf(ahead.hold(cases, START / 1_000 + 45 * 60))).toEqual([2])
    expect(goingOf(setUp(1, facts, START + HOUR).hold(cases, START / 1_000 + 45 * 60))).toEqual([2])
  })

  test('property: over cycles, restarts and set clocks never more than the limit in an hour, nothing is lost, urgent ones first', () => {
    const step = fc.record({
      asked: fc.array(fc.integer({ min: 1, max: 96 }), { maxLength: 6 }),
      pass: fc.integer({ min: 1, max: HOUR }),
      clockSetBack: fc.option(fc.integer({ min: 1, max: 5 * HOUR }), { freq: 5 }),
      restart: fc.boolean(),
    })
    const runs = fc.array(step, { minLength: 1, maxLength: 15 })
    fc.assert(
      fc.property(runs, fc.integer({ min: 1, max: 5 }), (steps, limit) => {
        let daemon = setUp(limit)
        let [time, asked]: [number, Case[]] = [0, []]
        const started = new Map<number, number>()
        const cycle = () => {
          const cases = daemon.hold(asked)
          const going = new Set(goingOf(cases).filter((validator) => !started.has(validator)))
          for (const validator of going) {
            daemon.submit(validator as ValidatorIndex)
            started.set(validator, time)
          }
          const waiting = cases.filter(({ next }) => next.kind === 'wait')
          const urgency = ({ request }: Case) => request.timestamp
          const latestGone = Math.max(
            ...asked.filter((one) => going.has(indexOf(one))).map(urgency),
          )
          for (const one of waiting) expect(urgency(one)).toBeGreaterThanOrEqual(latestGone)
        }
        for (const { asked: more, pass, clockSetBack, restart } of steps) {
          asked = [...asked, ...more.map((hours, at) => due(asked.length + at, hours))]
          cycle()
          time += pass
          daemon.pass(pass)
          if (clockSetBack !== null) daemon.clock.now -= clockSetBack
          if (restart) daemon = setUp(limit, daemon.facts, daemon.clock.now)
        }
        for (let hours = 0; hours <= asked.length; hours += 1) {
          cycle()
          time += HOUR
          daemon.pass(HOUR)
        }
        expect(started.size).toBe(asked.length)
        expect(mostInAnyHour([...started.values()])).toBeLessThanOrEqual(limit)
      }),
      { seed: 21, numRuns: 100 },
    )
  })
})
