import { describe, expect, test } from 'vitest'
import { datedBy } from '../../src/requests/admission.ts'
import { requestOf } from '../journal/support.ts'

const NOW_S = 1_750_000_000
const dated = (timestamp: number, now = NOW_S) =>
  datedBy({ ...requestOf(1), timestamp }, now * 1_000).timestamp

describe('the time of a request', () => {
  test('is that of its log', () => {
    expect(dated(NOW_S - 86_400)).toBe(NOW_S - 86_400)
    expect(dated(NOW_S)).toBe(NOW_S)
  })

  test.each([
    ['to come', Date.UTC(2100, 0, 1) / 1_000],
    ['a second to come', NOW_S + 1],
    ['before the protocol began', Date.UTC(2023, 3, 30) / 1_000],
    ['of 1970', 0],
  ])('is that at which it was seen, where the log tells a time %s', (_, timestamp) => {
    expect(dated(timestamp)).toBe(NOW_S)
  })

  test('is that of its log where the clock of the daemon stands in 1970', () => {
    expect(dated(NOW_S, 1)).toBe(NOW_S)
  })

  test('changes nothing else', () => {
    const request = { ...requestOf(1), timestamp: NOW_S + 1 }
    expect(datedBy(request, NOW_S * 1_000)).toEqual({ ...request, timestamp: NOW_S })
  })
})
