import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { titlesIn, withReport } from './readme.ts'
import { rowsOf } from './report.ts'
import { createTally } from './tally.ts'

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
const titles = rowsOf(createTally()).map(([title]) => title)

test('the README shows what the soak reports', () => {
  expect(titlesIn(readme)).toEqual(titles)
})

test('--readme writes the figures of a run, and nothing else', () => {
  const tally = createTally()
  tally.count('cycles', 12_345)
  const written = withReport(readme, tally, { command: 'npm run soak', minutes: 3.4 })
  expect(written).toContain('| cycles | 12,345 |')
  expect(written).toContain('`npm run soak` on Node.js')
  expect(titlesIn(written)).toEqual(titles)
  const around = (text: string) => text.replace(/<!-- soak -->[\s\S]*<!-- \/soak -->/, '')
  expect(around(written)).toBe(around(readme))
})
