import { expect, test } from 'vitest'
import type { ExitRequest, RequestKey } from '../../src/requests/exit-request.ts'
import { createReporters, inAnyOrder } from '../../src/requests/fair-share.ts'
import { requestOf } from '../journal/support.ts'

const requests = (from: number, count: number) =>
  Array.from({ length: count }, (_, at) => requestOf(from + at))
const toldBy = (...by: readonly (readonly [ExitRequest, readonly string[]])[]) =>
  new Map<RequestKey, readonly string[]>(by.map(([{ key }, hosts]) => [key, hosts]))

test('a node that tells of thousands has no more turns than one that tells of two', () => {
  const reporters = createReporters()
  const invented = requests(0, 1_000)
  const [first, second] = requests(5_000, 2) as [ExitRequest, ExitRequest]
  reporters.note(
    toldBy(
      ...invented.map((one) => [one, ['liar']] as const),
      [first, ['honest']],
      [second, ['honest']],
    ),
    [...invented, first, second],
  )
  const order = reporters.inTurn([...invented, first, second])
  expect(order).toHaveLength(1_002)
  expect(order.indexOf(first)).toBeLessThan(2)
  expect(order.indexOf(second)).toBeLessThan(4)
})

test('what several nodes tell comes once, at the first turn of any of them', () => {
  const reporters = createReporters()
  const [a, b, c] = requests(0, 3) as [ExitRequest, ExitRequest, ExitRequest]
  reporters.note(toldBy([a, ['one']], [b, ['one', 'two']]), [a, b])
  reporters.note(toldBy([c, ['one']]), [c])
  reporters.note(toldBy([c, ['two']]), [c])
  expect(reporters.inTurn([a, c, b])).toEqual([a, c, b])
  reporters.keepOnly([a])
  // Who told of the others is forgotten: they stand in a line of their own.
  expect(reporters.inTurn([c, b, a])).toEqual([c, a, b])
})

test('any order holds each of them', () => {
  const all = requests(0, 50)
  expect(new Set(inAnyOrder(all))).toEqual(new Set(all))
})
