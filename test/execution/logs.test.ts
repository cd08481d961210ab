import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type BlockRange, union } from '../../src/execution/block-ranges.ts'
import type { ExecutionNode, LogFilter } from '../../src/execution/execution-node.ts'
import { createLogReader } from '../../src/execution/logs.ts'
import { RpcError } from '../../src/execution/rpc-errors.ts'
import type { FailedRange } from '../../src/execution/unread-blocks.ts'
import { NoAnswerError } from '../../src/lib/http.ts'

type Answer = (range: BlockRange, call: number) => void

/** A node that throws what `check` throws, and else gives the number of each block as its log. */
function nodeThat(check: Answer) {
  const asked: BlockRange[] = []
  const logs = async ({ fromBlock, toBlock }: LogFilter) => {
    asked.push({ fromBlock, toBlock })
    check({ fromBlock, toBlock }, asked.length)
    return Array.from({ length: toBlock - fromBlock + 1 }, (_, at) => fromBlock + at)
  }
  return { node: { logs } as unknown as ExecutionNode, asked }
}

async function read(check: Answer, { fromBlock, toBlock }: BlockRange, widest = 10_000) {
  const { node, asked } = nodeThat(check)
  const blocks: unknown[] = []
  const failed: FailedRange[] = []
  const readLogs = createLogReader(widest)
  const run = readLogs(
    node,
    { address: '0x' as never, topics: [], fromBlock, toBlock },
    (logs) => blocks.push(...logs),
    new AbortController().signal,
    (range) => failed.push(range),
  )
  const error = await run.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  return { asked, failed, error, blocks: new Set(blocks) }
}

const refuse = (code: number, message: string) => {
  throw new RpcError('eth_getLogs', code, message)
}
const holds = (block: number) => (range: BlockRange) =>
  range.fromBlock <= block && block <= range.toBlock

test('the newest blocks come first', async () => {
  const { asked } = await read(() => {}, { fromBlock: 1, toBlock: 25_000 })
  expect(asked).toEqual([
    { fromBlock: 15_001, toBlock: 25_000 },
    { fromBlock: 5_001, toBlock: 15_000 },
    { fromBlock: 1, toBlock: 5_000 },
  ])
})

test.each([
  [4_444, 'pruned history unavailable'],
  [-32_001, 'resource not found'],
  [-32_602, 'block range is not available'],
  [-32_000, 'header not found'],
])(
  'history before a block is pruned (%i): it is named to the block, in few calls',
  async (code, text) => {
    const { asked, failed, blocks, error } = await read(
      ({ fromBlock }) => {
        if (fromBlock < 97_936) refuse(code, text)
      },
      { fromBlock: 0, toBlock: 108_000 },
    )
    expect(error).toBeUndefined()
    expect(failed).toEqual([
      {
        fromBlock: 0,
        toBlock: 97_935,
        refused: true,
        reason: `eth_getLogs: node answered ${code}: ${text}`,
      },
    ])
    expect(blocks.size).toBe(108_000 - 97_935)
    expect(asked.length).toBeLessThan(250)
  },
  60_000,
)

test('one block that is refused is passed over alone', async () => {
  const bad = holds(4_321)
  const { failed, blocks } = await read(
    (range) => {
      if (bad(range)) refuse(-32_602, 'no')
    },
    { fromBlock: 0, toBlock: 9_999 },
  )
  expect(failed).toMatchObject([{ fromBlock: 4_321, toBlock: 4_321 }])
  expect(blocks.size).toBe(9_999)
})

test('blocks that never get an answer are told, and those before them are read', async () => {
  const bad = holds(9_000)
  const { failed, blocks, error } = await read(
    (range) => {
      if (bad(range)) throw new NoAnswerError('no answer within 15000 ms')
    },
    { fromBlock: 0, toBlock: 29_999 },
    5_000,
  )
  expect(error).toBeInstanceOf(NoAnswerError)
  expect(failed).toMatchObject([{ refused: false, reason: 'no answer within 15000 ms' }])
  expect(union(failed).some(bad)).toBe(true)
  expect(blocks.size).toBe(30_000 - 5_000)
})

test('a node that does not answer at all is asked twice, and no more', async () => {
  const { asked, error } = await read(
    () => {
      throw new NoAnswerError('reset')
    },
    { fromBlock: 0, toBlock: 100_000 },
  )
  expect(error).toBeInstanceOf(NoAnswerError)
  expect(asked).toHaveLength(2)
})

test.each([
  'block range extends beyond current head block',
  'requested block is in the future',
  'toBlock is greater than latest block',
  'header not found',
])(
  'a balanced URL that is behind every second time is asked for the same again: %s',
  async (text) => {
    const { asked, failed, blocks } = await read(
      (_, call) => {
        if (call % 2 === 1) refuse(-32_602, text)
      },
      { fromBlock: 0, toBlock: 29_999 },
    )
    expect(failed).toEqual([])
    expect(blocks.size).toBe(30_000)
    expect(asked).toHaveLength(6)
    expect(asked[1]).toEqual(asked[0])
  },
)

test('a node that stays behind is halved nowhere, and what came stays', async () => {
  const { failed, blocks, error } = await read(
    ({ toBlock }) => {
      if (toBlock > 20_000) refuse(-32_000, 'block range extends beyond current head block')
    },
    { fromBlock: 0, toBlock: 29_999 },
  )
  expect(error).toBeInstanceOf(RpcError)
  expect(failed).toMatchObject([{ fromBlock: 20_000, toBlock: 29_999, refused: false }])
  expect(blocks.size).toBe(20_000)
})

test('a node that refuses every second block is not asked for each of them', async () => {
  const { asked, failed, blocks } = await read(
    ({ fromBlock, toBlock }) => {
      if (fromBlock < toBlock || fromBlock % 2 === 1) refuse(-32_603, 'internal error')
    },
    { fromBlock: 0, toBlock: 100_000 },
  )
  expect(asked.length).toBeLessThan(3_000)
  const told = failed.reduce((sum, one) => sum + one.toBlock - one.fromBlock + 1, 0)
  expect(told + blocks.size).toBe(100_001)
})

test('whatever a node refuses or bears, each block is either read or told', async () => {
  const property = fc.asyncProperty(
    fc.integer({ min: 1, max: 400 }),
    fc.array(fc.integer({ min: 0, max: 400 }), { maxLength: 6 }),
    fc.integer({ min: 1, max: 500 }),
    fc.integer({ min: 1, max: 500 }),
    async (toBlock, bad, cap, widest) => {
      const { blocks, failed, error } = await read(
        (range) => {
          if (range.toBlock - range.fromBlock >= cap) refuse(-32_005, 'more than 10000 results')
          if (bad.some((block) => holds(block)(range))) refuse(-32_602, 'pruned')
        },
        { fromBlock: 0, toBlock },
        widest,
      )
      expect(error).toBeUndefined()
      for (let block = 0; block <= toBlock; block += 1) {
        const isTold = failed.some(holdsIn(block))
        expect(blocks.has(block) !== isTold).toBe(true)
        if (bad.includes(block)) expect(isTold).toBe(true)
      }
    },
  )
  await fc.assert(property, { seed: 14, numRuns: 200 })
}, 60_000)

const holdsIn = (block: number) => (range: BlockRange) => holds(block)(range)
