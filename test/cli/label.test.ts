import { expect, test } from 'vitest'
import { labelOf } from '../../src/cli/encrypt/label.ts'
import type { ExitEntry } from '../../src/messages/decode.ts'
import { hintsIn } from '../../src/messages/hints.ts'

const exitOf = (validatorIndex: number) =>
  ({ kind: 'exit', exit: { validatorIndex }, claimedPubkey: undefined }) as unknown as ExitEntry

test('of thousands of validators as many are named as the daemon reads, none cut in half', () => {
  const indices = Array.from({ length: 5_000 }, (_, i) => 1_000_000 + i)

  const { description } = labelOf(indices.map(exitOf))

  const hints = hintsIn([description])
  expect(hints.length).toBeGreaterThan(100)
  expect(hints).toEqual(indices.slice(0, hints.length).map(String))
  expect(description.endsWith(', …')).toBe(true)
})
