import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { TOPICS } from '../../src/execution/abi.ts'
import { openJournalReadOnly } from '../../src/journal/read-only.ts'
import { createMember } from '../sim/contracts.ts'
import { until } from '../support/until.ts'
import {
  createWorld,
  cycles,
  OURS,
  type RunningApp,
  type World,
  type WorldOptions,
} from '../support/world.ts'

let world: World
afterEach(() => world.close())

const PRELOAD = 20_000
const file = () => join(world.home, 'journal.sqlite')
const env = () => ({ BLOCKS_PRELOAD: String(PRELOAD), STATE_FILE: file(), JOB_INTERVAL: '20' })
const HOUR_MS = 60 * 60 * 1_000

async function setUp(options: WorldOptions = {}) {
  world = await createWorld(options)
  for (const index of [1, 2]) world.writeMessage(index)
}

async function start(
  seams: Parameters<World['start']>[1] = {},
  more: NodeJS.ProcessEnv = {},
): Promise<RunningApp> {
  const app = await world.start({ ...env(), ...more }, seams)
  await until('messages are loaded', () => app.said('messages loaded').length > 0)
  await cycles(app)
  return app
}

const sent = (index: number) =>
  until(`the exit of ${index}`, () => world.beacon.accepted.some((exit) => exit.index === index))
const unread = (app: RunningApp) => app.metric('unread_blocks')
const told = (app: RunningApp) => app.said('blocks could not be read')
const ready = async (app: RunningApp) => (await fetch(`${app.url}/readyz`)).json()

