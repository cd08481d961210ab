import { execFileSync } from 'node:child_process'
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { openJournalReadOnly } from '../../src/journal/read-only.ts'
import {
  answered,
  createFolder,
  cursor,
  filesOf,
  forgotten,
  type OpenJournal,
  open,
  openWithSqlite,
  requestOf,
  STORY,
  seen,
  transaction,
  validator,
} from './support.ts'

/** Adds something, and expects that it is kept though it cannot be written. */
function expectMemory(journal: OpenJournal, why: string | RegExp) {
  expect(journal.problems).toEqual([expect.stringMatching(why)])
  journal.append([seen(900)])
  expect(journal.facts.requests.has(requestOf(900).key)).toBe(true)
  expect(journal.degraded()).toBe(true)
  journal.retry()
  expect(journal.problems).toHaveLength(1)
}

test('a missing folder is said; once it is there, everything is written', () => {
  const folder = join(createFolder(), 'not-mounted')
  const file = join(folder, 'journal.sqlite')
  const journal = open(file)
  expectMemory(journal, `the folder ${folder} does not exist: make it, or mount it`)
  expect(filesOf(folder)).toEqual([])

  mkdirSync(folder)
  journal.append(STORY)
  expect(journal.degraded()).toBe(true)
  journal.wait(10_000)
  journal.append([cursor(300)])

  expect(journal.degraded()).toBe(false)
  expect(journal.recoveries).toEqual([expect.stringContaining('is written again')])
  expect(openJournalReadOnly(file)).toEqual(journal.facts)
  expect(journal.facts.cursor).toBe(300)
})

test('a file in the place of the folder', () => {
  const parent = join(createFolder(), 'state')
  writeFileSync(parent, '')
  expectMemory(open(join(parent, 'journal.sqlite')), `${parent} is not a folder`)
})

test('a folder in the place of the file', () => {
  const file = join(createFolder(), 'journal.sqlite')
  mkdirSync(file)
  const journal = open(file)
  expectMemory(journal, `${file} is a folder`)
  rmSync(file, { recursive: true })
  journal.retry()
  expect(journal.degraded()).toBe(false)
})

test('a lock file that is none', () => {
  const file = join(createFolder(), 'journal.sqlite')
  writeFileSync(`${file}.lock`, 'a shopping list, as long as a page of a database'.repeat(100))
  expectMemory(open(file), /file is not a database/)
})

test('a writer in the way is waited out', () => {
  const file = join(createFolder(), 'journal.sqlite')
  const journal = open(file)
  journal.append([seen(1)])
  const other = openWithSqlite(file)
  other.exec('BEGIN IMMEDIATE')

  journal.append(STORY)
  expect(journal.degraded()).toBe(true)
  expect(journal.problems).toEqual([expect.stringContaining('database is locked')])
  journal.append([seen(3), forgotten(1)])
  other.exec('ROLLBACK')
  expect(openJournalReadOnly(file).requests.size).toBe(1)

  journal.retry()
  expect(journal.degraded()).toBe(false)
  expect(openJournalReadOnly(file)).toEqual(journal.facts)
  expect(journal.facts.requests.has(requestOf(1).key)).toBe(false)

  // A later outage is said again.
  other.exec('BEGIN IMMEDIATE')
  journal.append([seen(4)])
  expect(journal.problems).toHaveLength(2)
  other.exec('ROLLBACK')
})

test('what is left when it is closed is written then', () => {
  const file = join(createFolder(), 'journal.sqlite')
  const journal = open(file)
  const other = openWithSqlite(file)
  other.exec('BEGIN IMMEDIATE')
  journal.append(STORY)
  other.exec('ROLLBACK')
  journal.close()
  expect(openJournalReadOnly(file)).toEqual(journal.facts)
})

test('a file that is removed is noticed, and made again with everything', () => {
  const folder = join(createFolder(), 'state')
  mkdirSync(folder)
  const file = join(folder, 'journal.sqlite')
  const journal = open(file)
  journal.append(STORY)
  rmSync(folder, { recursive: true })
  journal.append([seen(3)])
  journal.retry()
  expect(journal.degraded()).toBe(true)
  expect(journal.problems).toEqual([
    expect.stringContaining('the file was removed or replaced'),
    expect.stringContaining('does not exist'),
  ])

  mkdirSync(folder)
  journal.retry()
  expect(journal.degraded()).toBe(false)
  journal.append([seen(4)])
  expect(openJournalReadOnly(file)).toEqual(journal.facts)
})

