import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { openJournalReadOnly } from '../../src/journal/read-only.ts'
import { until } from '../support/until.ts'
import { createWorld, cycles, type World } from '../support/world.ts'

let world: World
afterEach(() => world.close())

type LogJson = { readonly topics: readonly string[]; readonly data: string }
const DAY_S = 86_400
const YEAR_2100 = Date.UTC(2100, 0, 1) / 1_000

/** This node gives every request with another time: the second word of the log's data. */
function misdate(node: World['execution'], timestamp: number): void {
  const word = timestamp.toString(16).padStart(64, '0')
  node.onResult('eth_getLogs', (logs: LogJson[], [{ topics }]) =>
    topics.length === 1
      ? logs
      : logs.map((log) => ({ ...log, data: log.data.slice(0, 66) + word + log.data.slice(130) })),
  )
}

/** A request of five days ago, without a message; and what nodes say of its time. */
async function setUp(lies: readonly (number | undefined)[]) {
  world = await createWorld({ executionNodes: lies.map(() => ({})) })
  const asked = Math.floor(Date.now() / 1_000) - 5 * DAY_S
  world.chain.submitReport({ requests: [world.requestOf(1)], timestamp: asked })
  world.chain.finalize()
  for (const [at, lie] of lies.entries()) {
    const node = world.executionNodes[at]
    if (lie !== undefined && node !== undefined) misdate(node, lie)
  }
  const file = join(world.home, 'journal.sqlite')
  const app = await world.start({ STATE_FILE: file })
  const times = () =>
    [...openJournalReadOnly(file).requests.values()].map(({ request }) => request.timestamp)
  await until('it is proven', async () => app.said('exit request proven').length > 0)
  await cycles(app, 3)
  return { app, asked, times }
}

describe('a node that misdates a genuine request', () => {
  test.each([
    ['to the year 2100, asked first', (_: number) => [YEAR_2100, undefined]],
    ['to the year 2100, asked last', (_: number) => [undefined, YEAR_2100]],
    ['to 1970', (_: number) => [0, undefined]],
    ['a day too late', (now: number) => [now - 4 * DAY_S, undefined]],
  ])('%s beside an honest one, moves no deadline', async (_, lies) => {
    const { app, asked, times } = await setUp(lies(Math.floor(Date.now() / 1_000)))

    await until('its own time counts', () => times().length === 1 && times()[0] === asked)
    expect(await app.metric('event_security_verification', { result: 'success' })).toBe(1)
    expect(app.said('exit request proven')).toHaveLength(1)
  })
})
