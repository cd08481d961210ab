import { readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { openDatabase } from '../../src/journal/connection.ts'
import type { JournalOptions } from '../../src/journal/journal.ts'
import { noFacts } from '../../src/requests/facts.ts'
import {
  address,
  contracts,
  createFolder,
  filesOf,
  IDENTITY,
  type OpenJournal,
  open,
  STORY,
  seen,
  transaction,
} from './support.ts'

const ASIDE = 'journal.sqlite.aside-2025-01-01T12-00-00.000Z'

/** A journal that was closed, with something in it. */
function written(): { readonly folder: string; readonly file: string } {
  const folder = createFolder()
  const file = join(folder, 'journal.sqlite')
  const journal = open(file)
  journal.append(STORY)
  journal.append(Array.from({ length: 300 }, (_, seed) => seen(seed)))
  journal.append(Array.from({ length: 20 }, (_, seed) => transaction(seed)))
  journal.close()
  return { folder, file }
}

/** Opens it, and expects that what was there is beside it now, and that work goes on. */
function expectSetAside(
  file: string,
  folder: string,
  why: string | RegExp,
  more: Partial<JournalOptions> = {},
) {
  const content = readFileSync(file)
  const journal = open(file, more)
  expect(journal.problems).toEqual([expect.stringMatching(why)])
  expect(journal.problems[0]).toContain(`set aside as ${join(folder, ASIDE)}`)
  expect(journal.facts).toEqual(noFacts())
  expect(journal.degraded()).toBe(false)
  expect(readFileSync(join(folder, ASIDE)).equals(content)).toBe(true)

  journal.append([seen(1)])
  journal.close()
  const again = open(file, more)
  expect(again.facts.requests.size).toBe(1)
  expect(again.problems).toEqual([])
}

test('another schema version', () => {
  const { folder, file } = written()
  const database = openDatabase(file, 'write')
  database.exec('PRAGMA disk.user_version = 7')
  database.close()
  expectSetAside(file, folder, 'has schema version 7, not 5')
})

test('the database of another program', () => {
  const folder = createFolder()
  const file = join(folder, 'journal.sqlite')
  const database = openDatabase(file, 'write')
  database.exec('CREATE TABLE disk.photo (path TEXT)')
  database.close()
  expectSetAside(file, folder, 'is the database of another program')
})

describe.each([
  ['chain', { ...IDENTITY, chainId: 1n }, /is of chain 560048, not 1/],
  ['Locator', { ...IDENTITY, locator: address(0x20) }, /is of Locator 0x0+10, not 0x0+20/],
])('the journal of another %s', (_, identity, why) => {
  test('stays where it is until the Locator was seen to name contracts', () => {
    const { folder, file } = written()
    const content = readFileSync(file)
    const journal = open(file, { identity })
    expect(journal.problems).toEqual([expect.stringMatching(why)])
    expect(journal.problems[0]).toContain('stays as it is until LOCATOR_ADDRESS')
    expect(journal.degraded()).toBe(true)
    journal.append([seen(1)])
    journal.retry()
    expect(readFileSync(file).equals(content)).toBe(true)

    journal.append([contracts(1, 2)])
    expect(journal.degraded()).toBe(false)
    expect(journal.problems[1]).toContain(`set aside as ${join(folder, ASIDE)}`)
    expect(readFileSync(join(folder, ASIDE)).equals(content)).toBe(true)
    journal.close()
    expect(open(file, { identity }).facts.requests.size).toBe(1)
  })

  test('is left alone by a mistake that is corrected', () => {
    const { folder, file } = written()
    const before = open(file)
    const { facts } = before
    before.close()
    open(file, { identity }).close()
    const after = open(file)
    expect(after.facts).toEqual(facts)
    expect(after.problems).toEqual([])
    after.close()
    expect(filesOf(folder)).toEqual(['journal.sqlite', 'journal.sqlite.lock'])
  })

  test('is taken back when it fits again, with its history', () => {
    const { folder, file } = written()
    const before = open(file)
    const { facts } = before
    before.close()
    const other = open(file, { identity })
    other.append([contracts(1, 2), seen(1)])
    other.close()

    const after = open(file)
    after.append([contracts(1, 2)])
    expect(after.problems[1]).toContain(`${join(folder, ASIDE)} was taken back`)
    expect(after.facts.history).toEqual(facts.history)
    expect([...after.facts.requests.keys()]).toEqual(
      expect.arrayContaining([...facts.requests.keys()]),
    )
    after.close()
    expect(open(file).problems).toEqual([])
  })
})

test('no database at all', () => {
  const folder = createFolder()
  const file = join(folder, 'journal.sqlite')
  writeFileSync(file, 'a shopping list')
  expectSetAside(file, folder, 'is no SQLite database, or a damaged one')
})

test('a file that was cut short, anywhere', () => {
  const { size } = { size: readFileSync(written().file).length }
  for (const left of [50, 5_000, 4_096, Math.floor(size / 2), size - 4_096, size - 1]) {
    const { folder, file } = written()
    truncateSync(file, left)
    expectSetAside(file, folder, /damaged/)
  }
})

test('an empty file is a new one', () => {
  const file = join(createFolder(), 'journal.sqlite')
  writeFileSync(file, '')
  const journal = open(file)
  expect(journal.problems).toEqual([])
  expect(journal.degraded()).toBe(false)
})

test('the log of a file that is gone is not taken for the new one’s', () => {
  const folder = createFolder()
  const file = join(folder, 'journal.sqlite')
  writeFileSync(`${file}-wal`, Buffer.alloc(5_000, 7))
  const journal = open(file)
  journal.append([seen(1)])
  journal.close()
  expect(open(file).facts.requests.size).toBe(1)
})

test('a companion goes with its file', () => {
  const { folder, file } = written()
  writeFileSync(file, 'a shopping list')
  writeFileSync(`${file}-wal`, 'its log')
  const journal = open(file)
  journal.close()
  expect(filesOf(folder)).toEqual(['journal.sqlite', ASIDE, `${ASIDE}-wal`, 'journal.sqlite.lock'])
})

test('a second one in the same moment gets a name of its own', () => {
  const { folder, file } = written()
  for (let count = 0; count < 2; count += 1) {
    writeFileSync(file, 'a shopping list')
    open(file).close()
  }
  expect(filesOf(folder)).toContain(`${ASIDE}-2`)
})

/** A small generator, so that a failure can be run again. */
function createRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

test.each([
  { what: 'zero bytes', next: () => 0 },
  { what: 'random bytes', next: createRandom(1) },
])('$what anywhere: found, or harmless', ({ next }) => {
  const { folder, file } = written()
  const whole = open(file).facts
  const content = readFileSync(file)
  const random = createRandom(42)
  let found = 0
  for (let round = 0; round < 60; round += 1) {
    const name = join(folder, `copy-${round}.sqlite`)
    const damaged = Buffer.from(content)
    const from = Math.floor(random() * (content.length - 64))
    for (let at = from; at < from + 64; at += 1) damaged[at] = Math.floor(next() * 256)
    writeFileSync(name, damaged)

    const journal: OpenJournal = open(name)
    // Nothing that is read is other than what was written.
    if (journal.problems.length === 0) expect(journal.facts).toEqual(whole)
    else {
      found += 1
      expect(journal.facts).toEqual(noFacts())
    }
    expect(journal.degraded(), `bytes from ${from}: ${journal.problems}`).toBe(false)
    journal.close()
  }
  expect(found).toBeGreaterThan(30)
})
