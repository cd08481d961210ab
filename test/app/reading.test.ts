import { afterEach, describe, expect, test } from 'vitest'
import { until } from '../support/until.ts'
import { createWorld, cycles, type World, type WorldOptions } from '../support/world.ts'

let world: World
const setUp = async (options?: WorldOptions) => {
  world = await createWorld(options)
  return world
}
afterEach(() => world.close())

const sent = (index: number) =>
  until(`the exit of ${index}`, () => world.beacon.accepted.some((exit) => exit.index === index))

type Range = { fromBlock: string; toBlock: string; topics: (string | string[])[] }
const ranges = () =>
  world.execution
    .rpcCalls('eth_getLogs')
    .map(({ params }) => params[0] as Range)
    .filter(({ topics }) => topics.length === 3)

describe('reading', () => {
  test('counts finalized requests only', async () => {
    await setUp()
    world.writeMessage(1)
    world.writeMessage(2)
    world.ask(world.requestOf(1))
    world.chain.submitReport({ requests: [world.requestOf(2)] })

    const app = await world.start()
    await sent(1)
    await cycles(app)
    expect(world.beacon.accepted).toHaveLength(1)

    world.chain.finalize()
    await sent(2)
  })

  test('halves a range until the provider bears it, and finds everything', async () => {
    await setUp({ executionNodes: [{ maxLogRange: 700 }] })
    for (const index of [1, 2]) world.writeMessage(index)
    world.ask(world.requestOf(1))
    world.chain.mine(20_000)
    world.ask(world.requestOf(2))

    await world.start()
    await sent(1)
    await sent(2)
    const widths = ranges().map(({ fromBlock, toBlock }) => Number(toBlock) - Number(fromBlock) + 1)
    expect(Math.max(...widths)).toBeLessThanOrEqual(10_000)
    expect(widths.filter((width) => width <= 700).length).toBeGreaterThan(20)
  })

  test.each([
    [-32005, 'query returned more than 10000 results'],
    [-32602, 'block range too wide'],
    [-32603, 'internal'],
    [35, 'ranges over 10000 blocks are not supported on freetier'],
    [-32000, 'exceed maximum block range'],
  ])('knows the limit error %i', async (code, message) => {
    await setUp({ executionNodes: [{ maxLogRange: 4_000, logLimitError: { code, message } }] })
    world.writeMessage(1)
    world.ask(world.requestOf(1))
    world.chain.mine(9_000)
    world.chain.finalize()

    await world.start()
    await sent(1)
  })

  test('works on a chain that is shorter than the look-back', async () => {
    await setUp({ execution: { startBlock: 3 } })
    world.writeMessage(1)
    world.ask(world.requestOf(1))

    await world.start()
    await sent(1)
    expect(ranges()[0]?.fromBlock).toBe('0x0')
  })

  test('asks for all operators of a module at once, and reads the last blocks again', async () => {
    await setUp()
    const app = await world.start({ EJECTOR_SCOPE: '{"1":[5,6],"4":[0]}', BLOCKS_LOOP: '16' })
    await until('it runs', () => app.said('messages loaded').length > 0)
    await cycles(app)

    const [first, second] = ranges()
    expect([first, second].map((range) => range?.topics[2])).toEqual(
      expect.arrayContaining([
        [`0x${'5'.padStart(64, '0')}`, `0x${'6'.padStart(64, '0')}`],
        [`0x${''.padStart(64, '0')}`],
      ]),
    )
    const last = ranges().at(-1)
    expect(Number(last?.toBlock) - Number(last?.fromBlock) + 1).toBe(16)
  })

  test('takes the union of what several nodes give', async () => {
    await setUp({ executionNodes: [{}, {}] })
    for (const index of [1, 2]) world.writeMessage(index)
    const blocks = [1, 2].map(
      (index) => world.ask(world.requestOf(index)).dataTransaction.blockNumber,
    )
    world.executionNodes.forEach((node, at) => {
      node.onResult('eth_getLogs', (logs) =>
        logs.filter((log: { blockNumber: string }) => Number(log.blockNumber) !== blocks[at]),
      )
    })

    await world.start()
    await sent(1)
    await sent(2)
  })

  test('a lagging node leaves no gap when it is the only one that is left', async () => {
    await setUp({ executionNodes: [{}, { lag: 200 }] })
    world.writeMessage(1)
    const app = await world.start()
    await until('it runs', () => app.said('messages loaded').length > 0)
    await world.execution.refuse()
    world.ask(world.requestOf(1))
    world.chain.mine(200)
    world.chain.finalize()
    await sent(1)
  })

  test('goes on with the last known contracts when they cannot be resolved', async () => {
    await setUp()
    world.writeMessage(1)
    const app = await world.start()
    await until('it runs', () => app.said('messages loaded').length > 0)
    await cycles(app)
    world.execution.faults.add({
      kind: 'rpc-error',
      code: -32000,
      message: 'missing trie node',
      match: { rpc: 'eth_call' },
    })
    world.ask(world.requestOf(1))
    await sent(1)
    expect(app.said('using the last known contracts').length).toBeGreaterThan(0)
  })

  test('follows the Locator to a new exit bus', async () => {
    await setUp()
    world.writeMessage(1)
    const app = await world.start()
    await until('it runs', () => app.said('messages loaded').length > 0)
    await cycles(app)
    world.chain.exitBus = `0x${'ab'.repeat(20)}`
    world.ask(world.requestOf(1))
    await sent(1)
  })
})
