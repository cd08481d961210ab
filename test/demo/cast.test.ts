import { expect, test } from 'vitest'
import { LEAVERS, summarize } from './cast.ts'

test('all is well if exactly those left who should', () => {
  const { table, asExpected } = summarize(LEAVERS, LEAVERS)
  expect(asExpected).toBe(true)
  expect(table).not.toContain('NO')
})

test.each([
  ['somebody stayed', LEAVERS.slice(1), LEAVERS],
  ['somebody else left', [...LEAVERS, 6], [...LEAVERS, 6]],
  ['an exit of somebody else was sent', LEAVERS, [...LEAVERS, 7]],
])('%s: not as expected, and the table says whom', (_name, left, sent) => {
  const { table, asExpected } = summarize(left, sent)
  expect(asExpected).toBe(false)
  expect(table.split('\n').filter((line) => line.endsWith('NO'))).toHaveLength(1)
})