test('a file that broke is set aside at the next try, and nothing is lost', () => {
  const folder = createFolder()
  const file = join(folder, 'journal.sqlite')
  const journal = open(file)
  journal.append(STORY)
  renameSync(file, `${file}.old`)
  writeFileSync(file, 'a shopping list')
  journal.retry()
  expect(journal.degraded()).toBe(false)
  expect(journal.problems).toEqual([
    expect.stringContaining('removed or replaced'),
    expect.stringContaining('set aside'),
  ])
  expect(openJournalReadOnly(file)).toEqual(journal.facts)
})

test('what a file held before comes first, once it can be opened; no block is skipped', () => {
  const folder = createFolder()
  const file = join(folder, 'journal.sqlite')
  const before = open(file)
  before.append([seen(1), answered(7, 10, true), cursor(100)])
  before.close()
  renameSync(file, `${file}.old`)
  mkdirSync(file)

  const journal = open(file)
  journal.append([seen(2), answered(7, 20, true), cursor(60_000)])
  rmSync(file, { recursive: true })
  renameSync(`${file}.old`, file)
  journal.retry()

  expect(journal.degraded()).toBe(false)
  expect([...journal.facts.requests.keys()]).toEqual([requestOf(1).key, requestOf(2).key])
  expect(journal.facts.offers.get(validator(7))).toEqual({
    firstAcceptedAt: 10,
    lastAcceptedAt: 20,
    acceptedInARow: 2,
  })
  expect(journal.facts.cursor).toBe(100)
  expect(openJournalReadOnly(file)).toEqual(journal.facts)
})

function run(command: string, ...words: readonly string[]): void {
  execFileSync(command, words, { stdio: 'ignore' })
}

/** Mounts a small file system of its own; `undefined` where that is not allowed. */
function mountSmall(): string | undefined {
  const folder = createFolder()
  try {
    run('mount', '-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder)
  } catch {
    return undefined
  }
  onTestFinished(() => run('umount', folder))
  return folder
}

test('a full disk is said, and everything is written when there is space again', (context) => {
  const folder = mountSmall()
  if (folder === undefined) return context.skip('needs a right to mount')
  const file = join(folder, 'journal.sqlite')
  const journal = open(file)
  journal.append(STORY)
  const ballast = join(folder, 'ballast')
  writeFileSync(ballast, Buffer.alloc(600_000))

  journal.append(Array.from({ length: 100 }, (_, seed) => transaction(seed)))
  expect(journal.degraded()).toBe(true)
  expect(journal.problems).toEqual([expect.stringMatching(/full|disk I\/O error/)])
  journal.append([seen(3)])
  journal.retry()
  expect(journal.degraded()).toBe(true)
  expect(openJournalReadOnly(file).requests.size).toBe(2)
  expect(journal.problems.length).toBeLessThanOrEqual(2)

  rmSync(ballast)
  run('mount', '-o', 'remount,size=20m', folder)
  journal.retry()
  expect(journal.degraded()).toBe(false)
  expect(openJournalReadOnly(file)).toEqual(journal.facts)
})

test('a read-only folder: what it holds is read, and the rest kept in memory', (context) => {
  const folder = mountSmall()
  if (folder === undefined) return context.skip('needs a right to mount')
  const file = join(folder, 'journal.sqlite')
  const before = open(file)
  before.append([...STORY, seen(3)])
  before.close()
  run('mount', '-o', 'remount,ro', folder)

  const journal = open(file)
  expect(journal.facts).toEqual(before.facts)
  expectMemory(journal, /readonly|unable to open/)

  run('mount', '-o', 'remount,rw', folder)
  journal.retry()
  expect(journal.degraded()).toBe(false)
  expect(openJournalReadOnly(file)).toEqual(journal.facts)
  expect(journal.facts.offers).toEqual(before.facts.offers)
})

test('a file that may not be written is found out at the start', (context) => {
  const file = join(createFolder(), 'journal.sqlite')
  const before = open(file)
  before.append(STORY)
  before.close()
  try {
    run('chattr', '+i', file)
  } catch {
    return context.skip('needs a file system with immutable files')
  }
  const journal = open(file)
  run('chattr', '-i', file)
  expect(journal.degraded()).toBe(true)
  expect(journal.problems).toEqual([expect.stringContaining('readonly')])
  expect(journal.facts).toEqual(before.facts)
  journal.retry()
  expect(journal.degraded()).toBe(false)
})