describe('history that the only node has pruned', () => {
  test('votes are found although the search for them reaches into it, of however many reports', async () => {
    world = await createWorld({ beacon: { validators: 20 } })
    const { chain, execution, requestOf } = world
    execution.set({ firstLogBlock: chain.finalized - 5_000 })
    const indices = Array.from({ length: 12 }, (_, index) => index)
    for (const index of indices) {
      world.writeMessage(index)
      world.ask(requestOf(index))
    }
    const thief = createMember('thief')
    chain.submitReport({ requests: [requestOf(19)], signers: [thief, thief] })
    chain.finalize()
    const app = await start()
    for (const index of indices) await sent(index)
    await until('the forged one is told', () => app.said('not proven').length > 0)
    await cycles(app, 3)

    expect(world.beacon.accepted.map(({ index }) => index).toSorted((a, b) => a - b)).toEqual(
      indices,
    )
    expect(app.said('cycle failed')).toEqual([])
  })

  test.each([
    [-32_602, 'missing receipts: block is older than 10064 blocks'],
    [4_444, 'pruned history unavailable'],
    [-32_001, 'resource not found'],
  ])(
    '%i: newer requests are served, and the blocks are named everywhere',
    async (code, message) => {
      await setUp()
      const { chain } = world
      const first = chain.finalized - 5_000
      world.execution.set({ firstLogBlock: first, prunedError: { code, message } })
      world.ask(world.requestOf(1))
      const app = await start()
      await sent(1)

      await until(
        'it is measured',
        async () => (await unread(app)) === PRELOAD - (chain.finalized - first),
      )
      const [line] = told(app)
      expect(line?.level).toBe('error')
      expect(line?.message).toContain(`blocks ${chain.finalized - PRELOAD} to ${first - 1}`)
      expect(line?.message).toContain(message)
      expect(line?.details?.remedy).toContain('EXECUTION_NODE')
      expect(told(app)).toHaveLength(1)
      const { reasons } = (await ready(app)) as { reasons: string[] }
      expect(reasons).toEqual([expect.stringContaining(`to ${first - 1}`)])
      // The container is not restarted for it, and cycles count as good.
      expect(app.said('cycle failed')).toEqual([])
      expect((await fetch(`${app.url}/health`)).status).toBe(200)
    },
  )

  test('it is read hourly, and once it is there, its requests are served', async () => {
    await setUp()
    const { chain } = world
    world.ask(world.requestOf(1))
    chain.mine(5_000)
    chain.finalize()
    world.execution.set({ firstLogBlock: chain.finalized - 1_000 })
    let later = 0
    const app = await start({ now: () => Date.now() + later })
    await until('it is told', () => told(app).length > 0)
    expect(world.beacon.accepted).toEqual([])

    world.execution.set({ firstLogBlock: 0 })
    later = HOUR_MS
    await sent(1)
    await until('nothing is unread', async () => (await unread(app)) === 0)
    expect(app.said('have been read')).toHaveLength(1)
  })

  test('another node that has it closes the gap, and nothing is told', async () => {
    await setUp({ executionNodes: [{}, {}] })
    world.ask(world.requestOf(1))
    world.chain.mine(5_000)
    world.chain.finalize()
    world.execution.set({ firstLogBlock: world.chain.finalized - 1_000 })
    const app = await start()
    await sent(1)
    await cycles(app)
    expect(await unread(app)).toBe(0)
    expect(told(app)).toEqual([])
  })

  test('what an earlier process read is not told; what none could read is, also after a restart', async () => {
    await setUp()
    const { chain } = world
    const first = chain.finalized - 5_000
    world.execution.set({ firstLogBlock: first })
    const before = await start()
    await until('it is told', () => told(before).length > 0)
    await before.end()
    const kept = openJournalReadOnly(file())
    expect(kept.unread).toMatchObject([{ toBlock: first - 1 }])
    expect(kept.cursor).toBe(chain.finalized)

    chain.mine(100)
    chain.finalize()
    world.execution.set({ firstLogBlock: first + 3_000 })
    const app = await start()
    await cycles(app)
    const lowest = chain.finalized - PRELOAD
    expect(openJournalReadOnly(file()).unread).toMatchObject([
      { fromBlock: lowest, toBlock: first - 1 },
    ])
    expect(await unread(app)).toBe(first - lowest)
  })

  test('a restart that finds a second node closes the gap, and the request in it is served', async () => {
    await setUp({ executionNodes: [{}, {}] })
    const { chain, executionNodes } = world
    world.ask(world.requestOf(1))
    chain.mine(5_000)
    chain.finalize()
    world.execution.set({ firstLogBlock: chain.finalized - 1_000 })
    const [pruned] = executionNodes
    const before = await start({}, { EXECUTION_NODE: String(pruned?.url) })
    await until('it is told', () => told(before).length > 0)
    await before.end()
    expect(world.beacon.accepted).toEqual([])

    const app = await start()
    await sent(1)
    await until('nothing is unread', async () => (await unread(app)) === 0)
    expect(openJournalReadOnly(file()).unread).toEqual([])
  })

  test('an operator that joins the scope was never read for: what cannot be had now is told', async () => {
    await setUp()
    const { chain } = world
    const joining = OURS.operatorId + 1
    world.ask({ ...world.requestOf(1), operatorId: joining })
    chain.mine(5_000)
    chain.finalize()
    const before = await start()
    await before.end()

    const first = chain.finalized - 1_000
    world.execution.set({ firstLogBlock: first })
    const wider = { EJECTOR_SCOPE: `{"${OURS.moduleId}":[${OURS.operatorId},${joining}]}` }
    for (const attempt of ['at once', 'after another restart']) {
      const app = await start({}, wider)
      await until(`it is told ${attempt}`, () => told(app).length > 0)
      expect(told(app)[0]?.message).toContain(`to ${first - 1}`)
      await app.end()
    }

    world.execution.set({ firstLogBlock: 0 })
    const app = await start({}, wider)
    await sent(1)
    await until('nothing is unread', async () => (await unread(app)) === 0)
    await app.end()

    // Now it was read for both, and for each of them.
    world.execution.set({ firstLogBlock: first })
    for (const scope of [wider, {}]) {
      const again = await start({}, scope)
      expect(await unread(again)).toBe(0)
      await again.end()
    }
  })

  test('a look-back that reaches further than before: what cannot be had of it is told', async () => {
    await setUp()
    const { chain } = world
    const before = await start({}, { BLOCKS_PRELOAD: '1000' })
    await before.end()

    world.execution.set({ firstLogBlock: chain.finalized - 500 })
    const app = await start()
    await until('it is told', () => told(app).length > 0)
    const { finalized } = chain
    expect(told(app)[0]?.message).toContain(`blocks ${finalized - PRELOAD} to ${finalized - 1_001}`)
  })

  test('what is older than the look-back is of no interest any more', async () => {
    await setUp()
    const { chain } = world
    world.execution.set({ firstLogBlock: chain.finalized - 5_000 })
    const app = await start()
    await until('it is told', () => told(app).length > 0)
    chain.mine(PRELOAD)
    chain.finalize()
    await until('nothing is unread', async () => (await unread(app)) === 0)
    expect(openJournalReadOnly(file()).unread).toEqual([])
  })

  test('the hourly second look that meets it says nothing: it was read before', async () => {
    await setUp()
    let later = 0
    const app = await start({ now: () => Date.now() + later })
    world.execution.set({ firstLogBlock: world.chain.finalized - 5_000 })
    later = HOUR_MS + 1_000
    const seen = world.execution.rpcCalls('eth_getLogs').length
    await until('it looks again', () => world.execution.rpcCalls('eth_getLogs').length > seen + 20)
    world.ask(world.requestOf(1))
    await sent(1)
    expect(told(app)).toEqual([])
    expect(await unread(app)).toBe(0)
  })
})

