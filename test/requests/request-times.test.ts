import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Proven } from '../../src/proof/judge.ts'
import type { RequestKey } from '../../src/requests/exit-request.ts'
import { applyFact, noFacts } from '../../src/requests/facts.ts'
import { createRequestTimes } from '../../src/requests/request-times.ts'
import { requestOf } from '../journal/support.ts'

const SEEN_S = 1_750_000_000
const HOUR = 3_600
const YEAR_2100 = 4_102_444_800
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
  const request = { ...honest, timestamp: YEAR_2100 }
  applyFact(facts, { kind: 'request', at: SEEN_S * 1_000, request })
  const times = createRequestTimes(facts, () => SEEN_S * 1_000)
  const requests = timestamps.map((timestamp, at) => ({
    ...honest,
    timestamp,
    key: `copy ${at}` as RequestKey,
  }))
  times.note({
    requests,
    reportedBy: new Map(requests.map(({ key }, at) => [key, [`node ${at}`]])),
  })
  return (timestamp: number) => times.correct({ ...honest, timestamp }, proven, chain).timestamp
}

test.each([
  ['alone', honest.timestamp, []],
  ['beside the year 2100, whichever was proven', YEAR_2100, [honest.timestamp]],
  ['beside 1970', 0, [honest.timestamp]],
])('the honest time counts: %s', (_, timestamp, others) => {
  expect(timesOf(...others)(timestamp)).toBe(honest.timestamp)
})

test('without any plausible time it is when the request was first seen', () => {
  expect(timesOf()(YEAR_2100)).toBe(SEEN_S)
})

test('after a restart the time that the journal has counts, whichever copy is proven', () => {
  const facts = noFacts()
  applyFact(facts, { kind: 'request', at: SEEN_S * 1_000, request: honest })
  const later = SEEN_S + 24 * HOUR
  const times = createRequestTimes(facts, () => later * 1_000)
  const lie = { ...honest, key: 'a lie' as RequestKey, timestamp: YEAR_2100 }
  times.note({ requests: [lie], reportedBy: new Map([[lie.key, ['liar']]]) })
  // As a duplicate of what was proven first.
  applyFact(facts, { kind: 'forgotten', key: honest.key })
  expect(times.correct(lie, proven, chain).timestamp).toBe(honest.timestamp)
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

test('a node that makes up copies without end does not crowd out the honest one', () => {
  const times = createRequestTimes(noFacts(), () => SEEN_S * 1_000)
  const copies = [...Array(100).keys()].map((at) => ({
    ...honest,
    key: `copy ${at}` as RequestKey,
    timestamp: SEEN_S - at,
  }))
  const reportedBy = new Map(copies.map(({ key }) => [key, ['liar']]))
  times.note({ requests: copies, reportedBy })
  times.note({ requests: [honest], reportedBy: new Map([[honest.key, ['honest']]]) })
  expect(copies.map((copy) => times.correct(copy, proven, chain).timestamp)).toEqual(
    copies.map(() => honest.timestamp),
  )
})

test('the block comes with the time', () => {
  const times = createRequestTimes(noFacts(), () => SEEN_S * 1_000)
  const lie = { ...honest, timestamp: YEAR_2100, blockNumber: honest.blockNumber + 7 }
  times.note({ requests: [honest], reportedBy: new Map([[honest.key, ['honest']]]) })
  const logged = { timestamp: lie.timestamp, blockNumber: lie.blockNumber }
  expect(times.correct(lie, proven, chain)).toEqual({ ...honest, logged })
  expect(times.correct({ ...honest, logged }, proven, chain)).toEqual({ ...honest, logged })
})

test('what a finalized block holds is the truth', () => {
  const times = createRequestTimes(noFacts(), () => SEEN_S * 1_000)
  const late = { ...honest, timestamp: SEEN_S + 10 * HOUR }
  const corrected = times.correct(late, proven, chain)
  expect(corrected.timestamp).toBe(SEEN_S)
  const final = { kind: 'proven', block: { slot: 1 } } as unknown as Proven
  expect(times.correct(corrected, final, chain)).toEqual(late)
})

test('a clock that stands in 1970 is no witness', () => {
  const facts = noFacts()
  applyFact(facts, { kind: 'request', at: 1_000, request: honest })
  const times = (now: number) => createRequestTimes(facts, () => now * 1_000)
  expect(times(2).correct(honest, proven, chain)).toEqual(honest)
  expect(times(SEEN_S).correct(honest, proven, chain)).toEqual(honest)
})

test('a first sight that a clock of 1970 wrote does not move with the clock of today', () => {
  const facts = noFacts()
  const lie = { ...honest, timestamp: YEAR_2100 }
  applyFact(facts, { kind: 'request', at: 1_000, request: lie })
  const clock = { now: SEEN_S * 1_000 }
  const times = createRequestTimes(facts, () => clock.now)
  times.note({ requests: [lie], reportedBy: new Map([[lie.key, ['liar']]]) })
  clock.now += 24 * HOUR * 1_000
  expect(times.correct(lie, proven, chain).timestamp).toBe(SEEN_S)
})

test('a time before the protocol began makes a request as old as one can be, and no older', () => {
  const time = createRequestTimes(noFacts(), () => SEEN_S * 1_000).correct({
    ...honest,
    timestamp: 0,
  }).timestamp
  expect(time).toBe(SEEN_S - 45 * 24 * HOUR)
})
