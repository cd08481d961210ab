import { expect, test } from 'vitest'
import { soak } from './soak.ts'

/** The long form is `npm run soak`; this one is always the same. */
const SEED = 2

test('nothing is lost and nobody leaves unasked, whatever fails', {
  timeout: 400_000,
}, async () => {
  const { tally } = await soak({ seed: SEED, cycles: 60, kills: 2, tell: console.info })
  const { counts } = tally

  expect(counts.get('restarts')).toBeGreaterThan(0)
  expect(counts.get('kills')).toBe(2)
  expect(counts.get('validators that left (pool)')).toBeGreaterThan(0)
  expect(counts.get('held back by the brake')).toBeGreaterThan(0)
})
