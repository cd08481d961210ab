import { expect, test } from 'vitest'
import type { ValidatorIndex } from '../../src/lib/primitives.ts'
import { createRounds, type ToJudge } from '../../src/messages/rounds.ts'
import { until } from '../support/until.ts'

/** Exits of these validators; nothing looks at what else there is. */
const exits = (from: number, count: number): readonly ToJudge[] =>
  Array.from({ length: count }, (_, i) => {
    const place = { validatorIndex: (from + i) as ValidatorIndex }
    return [place, {}] as unknown as ToJudge
  })

/** A judge that ends its rounds when the test says so. */
function setUp() {
  const rounds: { first: number; size: number; end(): void; fail(error: Error): void }[] = []
  let time = 0
  const judge = (entries: readonly ToJudge[]) =>
    new Promise<void>((end, fail) => {
      rounds.push({
        first: Number(entries[0]?.[0].validatorIndex),
        size: entries.length,
        end,
        fail,
      })
    })
  return {
    rounds,
    made: createRounds(judge, () => time, 10),
    pass: (ms: number) => {
      time += ms
    },
  }
}

test('exits are judged by the thousand, three rounds at a time', async () => {
  const { rounds, made } = setUp()
  for (let from = 0; from < 4_500; from += 100) made.add(exits(from, 100))
  await until('three rounds begin', () => rounds.length === 3)
  expect(rounds.map(({ size }) => size)).toEqual([1_000, 1_000, 1_000])
  rounds[0]?.end()
  await until('the next one begins', () => rounds.length === 4)
  made.start()
  rounds[1]?.end()
  await until('the rest begins', () => rounds.length === 5)
  expect(rounds[4]?.size).toBe(500)
})

test('what is waited for passes by the queue, in one round', async () => {
  const { rounds, made } = setUp()
  made.add(exits(0, 1_000))
  made.add(exits(1_000, 1_000))
  made.add(exits(2_000, 1_000))
  made.add(exits(3_000, 1_000))
  made.add(exits(4_000, 10))
  made.addUrgent(exits(9_000, 1))
  made.addUrgent(exits(9_001, 2))
  await until('a fourth round begins', () => rounds.length === 4)
  expect(rounds[3]).toMatchObject({ first: 9_000, size: 3 })
})

test('what trickles in is judged every few seconds', async () => {
  const { rounds, made, pass } = setUp()
  made.add(exits(0, 1))
  pass(4_999)
  made.add(exits(1, 1))
  await new Promise((resolve) => setImmediate(resolve))
  expect(rounds).toEqual([])
  pass(1)
  made.add(exits(2, 1))
  await until('a round begins', () => rounds.length === 1)
  expect(rounds[0]?.size).toBe(3)
})

test('the end comes when all rounds are over, and is that of the first one that fails', async () => {
  const { rounds, made } = setUp()
  made.addUrgent(exits(0, 1))
  made.add(exits(1, 1))
  const end = made.end()
  await until('both begin', () => rounds.length === 2)
  rounds[0]?.end()
  rounds[1]?.fail(new Error('no consensus node answered'))
  await expect(end).rejects.toThrow('no consensus node answered')
})

test('a round that fails is repeated long before the end, once more at the end, and then counts', async () => {
  const { rounds, made } = setUp()
  made.addUrgent(exits(0, 2))
  await until('it begins', () => rounds.length === 1)
  rounds[0]?.fail(new Error('no consensus node answered'))
  await until('it begins again', () => rounds.length === 2)
  expect(rounds[1]).toMatchObject({ first: 0, size: 2 })

  rounds[1]?.fail(new Error('still none'))
  await new Promise((resolve) => setImmediate(resolve))
  const end = made.end()
  await until('the last attempt begins', () => rounds.length === 3)
  rounds[2]?.fail(new Error('none to the end'))
  await expect(end).rejects.toThrow('none to the end')
})

test('a stop leaves no timer behind', async () => {
  const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
  const { made } = setUp()
  const before = timers()
  made.addUrgent(exits(0, 1))
  expect(timers()).toBe(before + 1)
  made.stop()
  expect(timers()).toBe(before)

  const { rounds, made: failing } = setUp()
  failing.add(exits(0, 1))
  failing.start()
  rounds[0]?.fail(new Error('no consensus node answered'))
  await new Promise((resolve) => setImmediate(resolve))
  failing.stop()
  expect(timers()).toBe(before)
})
