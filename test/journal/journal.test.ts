import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openJournalReadOnly } from '../../src/journal/read-only.ts'
import { applyFact, factsOf, noFacts } from '../../src/requests/facts.ts'
import {
  address,
  answered,
  contracts,
  createFolder,
  cursor,
  filesOf,
  finalBlock,
  forgotten,
  IDENTITY,
  intended,
  open,
  openWithSqlite,
  requestOf,
  STORY,
  seen,
  transaction,
  validator,
} from './support.ts'

function replay(story = STORY) {
  const facts = noFacts()
  for (const fact of story) applyFact(facts, fact)
  return facts
}

test('a fresh file starts empty, and holds what is added', () => {
  const file = join(createFolder(), 'journal.sqlite')
  const journal = open(file)
  expect(journal.facts).toEqual(noFacts())

  journal.append(STORY)

  expect(journal.facts).toEqual(replay())
  expect(journal.degraded()).toBe(false)
  expect(journal.problems).toEqual([])
})

test('a restart goes on from it, to the last bit', () => {
  const file = join(createFolder(), 'journal.sqlite')
  const before = open(file)
  for (const fact of STORY) before.append([fact])
  before.close()

  const after = open(file)

  expect(after.facts).toEqual(replay())
  expect([...after.facts.requests.values()][1]).toEqual({
    request: requestOf(2),
    seenAt: expect.any(Number),
  })
  expect(after.facts.requests.get(requestOf(1).key)?.request.chainId).toBe(2n ** 63n + 1n)
  expect(after.facts.contracts).toEqual({ exitBus: address(1), consensus: address(2) })
  expect(after.facts.offers.get(validator(7))).toEqual({
    firstAcceptedAt: 21,
    lastAcceptedAt: 51,
    acceptedInARow: 1,
  })
  expect(after.problems).toEqual([])

  after.append([answered(7, 70, true)])
  after.close()
  expect(open(file).facts).toEqual(replay([...STORY, answered(7, 70, true)]))
})

test('a finalized block is kept, as it was told last', () => {
  const file = join(createFolder(), 'journal.sqlite')
  const journal = open(file)
  const story = [finalBlock(1, 'a'), finalBlock(2, 'a'), finalBlock(1, 'a', 'b')]
  journal.append(story)
  journal.close()

  const after = open(file)
  expect(after.facts).toEqual(replay(story))
  expect([...after.facts.finalBlocks.values()].map(({ confirmedBy }) => confirmedBy)).toEqual(
    expect.arrayContaining([['a'], ['a', 'b']]),
  )
  expect(replay([...factsOf(after.facts)])).toEqual(after.facts)
})

test('requests keep their order, and several of one transaction are several', () => {
  const file = join(createFolder(), 'journal.sqlite')
  const journal = open(file)
  const { transactionHash } = requestOf(5)
  const several = [9, 3, 5].map((seed) => ({
    kind: 'request' as const,
    at: seed,
    request: { ...requestOf(seed), transactionHash },
  }))
  journal.append(several)
  journal.close()

  const { requests } = open(file).facts
  expect([...requests.values()].map(({ seenAt }) => seenAt)).toEqual([9, 3, 5])
})

test('a fact that is told again changes nothing', () => {
  const file = join(createFolder(), 'journal.sqlite')
  const journal = open(file)
  journal.append([seen(1), transaction(1), contracts(1, 2), cursor(5)])
  journal.append([{ ...seen(1), at: 1 } as never, transaction(1), contracts(1, 2), cursor(5)])
  journal.close()
  expect(open(file).facts).toEqual(replay([seen(1), transaction(1), contracts(1, 2), cursor(5)]))
})

test('a forgotten request is gone, and can come back', () => {
  const file = join(createFolder(), 'journal.sqlite')
  const journal = open(file)
  journal.append([seen(1), seen(2), forgotten(1)])
  journal.close()

  const again = open(file)
  expect([...again.facts.requests.keys()]).toEqual([requestOf(2).key])
  again.append([seen(1)])
  again.close()
  expect(open(file).facts.requests.size).toBe(2)
})

test('offers that are refused at every cycle do not pile up', () => {
  const file = join(createFolder(), 'journal.sqlite')
  const journal = open(file)
  for (let at = 0; at < 100; at += 2) {
    journal.append([intended(7, at), answered(7, at + 1, false)])
  }
  journal.close()

  expect(open(file).facts.history.get(validator(7))).toEqual([
    intended(7, 98),
    answered(7, 99, false),
  ])
})

test('without a file it works the same, until the end of the process', () => {
  const journal = open(undefined)
  journal.append(STORY)
  journal.retry()
  expect(journal.facts).toEqual(replay())
  expect(journal.degraded()).toBe(false)
  journal.close()
  expect(open(undefined).facts).toEqual(noFacts())
  expect(journal.recoveries).toEqual([])
})

test('the facts of a working set make the same working set', () => {
  expect(replay([...factsOf(replay())])).toEqual(replay())
  expect(factsOf(noFacts())).toEqual([])
})

test('after a clean end there is one file, and the lock beside it', () => {
  const folder = createFolder()
  const journal = open(join(folder, 'journal.sqlite'))
  journal.append(STORY)
  journal.close()
  expect(filesOf(folder)).toEqual(['journal.sqlite', 'journal.sqlite.lock'])
})

test('the file says what it is, and is written through', () => {
  const file = join(createFolder(), "it's a journal.sqlite")
  const journal = open(file)
  journal.append(STORY)
  const header = readFileSync(file)
  expect(header.toString('latin1', 68, 72)).toBe('VEjn')
  const reader = openWithSqlite(file)
  expect(reader.rows('what', 'disk.history WHERE validator_index = 8')).toEqual([
    ['intended'],
    ['accepted'],
    ['settled'],
  ])
  expect(existsSync(`${file}-wal`)).toBe(true)
})

test('a reader sees whole appends beside a running writer, and shuts nobody out', () => {
  const folder = createFolder()
  const file = join(folder, 'journal.sqlite')
  const journal = open(file)
  journal.append(STORY)
  expect(openJournalReadOnly(file)).toEqual(replay())
  journal.append([cursor(300)])
  expect(openJournalReadOnly(file, IDENTITY).cursor).toBe(300)
  expect(journal.degraded()).toBe(false)
  journal.close()

  expect(openJournalReadOnly(file).cursor).toBe(300)
  expect(filesOf(folder)).toEqual(['journal.sqlite', 'journal.sqlite.lock'])
})

test('a reader names what it cannot read', () => {
  const folder = createFolder()
  const file = join(folder, 'journal.sqlite')
  expect(() => openJournalReadOnly(file)).toThrow(`STATE_FILE ${file} does not exist`)
  expect(filesOf(folder)).toEqual([])
  open(file).close()
  const other = { ...IDENTITY, chainId: 1n }
  expect(() => openJournalReadOnly(file, other)).toThrow('is of another chain or Locator')
  writeFileSync(file, 'not a database, but long enough to be taken for one'.repeat(10))
  expect(() => openJournalReadOnly(file)).toThrow('is no state file, or a damaged one')
})

test('ten thousand requests are written, and read again', () => {
  const file = join(createFolder(), 'journal.sqlite')
  const journal = open(file)
  const many = Array.from({ length: 10_000 }, (_, seed) => seen(seed))
  for (let from = 0; from < many.length; from += 1_000) {
    journal.append(many.slice(from, from + 1_000))
  }
  journal.close()
  expect(open(file).facts).toEqual(journal.facts)
  expect(journal.facts.requests.size).toBe(10_000)
})
