import { describe, expect, test } from 'vitest'
import type { Unproven } from '../../src/proof/judge.ts'
import { type History, isDue, type Moment, nextDue, noHistory } from '../../src/proof/next-due.ts'

const HOUR = 3_600_000
const verdict = (changes: Partial<Unproven> = {}): Unproven => ({
  kind: 'unproven',
  code: 'unlisted-signer',
  expected: '',
  actual: '',
  complete: true,
  isMissing: false,
  again: 'hourly',
  open: [],
  ...changes,
})
const moment = (changes: Partial<Moment> = {}): Moment => ({
  cycle: 10,
  now: 1_000,
  allNodesAnswer: true,
  ...changes,
})

describe('a request that is not proven is judged again', () => {
  test('at the next cycle while an answer is missing', () => {
    expect(nextDue(verdict({ again: 'each-cycle' }), noHistory, moment())).toMatchObject({
      dueCycle: 11,
    })
  })

  test('after 1, 2, 4, 8, then 16 cycles while a log is missing, and at once anew after that', () => {
    let history: History = noHistory
    const waits = [1, 2, 4, 8, 16, 16].map(() => {
      history = nextDue(verdict({ again: 'backing-off' }), history, moment())
      return history.dueCycle - 10
    })
    expect(waits).toEqual([1, 2, 4, 8, 16, 16])

    history = nextDue(verdict(), history, moment())
    expect(nextDue(verdict({ again: 'backing-off' }), history, moment()).dueCycle).toBe(11)
  })

  test('hourly otherwise, but at the next cycle while a node is away', () => {
    expect(nextDue(verdict(), noHistory, moment())).toMatchObject({
      dueCycle: Number.POSITIVE_INFINITY,
      dueAt: 1_000 + HOUR,
    })
    expect(nextDue(verdict(), noHistory, moment({ allNodesAnswer: false })).dueCycle).toBe(11)
  })

  test('although the clock was set back', () => {
    const { dueCycle } = nextDue(verdict(), noHistory, moment())
    const history = { ...noHistory, dueCycle, dueAt: 5 * HOUR }

    expect(isDue(history, 99, 4 * HOUR)).toBe(false)
    expect(isDue(history, 99, 5 * HOUR)).toBe(true)
    expect(isDue(history, 99, 4 * HOUR - 1)).toBe(true)
  })
})

describe('a request counts as an error', () => {
  const judged = (count: number, one: Unproven, at = moment()) =>
    Array.from({ length: count }).reduce<History>((history) => nextDue(one, history, at), noHistory)

  test('at once, when complete answers of all nodes do not prove it', () => {
    expect(judged(1, verdict()).counted).toBe(true)
  })

  test.each([
    ['a node is away', verdict(), moment({ allNodesAnswer: false })],
    ['a node gave no answer', verdict({ isMissing: true }), moment()],
  ])('the third time, while %s', (_, one, at) => {
    expect(judged(2, one, at).counted).toBe(false)
    expect(judged(3, one, at).counted).toBe(true)
  })

  test('never while no node answered', () => {
    expect(judged(9, verdict({ complete: false, isMissing: true })).counted).toBe(false)
  })

  test('for good', () => {
    const missing = verdict({ complete: false, isMissing: true })
    expect(nextDue(missing, judged(1, verdict()), moment()).counted).toBe(true)
  })
})
