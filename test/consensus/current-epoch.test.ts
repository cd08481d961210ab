import { expect, test } from 'vitest'
import { type ChainInfo, currentEpoch } from '../../src/consensus/chain-info.ts'

const GENESIS = 1_600_000_000
const info: ChainInfo = {
  opinions: [],
  genesisTime: GENESIS,
  slotsPerEpoch: 32n,
  secondsPerSlot: 12n,
  shardCommitteePeriod: 256n,
}
const EPOCH_S = 32 * 12
const clockAt = (epoch: number) => (GENESIS + epoch * EPOCH_S) * 1_000
const heads = (...epochs: number[]) => epochs.map((epoch) => BigInt(epoch) * 32n)

test.each<[string, number, number[], number]>([
  ['the clock alone', 1_000, [], 1_000],
  ['one node that lags', 1_000, [990], 1_000],
  ['one node, and a clock that is behind', 0, [1_000], 1_000],
  ['two nodes, and a clock that is behind', 0, [1_000, 1_000], 1_000],
  ['two nodes, and a clock 30 days ahead', 7_750, [1_000, 1_000], 1_000],
  ['two nodes, one with an absurd head', 1_000, [1_000, 2 ** 40], 1_000],
  ['three nodes, one with an absurd head, one that lags', 1_000, [1_000, 2 ** 40, 900], 1_000],
  ['three nodes, two of which lag', 1_000, [1_000, 900, 900], 1_000],
])('%s', (_what, clock, told, epoch) => {
  expect(currentEpoch(info, heads(...told), clockAt(clock))).toBe(BigInt(epoch))
})

test('a clock from before genesis counts as genesis', () => {
  expect(currentEpoch(info, [], 0)).toBe(0n)
})
