import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { openJournalReadOnly } from '../../src/journal/read-only.ts'
import { startWebhookReceiver } from '../sim/webhook-receiver.ts'
import { until } from '../support/until.ts'
import { createWorld, cycles, type RunningApp, type World } from '../support/world.ts'

let world: World
afterEach(() => world.close())

type LogJson = {
  readonly blockNumber: string
  readonly topics: readonly string[]
  readonly data: string
}
const DAY_S = 86_400
const YEAR_2100 = Date.UTC(2100, 0, 1) / 1_000

/** This node gives every request with another time, the second word of the log's data, and block. */
function misdate(node: World['execution'], timestamp: number): void {
  const toBlock = (block: string) => `0x${(Number(block) - 1).toString(16)}`
  const word = timestamp.toString(16).padStart(64, '0')
  node.onResult('eth_getLogs', (logs: LogJson[], [{ topics }]) =>
    topics.length === 1
      ? logs
      : logs.map((log) => ({
          ...log,
          data: log.data.slice(0, 66) + word + log.data.slice(130),
          blockNumber: toBlock(log.blockNumber),
        })),
  )
}

/** A request of five days ago, without a message; and what nodes say of its time. */
async function setUp(lies: readonly (number | undefined)[]) {
  world = await createWorld({ executionNodes: lies.map(() => ({})), beacon: { epoch: 10_000 } })
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

describe.each([
  ['asked first', [YEAR_2100, undefined]],
  ['asked last', [undefined, YEAR_2100]],
])('the year 2100, told by the node that is %s', (_, lies) => {
  test('silences no alarm: not the metric, nor the webhook, nor after a restart beside the liar alone', async () => {
    const receiver = await startWebhookReceiver()
    try {
      world = await createWorld({
        executionNodes: lies.map(() => ({})),
        beacon: { epoch: 10_000 },
      })
      const asked = Math.floor(Date.now() / 1_000) - 6 * DAY_S
      const requests = [world.requestOf(1)]
      const { dataTransaction } = world.chain.submitReport({ requests, timestamp: asked })
      world.chain.finalize()
      const liar = world.executionNodes[lies.indexOf(YEAR_2100)]
      if (liar !== undefined) misdate(liar, YEAR_2100)
      const env = {
        STATE_FILE: join(world.home, 'journal.sqlite'),
        MESSAGES_LOCATION: '',
        VALIDATOR_EXIT_WEBHOOK: receiver.url,
      }
      const overdue = (app: RunningApp) =>
        app.metric('exit_requests_overdue', { limit: 'delinquent' })

      const app = await world.start(env)
      await until('it is overdue', async () => (await overdue(app)) === 1)
      await until('it is handed out', () => receiver.calls.length > 0)
      expect(receiver.bodies()[0]).toMatchObject({
        requestedAt: new Date(asked * 1_000).toISOString(),
        blockNumber: dataTransaction.blockNumber,
      })
      await app.end()

      const again = await world.start({ ...env, EXECUTION_NODE: String(liar?.url) })
      await until('it is overdue still', async () => (await overdue(again)) === 1)
      const kept = [...openJournalReadOnly(env.STATE_FILE).requests.values()]
      expect(kept.map(({ request }) => request.timestamp)).toEqual([asked])
    } finally {
      await receiver.close()
    }
  })
})
