import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openDatabase } from '../../src/journal/connection.ts'
import { openJournalReadOnly } from '../../src/journal/read-only.ts'
import { applyFact, type Fact, noFacts } from '../../src/requests/facts.ts'
import { type OlderVersion, writeOlderVersion } from './older-version.ts'
import {
  answered,
  createFolder,
  cursor,
  filesOf,
  IDENTITY,
  open,
  STORY,
  seen,
  validator,
} from './support.ts'

/** As the older version knew it. */
function replay(story: readonly Fact[], version: OlderVersion = 1) {
  const facts = noFacts()
  for (const fact of story) {
    if (version > 1) applyFact(facts, fact)
    else if (fact.kind === 'offer-answered') applyFact(facts, { ...fact, answers: [] })
    else if (fact.kind === 'cursor') applyFact(facts, { ...fact, hash: undefined })
    else applyFact(facts, fact)
  }
  return facts
}

const versionOf = (file: string) => {
  const database = openDatabase(file, 'read')
  const version = database.number('user_version')
  database.close()
  return version
}

test.each([1, 2] as const)('a journal of version %i goes on, with all that it holds', (version) => {
  const folder = createFolder()
  const file = join(folder, 'journal.sqlite')
  writeOlderVersion(version, file, STORY)

  const journal = open(file)

  expect(journal.problems).toEqual([])
  expect(journal.facts).toEqual(replay(STORY, version))
  expect(journal.facts.offers.get(validator(7))?.firstAcceptedAt).toBe(21)
  expect(journal.facts.cursor).toBe(200)
  expect(filesOf(folder).filter((name) => name.includes('aside'))).toEqual([])
  expect(versionOf(file)).toBe(5)

  journal.append([answered(7, 70, true, ['a: 200', 'b: no']), cursor(300), seen(9)])
  journal.close()
  const again = open(file)
  expect(again.facts).toEqual(journal.facts)
  expect(again.facts.cursorHash).toBe(journal.facts.cursorHash)
  expect(again.facts.history.get(validator(7))?.at(-1)).toMatchObject({
    answers: ['a: 200', 'b: no'],
  })
  expect(again.problems).toEqual([])
})

test('a reader reads the first version without changing it', () => {
  const file = join(createFolder(), 'journal.sqlite')
  writeOlderVersion(1, file, STORY)
  expect(openJournalReadOnly(file, IDENTITY)).toEqual(replay(STORY))
  expect(versionOf(file)).toBe(1)
})

test('where it cannot be rewritten, its content counts, and it stays as it was', () => {
  const file = join(createFolder(), 'journal.sqlite')
  writeOlderVersion(1, file, STORY)
  const other = openDatabase(file, 'write')
  other.exec('BEGIN IMMEDIATE')

  const journal = open(file)
  expect(journal.degraded()).toBe(true)
  expect(journal.facts).toEqual(replay(STORY))
  expect(versionOf(file)).toBe(1)

  other.exec('ROLLBACK')
  other.close()
  journal.append([seen(3)])
  journal.retry()
  expect(journal.degraded()).toBe(false)
  expect(versionOf(file)).toBe(5)
  expect(openJournalReadOnly(file)).toEqual(journal.facts)
})

test('a damaged row of the first version is found', () => {
  const file = join(createFolder(), 'journal.sqlite')
  writeOlderVersion(1, file, STORY)
  const database = openDatabase(file, 'write')
  database.exec("UPDATE disk.history SET what = 'settled' WHERE what = 'refused'")
  database.close()
  const journal = open(file)
  expect(journal.problems).toEqual([expect.stringContaining('a row of "history" is damaged')])
  expect(journal.facts).toEqual(noFacts())
})
