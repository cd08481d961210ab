import { describe, expect, test } from 'vitest'
import { createEvidenceReader } from '../../src/execution/evidence.ts'
import type { ExecutionNode, LogFilter } from '../../src/execution/execution-node.ts'
import { createLogReader } from '../../src/execution/logs.ts'
import type { Endpoints } from '../../src/lib/endpoints.ts'
import { NoAnswerError } from '../../src/lib/http.ts'
import type { Address, Bytes32 } from '../../src/lib/primitives.ts'
import { logsLookUp } from '../../src/proof/look-up.ts'

const never = new AbortController().signal
const HEAD = 1_000_000
const CYCLE_MS = 60_000
const report = `0x${'ab'.repeat(32)}` as Bytes32

/** A node of its own that gives no answer for some ranges. @param isSilent - may change meanwhile */
function setUp(isSilent: (range: LogFilter) => boolean) {
  let time = 1_700_000_000_000
  const now = () => time
  const node = {
    async logs(filter: LogFilter) {
      if (isSilent(filter)) throw new NoAnswerError('no answer')
      return []
    },
  } as unknown as ExecutionNode
  const nodes = {
    only: (_host: string, work: (one: ExecutionNode, signal: AbortSignal) => unknown) =>
      work(node, never),
  } as unknown as Endpoints<ExecutionNode>
  const read = createEvidenceReader(nodes, createLogReader(10_000, now), now)

  /** What a cycle gets for the votes before each of these blocks, asked for all at once. */
  async function cycle(...eventBlocks: readonly number[]) {
    time += CYCLE_MS
    const asked = eventBlocks.map((block) =>
      read(logsLookUp('ReportReceived', '0x12' as Address, report, block), 'node', never),
    )
    return (await Promise.all(asked)).map((answers) => {
      const failure = answers.find((answer) => !answer.ok)
      return failure === undefined ? 'whole' : 'isGap' in failure ? 'gap' : 'failed'
    })
  }
  const cycles = async (count: number, ...eventBlocks: readonly number[]) => {
    let last: readonly string[] = []
    for (let i = 0; i < count; i += 1) last = await cycle(...eventBlocks)
    return last
  }
  return { cycle, cycles }
}

const holds = (block: number) => (range: LogFilter) =>
  range.fromBlock <= block && block <= range.toBlock

describe('votes are searched where a node gives no answer', () => {
  test('for one block, for ever: a gap after a few cycles, and in each one after it', async () => {
    const { cycle, cycles } = setUp(holds(HEAD - 3_000))
    expect(await cycle(HEAD)).toEqual(['failed'])
    expect(await cycles(20, HEAD)).toEqual(['gap'])
    for (let i = 0; i < 200; i += 1) expect(await cycle(HEAD)).toEqual(['gap'])
  })

  test('for anything, for two hours: each search is whole in the first cycle after it', async () => {
    let isAway = true
    const { cycle, cycles } = setUp(() => isAway)
    expect(await cycles(120, HEAD, HEAD - 50_000)).toEqual(['failed', 'failed'])
    isAway = false
    expect(await cycle(HEAD)).toEqual(['whole'])
    expect(await cycle(HEAD - 50_000)).toEqual(['whole'])
  })

  test('for anything, and then for its newest blocks: older ones are asked for all the same', async () => {
    let isAway = true
    const [one, other] = [holds(HEAD - 5), holds(HEAD - 80)]
    const { cycles } = setUp((range) => isAway || one(range) || other(range))
    await cycles(100, HEAD)
    isAway = false
    expect(await cycles(10, HEAD)).toEqual(['gap'])
  })

  test('for a thousand blocks of one search: a gap, and the search beside it is whole', async () => {
    const bottom = HEAD - 102_000
    const { cycles } = setUp(
      ({ fromBlock, toBlock }) => fromBlock < bottom + 1_000 && bottom <= toBlock,
    )
    expect(await cycles(80, HEAD, HEAD - 100_000)).toEqual(['whole', 'gap'])
  })
})