describe('a block that never gets an answer', () => {
  function silence(block: number) {
    world.execution.faults.add({
      kind: 'status',
      status: 503,
      match: {
        rpc: 'eth_getLogs',
        when: ({ body }) => {
          const [range] = JSON.parse(body).params
          return Number(range.fromBlock) <= block && block <= Number(range.toBlock)
        },
      },
    })
  }
  /** The search for its votes reaches into earlier blocks. */
  function forge() {
    const thief = createMember('thief')
    world.chain.submitReport({ requests: [world.requestOf(3)], signers: [thief, thief] })
    world.chain.finalize()
  }
  const ended = async (app: RunningApp, result: 'success' | 'error') =>
    Number((await app.metric('job_duration_seconds_count', { result })) ?? 0)
  async function goodCycles(app: RunningApp, more = 3) {
    const before = await ended(app, 'success')
    await until('cycles are good', async () => (await ended(app, 'success')) >= before + more)
  }
  /** A minute passes with each look at the clock, as it does between cycles. */
  function hastened() {
    let passed = 0
    return {
      now: () => {
        passed += 1_000
        return Date.now() + passed
      },
    }
  }

  test('is passed over and told; the rest is served, and no cycle fails for it', async () => {
    await setUp()
    const { chain } = world
    world.ask(world.requestOf(1))
    silence(chain.finalized)
    chain.mine(5_000)
    forge()
    const app = await start()
    world.ask(world.requestOf(2))
    await sent(2)
    await until('it is told', () => told(app).length > 0)
    expect(await unread(app)).toBeLessThanOrEqual(100)
    await goodCycles(app)
    expect(world.beacon.accepted.map(({ index }) => index)).toEqual([2])
    expect(app.said('exit request not proven')).toHaveLength(1)
  })

  test('fails no cycle for long either where it was read before, and votes are searched in it', async () => {
    await setUp()
    const { chain } = world
    const bad = chain.finalized
    chain.mine(5_000)
    chain.finalize()
    const app = await start(hastened())
    silence(bad)
    forge()
    await until('the forged one is told', () => app.said('exit request not proven').length > 0)
    await goodCycles(app)
    const failed = await ended(app, 'error')
    await goodCycles(app, 40)
    expect(await ended(app, 'error')).toBe(failed)
    world.ask(world.requestOf(1))
    await sent(1)
    expect(await unread(app)).toBe(0)
    expect(app.said('exit request not proven')).toHaveLength(1)
  })

  test('that was an outage of all of them: once it is over, votes are found at once', async () => {
    await setUp()
    const app = await start(hastened())
    const votes = new RegExp(`${TOPICS.reportReceived}|${TOPICS.consensusReached}`)
    const match = { rpc: 'eth_getLogs', body: votes }
    const outage = world.execution.faults.add({ kind: 'status', status: 503, match })
    world.ask(world.requestOf(1))
    await cycles(app, 40)
    expect(world.beacon.accepted).toEqual([])

    const all = async () => (await ended(app, 'success')) + (await ended(app, 'error'))
    const before = await all()
    outage.remove()
    await sent(1)
    expect((await all()) - before).toBeLessThan(10)
  })
})

describe('a balanced URL', () => {
  test('every second eth_getLogs is beyond the head of its node: served within a cycle', async () => {
    await setUp()
    const app = await start()
    let calls = 0
    world.execution.faults.add({
      kind: 'rpc-error',
      code: -32_602,
      message: 'block range extends beyond current head block',
      match: {
        rpc: 'eth_getLogs',
        when: () => {
          calls += 1
          return calls % 2 === 1
        },
      },
    })
    world.ask(world.requestOf(1))
    await sent(1)
    expect(calls).toBeGreaterThan(1)
    expect(app.said('cycle failed')).toEqual([])
    expect(told(app)).toEqual([])
  })

  test('a finalized block that steps back by 32 every second time is no failure', async () => {
    await setUp()
    let calls = 0
    world.execution.onResult('eth_getBlockByNumber', (block, [tag]) => {
      if (tag !== 'finalized') return block
      calls += 1
      const number = Number(block.number) - (calls % 2 === 0 ? 32 : 0)
      return { ...block, number: `0x${number.toString(16)}`, hash: world.chain.hashOf(number) }
    })
    const app = await start()
    world.chain.mine(40)
    world.ask(world.requestOf(1))
    await sent(1)
    await cycles(app, 6)
    expect(app.said('cycle failed')).toEqual([])
    expect(app.lines.filter(({ level }) => level === 'error')).toEqual([])
  })
})

test.each([64, 128])(
  'a node that keeps %i states serves a first start without a journal',
  async (keepsStates) => {
    await setUp()
    world.chain.mine(200)
    world.ask(world.requestOf(1))
    world.chain.mine(keepsStates + 10)
    world.execution.set({ keepsStates })
    const app = await start()
    await sent(1)
    expect(app.said('using the last known contracts')).toEqual([])
  },
)

test('other versions of the exit bus are told at once and daily, and the work goes on', async () => {
  await setUp()
  world.chain.versions.contract = 4n
  let later = 0
  const app = await start({ now: () => Date.now() + later })
  const alarms = () => app.lines.filter(({ message }) => message.includes('contract version 4'))
  expect(alarms()).toMatchObject([{ level: 'error' }])
  expect(await app.metric('protocol_version_unknown')).toBe(1)
  world.ask(world.requestOf(1))
  await sent(1)
  expect(alarms()).toHaveLength(1)

  later = 24 * HOUR_MS + 1_000
  await until('it is told again', () => alarms().length === 2)
  world.chain.versions.contract = 3n
  later += HOUR_MS + 1_000
  await until('it is over', async () => (await app.metric('protocol_version_unknown')) === 0)
})
