import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openJournalReadOnly } from '../../src/journal/read-only.ts'
import { createRandom } from '../soak/random.ts'
import { until } from '../support/until.ts'
import { createFolder, IDENTITY, open } from './support.ts'
import { startWriter } from './writer.ts'

const KILLS = Number(process.env.JOURNAL_KILLS ?? 20)
/** Appends before the kill: from the very first one on. */
const MOST_APPENDS = 30
const SEED = Number(process.env.JOURNAL_SEED ?? 7)

test(`what was written is there after ${KILLS} kills at random instants (seed ${SEED})`, {
  timeout: 120_000 + KILLS * 5_000,
}, async () => {
  const file = join(createFolder(), 'journal.sqlite')
  let next = 0
  const random = createRandom(SEED)
  for (let round = 0; round < KILLS; round += 1) {
    const writer = await startWriter(file, next)
    const appends = random.int(MOST_APPENDS)
    await until('it has appended so many', () => numbersIn(writer.lines).length >= appends)
    await writer.kill()
    expect(writer.lines.filter((line) => line.startsWith('problem'))).toEqual([])
    const lastSaid = numbersIn(writer.lines).at(-1) ?? next - 1

    // A reader beside it must cope with what the kill left, as must the next daemon.
    const facts = round % 2 === 0 ? reopen(file) : openJournalReadOnly(file, IDENTITY)
    const last = facts.cursor ?? -1
    // The last append may be whole on disk though nobody was told any more.
    expect([lastSaid, lastSaid + 1]).toContain(last)
    expect(facts.requests.size).toBe(last + 1)
    expect(facts.cursorHash).toBe(last < 0 ? undefined : `0x${last}`)
    const accepted = [...facts.offers.values()].map(({ lastAcceptedAt }) => lastAcceptedAt)
    expect(Math.max(-1, ...accepted)).toBe(last)
    expect(facts.offers.size).toBe(Math.min(10, last + 1))
    next = last + 1
  }
  console.info(`${KILLS} kills, ${next} appends`)
  expect(next).toBeGreaterThan(0)
})

const numbersIn = (lines: readonly string[]) =>
  lines.filter((line) => /^\d+$/.test(line)).map(Number)

function reopen(file: string) {
  const journal = open(file)
  expect(journal.problems).toEqual([])
  journal.close()
  return journal.facts
}
