import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { until } from '../support/until.ts'
import { createWorld, cycles, type World } from '../support/world.ts'

let world: World
afterEach(() => world.close())

const KEY = 'q7Zt4hV9xK2mB8nR5wL3cY6dF1gJ0pSa'
/** Wherever it is cut, a key is cut. */
const LONG_WORDS = `${KEY} `.repeat(40)
/** Enough to tell one key from another. */
const PIECES = [...Array(KEY.length - 7).keys()].map((at) => KEY.slice(at, at + 8))

test('nothing of a key in a long answer of a node is kept, served or logged', async () => {
  world = await createWorld({ beaconNodes: [{ basePath: `/v3/${KEY}` }] })
  const { chain, home } = world
  world.writeMessage(1)
  world.ask(world.requestOf(1))
  // One node says it of blocks, the other one of an exit, with 400, and with 200.
  const prunedError = { code: -32_602, message: LONG_WORDS }
  world.execution.set({ firstLogBlock: chain.finalized - 5_000, prunedError })
  const rejection = { code: 400, message: LONG_WORDS }
  const match = { path: /voluntary_exits/ }
  world.consensus.faults.add({ kind: 'status', status: 400, body: rejection, times: 2, match })
  world.consensus.faults.add({ kind: 'wrong-schema', body: rejection, times: 2, match })
  const app = await world.start({
    STATE_FILE: join(home, 'journal.sqlite'),
    BLOCKS_PRELOAD: '20000',
    RUN_STATUS: 'true',
    JOB_INTERVAL: '20',
  })
  await until('the exit is accepted', () => world.beacon.accepted.length > 0)
  await until('blocks are unread', async () => ((await app.metric('unread_blocks')) ?? 0) > 0)
  await cycles(app)

  const served = await Promise.all(
    ['status', 'metrics', 'readyz', 'health'].map(async (path) =>
      (await fetch(`${app.url}/${path}`)).text(),
    ),
  )
  await app.end()
  const kept = readdirSync(home).filter((name) => name.startsWith('journal'))
  const files = kept.map((name) => readFileSync(join(home, name), 'latin1'))
  const everything = [...served, ...files, JSON.stringify(app.lines)].join('\n')
  expect(everything).toContain('-32602')
  expect(everything).toContain('400')
  expect(PIECES.filter((piece) => everything.includes(piece))).toEqual([])
})

test('a pool that answers 200 with an error in its body has not accepted: it is offered again', async () => {
  world = await createWorld()
  world.writeMessage(1)
  world.ask(world.requestOf(1))
  const body = { code: 400, message: 'Invalid voluntary exit' }
  const match = { path: /voluntary_exits/ }
  world.consensus.faults.add({ kind: 'wrong-schema', body, times: 3, match })
  const app = await world.start({ JOB_INTERVAL: '20' })
  await until('the exit is accepted', () => world.beacon.accepted.length > 0)
  await until('it is counted', async () => {
    return (await app.metric('exit_actions', { result: 'success' })) === 1
  })
  // In the next cycles, not after the pause that follows an acceptance.
  expect(world.consensus.postedExits().length).toBeGreaterThanOrEqual(4)
  expect(await app.metric('exit_actions', { result: 'error' })).toBe(1)
  const [refused] = app.said('exit was not accepted')
  expect(JSON.stringify(refused)).toContain('Invalid voluntary exit')
})
