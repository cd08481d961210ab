import { hostname } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { JournalLockedError } from '../../src/journal/lock.ts'
import { openJournalReadOnly } from '../../src/journal/read-only.ts'
import { createFolder, open, seen } from './support.ts'
import { startWriter } from './writer.ts'

test('a second daemon is refused, and told who holds the file', async () => {
  const file = join(createFolder(), 'journal.sqlite')
  const writer = await startWriter(file)

  expect(() => open(file)).toThrow(JournalLockedError)
  const said = `STATE_FILE ${file} is in use by another daemon (pid ${writer.pid} on ${hostname()}, since 20`
  expect(() => open(file)).toThrow(said)
  expect(openJournalReadOnly(file).requests.size).toBe(0)
})

test('the lock of a daemon that was killed is taken over at once', async () => {
  const file = join(createFolder(), 'journal.sqlite')
  const writer = await startWriter(file)
  await writer.kill()

  const journal = open(file)
  expect(journal.problems).toEqual([])
  expect(journal.degraded()).toBe(false)
  expect(() => open(file)).toThrow(`pid ${process.pid}`)
})

test('closing releases it; another file has another', () => {
  const folder = createFolder()
  const file = join(folder, 'journal.sqlite')
  const first = open(file)
  expect(() => open(file)).toThrow('since 2025-01-01T12:00:00.000Z')
  open(join(folder, 'other.sqlite'))
  first.close()

  const second = open(file)
  second.append([seen(1)])
  expect(second.degraded()).toBe(false)
  first.append([seen(2)])
  expect(openJournalReadOnly(file).requests.size).toBe(1)
})

test('being refused does not disturb the holder', () => {
  const file = join(createFolder(), 'journal.sqlite')
  const holder = open(file)
  for (let count = 0; count < 3; count += 1) expect(() => open(file)).toThrow(JournalLockedError)
  holder.append([seen(1)])
  holder.retry()
  expect(holder.degraded()).toBe(false)
})
