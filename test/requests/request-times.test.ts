import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Proven } from '../../src/proof/judge.ts'
import { applyFact, noFacts } from '../../src/requests/facts.ts'
import { createRequestTimes } from '../../src/requests/request-times.ts'
import { requestOf } from '../journal/support.ts'

const SEEN_S = 1_750_000_000
const HOUR = 3_600
const honest = { ...requestOf(7), timestamp: SEEN_S - 2 * HOUR }
const proven = { kind: 'proven', refSlot: 100n } as Proven
/** Slot 100 was three hours before the request was first seen. */
const chain = {
  currentEpoch: 0n as never,
  shardCommitteePeriod: 0n,
  slotStart: (slot: bigint) => SEEN_S - 3 * HOUR + Number(slot - 100n) * 12,
}

function timesOf(...timestamps: readonly number[]) {
  const facts = noFacts()
  applyFact(facts, { kind: 'request', at: SEEN_S * 1_000, request: honest })
  const times = createRequestTimes(facts, () => SEEN_S * 1_000)
  times.note(timestamps.map((timestamp) => ({ ...honest, timestamp })))
  return (timestamp: number) => times.correct({ ...honest, timestamp }, proven, chain).timestamp
}

test.each([
  ['alone', honest.timestamp, []],
  ['beside the year 2100, whichever was proven', 4_102_444_800, [honest.timestamp]],
  ['beside 1970', 0, [honest.timestamp]],
])('the honest time counts: %s', (_, timestamp, others) => {
  expect(timesOf(...others)(timestamp)).toBe(honest.timestamp)
})

test('without any plausible time it is when the request was first seen', () => {
  expect(timesOf()(4_102_444_800)).toBe(SEEN_S)
})

test('of several plausible ones the earliest counts', () => {
  expect(timesOf(SEEN_S - HOUR, honest.timestamp)(SEEN_S - HOUR)).toBe(honest.timestamp)
})

test('whatever nodes say, it is between the slot of the report and the first sight', () => {
  const time = fc.integer({ min: 0, max: 2 ** 40 })
  fc.assert(
    fc.property(fc.array(time, { maxLength: 30 }), time, (others, timestamp) => {
      const found = timesOf(...others)(timestamp)
      expect(found).toBeGreaterThanOrEqual(SEEN_S - 3 * HOUR)
      expect(found).toBeLessThanOrEqual(SEEN_S + 300)
    }),
    { seed: 13, numRuns: 300 },
  )
})
