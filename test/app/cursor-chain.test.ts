import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { openJournalReadOnly } from '../../src/journal/read-only.ts'
import { until } from '../support/until.ts'
import {
  createWorld,
  cycles,
  type RunningApp,
  type World,
  type WorldOptions,
} from '../support/world.ts'

let world: World
afterEach(() => world.close())

const PRELOAD = 100
const ANOTHER = 'has another block'
const file = () => join(world.home, 'journal.sqlite')
const env = () => ({
  BLOCKS_PRELOAD: String(PRELOAD),
  STATE_FILE: file(),
  JOB_INTERVAL: '20',
})

/** A daemon that read the chain once, and ended. */
async function setUp(options?: WorldOptions) {
  world = await createWorld(options)
  world.writeMessage(1)
  const first = await start()
  await first.end()
  for (const node of world.executionNodes) node.clearCalls()
}

async function start(seams: Parameters<World['start']>[1] = {}): Promise<RunningApp> {
  const app = await world.start(env(), seams)
  await until('messages are loaded', () => app.said('messages loaded').length > 0)
  await cycles(app)
  return app
}

const errors = (app: RunningApp) => app.lines.filter(({ level }) => level === 'error')
const numbersAsked = () =>
  world.executionNodes.map((node) =>
    node
      .rpcCalls('eth_getBlockByNumber')
      .map(({ params }) => params[0])
      .filter((tag) => tag !== 'finalized'),
  )

test('the journal holds the hash of the block that was read last', async () => {
  await setUp({ executionNodes: [{}, { lag: 7 }] })
  const { cursor, cursorHash } = openJournalReadOnly(file())
  expect(cursor).toBe(world.chain.finalized - 7)
  expect(cursorHash).toBe(world.chain.hashOf(world.chain.finalized - 7))
})

test('a restart on the same chain compares it with one call at most, and says nothing', async () => {
  await setUp({ executionNodes: [{}, {}] })
  const { finalized } = world.chain
  await (await start()).end()
  expect(numbersAsked()).toEqual([[], []])

  world.chain.mine(40)
  world.chain.finalize()
  const app = await start()
  const asked = `0x${finalized.toString(16)}`
  expect(numbersAsked()).toEqual([[asked], [asked]])
  expect(errors(app)).toEqual([])
  expect(app.said(ANOTHER)).toEqual([])
})

test('a chain that was replaced below what was read is said, and read again from a look-back before that', async () => {
  await setUp()
  const { chain } = world
  const read = chain.finalized
  chain.reorg(read - 50, { head: read - 51 })
  world.ask(world.requestOf(1))
  chain.mine(5 * PRELOAD)
  chain.finalize()

  const app = await start()
  expect(errors(app).map(({ message }) => message)).toEqual([
    expect.stringContaining(`${ANOTHER} ${read} than the one up to which was read`),
  ])
  await until('the exit is sent', () => world.beacon.accepted.length > 0)
})

test('one node that is on another chain is named, and the journal stays as it is', async () => {
  await setUp({ executionNodes: [{}, {}] })
  const [honest, other] = world.executionNodes
  other?.onResult('eth_getBlockByNumber', (block) => ({
    ...block,
    hash: `0x${'ee'.repeat(32)}`,
  }))
  world.chain.mine(1)
  world.chain.finalize()
  const app = await start()
  expect(errors(app)).toHaveLength(1)
  expect(errors(app)[0]?.message).toContain(`${new URL(other?.url ?? '').host} ${ANOTHER}`)
  expect(errors(app)[0]?.message).not.toContain(new URL(honest?.url ?? '').host)
  expect(openJournalReadOnly(file()).cursor).toBe(world.chain.finalized)

  world.ask(world.requestOf(1))
  await until('the exit is sent', () => world.beacon.accepted.length > 0)
})

test('a node that does not tell the block is asked once, and is no error', async () => {
  await setUp()
  world.chain.mine(1)
  world.chain.finalize()
  world.execution.onResult('eth_getBlockByNumber', (block, [tag]) =>
    tag === 'finalized' ? block : null,
  )
  const app = await start()
  expect(numbersAsked()[0]).toHaveLength(1)
  expect(errors(app)).toEqual([])
})

test('a chain that began anew is read from where it is, and no block of it is passed over', async () => {
  await setUp()
  const { chain } = world
  const read = chain.finalized
  chain.reorg(1_000, { head: 1_000 })
  chain.finalize(1_000)
  const second = await start()
  expect(second.said(`its finalized block 1000 is before ${read}`)).toHaveLength(1)
  expect(openJournalReadOnly(file()).cursor).toBe(1_000)
  await second.end()

  world.ask(world.requestOf(1))
  chain.mine(5 * PRELOAD)
  chain.finalize()
  await start()
  await until('the exit is sent', () => world.beacon.accepted.length > 0)
})

test('one node behind what was read does not lower it while another is there', async () => {
  await setUp({ executionNodes: [{}, {}] })
  const read = world.chain.finalized
  world.executionNodes[1]?.set({ lag: 50 })
  await start()
  expect(openJournalReadOnly(file()).cursor).toBe(read)
})

test('a chain that begins anew under a running daemon is read again after an hour', async () => {
  world = await createWorld()
  world.writeMessage(1)
  let later = 0
  const app = await start({ now: () => Date.now() + later })
  const { chain } = world
  chain.reorg(1_000, { head: 1_000 })
  world.ask(world.requestOf(1))
  await until('it is said', () => app.said('behind what it gave before').length > 0)
  expect(world.beacon.accepted).toEqual([])

  later = 61 * 60 * 1_000
  await until('the exit is sent', () => world.beacon.accepted.length > 0)
  await cycles(app)
  expect(openJournalReadOnly(file()).cursor).toBe(chain.finalized)
})

test.each([
  ['no answer in time', { kind: 'hang' }],
  ['a reset', { kind: 'reset' }],
  ['HTTP 503', { kind: 'status', status: 503 }],
  ['a JSON-RPC error', { kind: 'rpc-error', code: -32_000, message: 'header not found' }],
  ['HTML', { kind: 'html' }],
  ['another shape', { kind: 'wrong-schema', body: { result: { number: 7 } } }],
] as const)('%s, when the block is compared: it is said, and reading goes on', async (_, kind) => {
  await setUp()
  world.chain.mine(1)
  world.ask(world.requestOf(1))
  const isByNumber = ({ body }: { body: string }) =>
    !body.includes('finalized') && body.includes('eth_getBlockByNumber')
  world.execution.faults.add({ ...kind, match: { when: isByNumber } })
  const app = await start({ callTimeoutMs: 3_000 })
  await until('the exit is sent', () => world.beacon.accepted.length > 0)
  expect(app.said('the block that was read last is not compared')).toHaveLength(1)
  expect(errors(app)).toEqual([])
})
