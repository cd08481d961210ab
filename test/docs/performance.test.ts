import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { rowsIn, withReport } from '../bench/report.ts'
import type { Result } from '../bench/result.ts'
import { tableOf } from '../bench/result.ts'
import { createRows } from '../bench/rows.ts'

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')

test('the table of the README has a line for each row of the benchmark, in its order', () => {
  // Nothing is measured here: only the names are looked at.
  const rows = Object.keys(createRows({} as Parameters<typeof createRows>[0]))
  const shown = [...new Set(rowsIn(readme).map(({ row }) => row))]

  expect(rows.length).toBeGreaterThan(5)
  expect(shown).toEqual(rows)
})

test('a report is written between the marks, and found there again', () => {
  const result: Result = {
    row: 'plain',
    work: '10,000 plain messages',
    figure: 4,
    limit: 3,
    unit: 's',
    aim: '≤ 1.5 × limit + 1 s (5.50 s)',
    met: true,
  }
  const written = withReport(readme, tableOf([result]))

  expect(rowsIn(written)).toEqual([{ row: 'plain', work: '10,000 plain messages' }])
  expect(withReport(written, tableOf([result]))).toBe(written)
  expect(() => withReport('no marks', '')).toThrow('README')
})
