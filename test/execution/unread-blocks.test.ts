import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type BlockRange, blocksIn, union, withoutAll } from '../../src/execution/block-ranges.ts'
import { createUnreadBlocks } from '../../src/execution/unread-blocks.ts'

const MINUTE = 60_000
const failure = (fromBlock: number, toBlock: number, refused = true) => ({
  fromBlock,
  toBlock,
  reason: 'pruned',
  refused,
})

describe('blocks that a node has still to give', () => {
  test('what is refused is told at once, and asked for again: in the next cycle, then at least hourly', () => {
    let now = 0
    const unread = createUnreadBlocks(() => now)
    unread.add({ fromBlock: 0, toBlock: 99 })
    unread.fail(failure(0, 9))
    expect(unread.told()).toMatchObject([{ fromBlock: 0, toBlock: 9, reason: 'pruned' }])
    expect(unread.pending()).toEqual([{ fromBlock: 10, toBlock: 99 }])
    unread.read({ fromBlock: 10, toBlock: 99 })

    let tries = 0
    for (; now < 24 * 60 * MINUTE; now += MINUTE) {
      for (const range of unread.due()) {
        tries += 1
        unread.fail({ ...range, reason: 'pruned', refused: true })
      }
    }
    expect(tries).toBeGreaterThanOrEqual(24)
    expect(tries).toBeLessThan(36)
  })

  test('what brings no answer is halved, told when it comes to little, and in nobody’s way', () => {
    const unread = createUnreadBlocks(() => 0)
    unread.add({ fromBlock: 0, toBlock: 9_999 })
    for (let round = 0; round < 20; round += 1) {
      const due = unread.due()
      for (const range of due) {
        if (range.fromBlock <= 5_000 && range.toBlock >= 5_000) {
          unread.fail({ ...range, reason: 'time-out', refused: false })
        } else unread.read(range)
      }
    }
    expect(unread.pending()).toEqual([])
    expect(blocksIn(unread.told())).toBeLessThanOrEqual(100)
    unread.add({ fromBlock: 10_000, toBlock: 10_031 })
    expect(unread.due()[0]).toEqual({ fromBlock: 10_000, toBlock: 10_031 })
  })

  test('once the node answers again, what it left unanswered is due', () => {
    let now = 0
    const unread = createUnreadBlocks(() => now)
    unread.add({ fromBlock: 0, toBlock: 31 })
    for (; now < 30 * MINUTE; now += MINUTE) unread.fail(failure(0, 31, false))
    expect(unread.due()).toEqual([])
    unread.retryUnanswered()
    expect(unread.due()).toHaveLength(1)
  })

  test('a clock that is set back does not put it off', () => {
    let now = 10 * 24 * 60 * MINUTE
    const unread = createUnreadBlocks(() => now)
    const start = now
    for (; now < start + 90 * MINUTE; now += MINUTE) unread.fail(failure(0, 9))
    expect(unread.due()).toEqual([])
    now = 0
    expect(unread.due()).toHaveLength(1)
  })

  test('what is older than the look-back is forgotten', () => {
    const unread = createUnreadBlocks(() => 0)
    unread.fail(failure(0, 99))
    unread.forgetBelow(60)
    expect(unread.told()).toMatchObject([{ fromBlock: 60, toBlock: 99 }])
    unread.forgetBelow(100)
    expect(unread.told()).toEqual([])
  })

  test('parts are bounded, and none of their blocks is lost', () => {
    const unread = createUnreadBlocks(() => 0)
    const blocks = Array.from({ length: 1_000 }, (_, at) => at * 2)
    for (const block of blocks) unread.fail(failure(block, block))
    expect(unread.told().length).toBeLessThanOrEqual(64)
    expect(blocks.every((block) => unread.has(block))).toBe(true)
  })
})

const ranges = fc.array(
  fc
    .tuple(fc.nat(200), fc.nat(40))
    .map(([fromBlock, more]): BlockRange => ({ fromBlock, toBlock: fromBlock + more })),
  { maxLength: 8 },
)
const blocksOf = (some: readonly BlockRange[]) =>
  new Set(
    some.flatMap(({ fromBlock, toBlock }) =>
      Array.from({ length: toBlock - fromBlock + 1 }, (_, at) => fromBlock + at),
    ),
  )

test('ranges of blocks are the sets that they stand for', () => {
  const property = fc.property(ranges, ranges, (some, others) => {
    const joined = union(some)
    expect(blocksOf(joined)).toEqual(blocksOf(some))
    expect(blocksIn(joined)).toBe(blocksOf(some).size)
    joined.slice(1).forEach(({ fromBlock }, at) => {
      expect(fromBlock).toBeGreaterThan((joined[at]?.toBlock ?? 0) + 1)
    })
    const rest = blocksOf(withoutAll(joined, others))
    const taken = blocksOf(others)
    expect(rest).toEqual(new Set([...blocksOf(some)].filter((block) => !taken.has(block))))
  })
  fc.assert(property, { seed: 15, numRuns: 300 })
})
