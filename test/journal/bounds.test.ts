import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parseAddress } from '../../src/lib/primitives.ts'
import { applyFact, type Fact, noFacts } from '../../src/requests/facts.ts'
import {
  answered,
  createFolder,
  intended,
  open,
  openWithSqlite,
  sighted,
  validator,
} from './support.ts'

const historyOf = (facts: ReturnType<typeof noFacts>) => facts.history.get(validator(7)) ?? []

/** What happened, told one after the other, and what the next process finds. */
function restart(story: readonly Fact[]) {
  const file = join(createFolder(), 'journal.sqlite')
  const journal = open(file)
  for (const fact of story) journal.append([fact])
  journal.close()
  return { before: journal.facts, after: open(file).facts, file }
}

test('a registry that flips without end keeps the first acceptance and the latest', () => {
  const story: Fact[] = [intended(7, 1), answered(7, 2, true), answered(7, 3, true)]
  for (let at = 10; at < 1_000; at += 2) {
    story.push(sighted(7, at, 'exiting'), sighted(7, at + 1, 'active'))
  }
  const { before, after, file } = restart(story)

  expect(historyOf(before)).toHaveLength(34)
  expect(historyOf(before).slice(0, 2)).toEqual([answered(7, 2, true), answered(7, 3, true)])
  expect(historyOf(before).at(-1)).toEqual(sighted(7, 999, 'active'))
  expect(after).toEqual(before)
  expect(after.offers.get(validator(7))).toMatchObject({ firstAcceptedAt: 2, acceptedInARow: 0 })
  expect(openWithSqlite(file).rows('count(*)', 'disk.history')).toEqual([[34]])
})

test('a registry that flips without end is bounded on disk before any acceptance, too', () => {
  const story = Array.from({ length: 300 }, (_, at) =>
    sighted(7, at, at % 2 === 0 ? 'exiting' : 'active'),
  )
  const { before, after, file } = restart(story)
  expect(after).toEqual(before)
  expect(openWithSqlite(file).rows('count(*)', 'disk.history')).toEqual([[32]])
})

test('the first submission is kept, whatever comes after it', () => {
  const story: Fact[] = [intended(7, 1, true), answered(7, 2, false)]
  for (let at = 10; at < 200; at += 5) {
    story.push(intended(7, at), answered(7, at + 1, false))
    story.push(sighted(7, at + 2, 'exiting'), sighted(7, at + 3, 'active'))
  }
  const { before, after } = restart(story)
  expect(after).toEqual(before)
  expect(after.firstOffers).toEqual(new Map([[validator(7), 1]]))
  expect(historyOf(after)[0]).toEqual(intended(7, 1, true))
})

test('contracts that a node names without end are bounded on disk, and the latest stay', () => {
  const address = (at: number, fill: string) =>
    parseAddress(`0x${at.toString(16).padStart(40, fill)}`) ?? expect.fail()
  const story = Array.from({ length: 100 }, (_, at) => ({
    kind: 'contracts' as const,
    exitBus: address(at, 'b'),
    consensus: address(at, 'c'),
  }))
  const { before, after, file } = restart(story)
  expect(after).toEqual(before)
  expect(after.exitBuses.has(address(99, 'b'))).toBe(true)
  expect(openWithSqlite(file).rows('count(*)', 'disk.contract')).toEqual([[64]])
})

test('a pool that accepts without end keeps the first acceptance and the latest', () => {
  const story = Array.from({ length: 500 }, (_, at) => [
    intended(7, 2 * at),
    answered(7, 2 * at + 1, true),
  ]).flat()
  const { before, after } = restart(story)

  expect(historyOf(before)).toHaveLength(33)
  expect(after).toEqual(before)
  expect(after.offers.get(validator(7))).toMatchObject({ firstAcceptedAt: 1, lastAcceptedAt: 999 })
})

test('answers are cut, few are kept, and odd characters are gone', () => {
  const words = ['\u0000 and \ud83d', '😀'.repeat(300), '"quoted"', ...Array(20).fill('more')]
  const { before, after } = restart([answered(7, 1, false, words)])

  const [fact] = historyOf(after)
  expect(fact).toMatchObject({ answers: expect.any(Array) })
  const answers = fact?.kind === 'offer-answered' ? fact.answers : []
  expect(answers).toHaveLength(8)
  expect(answers.slice(0, 3)).toEqual(['and \ud83d', `${'😀'.repeat(149)}…`, '"quoted"'])
  expect(after).toEqual(before)
})

test('any order of happenings makes the same working set again', () => {
  const kinds = [
    (at: number) => answered(7, at, true),
    (at: number) => answered(7, at, false),
    (at: number) => intended(7, at),
    (at: number) => sighted(7, at, 'exiting'),
    (at: number) => sighted(7, at, 'active'),
    (at: number) => sighted(7, at, 'settled'),
  ]
  let state = 7
  const random = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
  for (let round = 0; round < 20; round += 1) {
    const facts = noFacts()
    for (let at = 0; at < 200; at += 1) {
      const make = kinds[Math.floor(random() * kinds.length)]
      if (make !== undefined) applyFact(facts, make(at))
    }
    const again = noFacts()
    for (const fact of historyOf(facts)) applyFact(again, fact)
    expect(again.history).toEqual(facts.history)
    expect(again.offers.get(validator(7))).toMatchObject({
      firstAcceptedAt: facts.offers.get(validator(7))?.firstAcceptedAt,
    })
    expect(again.sightings).toEqual(facts.sightings)
  }
})
