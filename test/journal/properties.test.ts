import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { DamagedRowError, openDatabase } from '../../src/journal/connection.ts'
import { readFacts } from '../../src/journal/tables.ts'
import type { Fact } from '../../src/requests/facts.ts'
import {
  answered,
  contracts,
  createFolder,
  cursor,
  intended,
  open,
  seen,
  sighted,
  transaction,
} from './support.ts'

const small = fc.nat(40)
const time = fc.integer({ min: 0, max: 2 ** 45 })
const fact: fc.Arbitrary<Fact> = fc.oneof(
  small.map(seen),
  small.map(transaction),
  fc.tuple(small, small).map(([bus, consensus]) => contracts(bus, consensus)),
  fc.tuple(small, time, fc.boolean()).map(([index, at, isFirst]) => intended(index, at, isFirst)),
  fc
    .tuple(small, time, fc.boolean(), fc.array(fc.string({ unit: 'binary' }), { maxLength: 3 }))
    .map(([index, at, accepted, answers]) => answered(index, at, accepted, answers)),
  fc
    .tuple(small, time, fc.constantFrom('active' as const, 'exiting' as const, 'settled' as const))
    .map(([index, at, as]) => sighted(index, at, as)),
  fc.nat().map((block) => cursor(block)),
)

describe('whatever facts there are', () => {
  test('a restart finds the same working set', () => {
    fc.assert(
      fc.property(fc.array(fact, { maxLength: 40 }), (facts) => {
        const file = join(createFolder(), 'journal.sqlite')
        const before = open(file)
        before.append(facts)
        before.close()
        const after = open(file)
        expect(after.problems).toEqual([])
        expect(after.facts).toEqual(before.facts)
        after.close()
      }),
      { seed: 26, numRuns: 25 },
    )
  })
})

const TABLES = {
  request: ['key', 'seen_at', 'block_number', 'pubkey', 'timestamp', 'chain_id', 'digest'],
  signed_transaction: ['hash', 'serialized', 'digest'],
  contract: ['role', 'address', 'digest'],
  history: ['validator_index', 'at', 'what', 'answers', 'digest'],
  cursor: ['block', 'hash', 'digest'],
}
const cell = fc.constantFrom(
  ...Object.entries(TABLES).flatMap(([table, columns]) => columns.map((column) => [table, column])),
)

test('a row that is not what was written throws its own error, or is as it was', () => {
  const file = join(createFolder(), 'journal.sqlite')
  const journal = open(file)
  journal.append([seen(1), transaction(2), contracts(3, 4), intended(7, 5), cursor(9)])
  journal.append([answered(7, 6, true, ['node-1: 200'])])
  journal.close()
  const database = openDatabase(file, 'write')
  const whole = readFacts(database)
  fc.assert(
    fc.property(cell, fc.oneof(fc.string(), fc.integer()), ([table, column], value) => {
      database.exec('BEGIN')
      try {
        database.run(`UPDATE OR IGNORE disk.${table} SET ${column} = ?`, [value])
        expect(readFacts(database)).toEqual(whole)
      } catch (error) {
        const isOurs = error instanceof DamagedRowError
        // STRICT tables take no text where a number belongs.
        if (!isOurs && !/cannot store/.test(String(error))) throw error
      } finally {
        database.exec('ROLLBACK')
      }
    }),
    { seed: 26, numRuns: 200 },
  )
  database.close()
})
