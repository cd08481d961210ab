import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { openJournalReadOnly } from '../../src/journal/read-only.ts'
import { until } from '../support/until.ts'
import { createWorld, type World } from '../support/world.ts'

let world: World
afterEach(() => world.close())

type LogJson = {
  readonly topics: readonly string[]
  readonly transactionHash: string
  readonly logIndex: string
}

/** Each log of a request that this node gives is followed by this many that it makes up. */
function flood(node: World['execution'], count: number, transactions: number): void {
  node.onResult('eth_getLogs', (logs: LogJson[], [{ topics }]) => {
    if (topics.length === 1) return logs
    const [model] = logs
    if (model === undefined) return logs
    const invented = Array.from({ length: count }, (_, at) => ({
      ...model,
      transactionHash: `0x${(at % transactions).toString(16).padStart(64, 'e')}`,
      logIndex: `0x${(at + 1).toString(16)}`,
    }))
    return [...invented, ...logs]
  })
}

test('a node that invents more than it may does not crowd out what another one tells', {
  timeout: 180_000,
}, async () => {
  world = await createWorld({ executionNodes: [{}, {}], beacon: { validators: 10 } })
  const [liar] = world.executionNodes
  world.writeMessage(1)
  world.ask(world.requestOf(1))
  flood(world.execution, 10_500, 3)
  const file = join(world.home, 'journal.sqlite')
  const app = await world.start({
    STATE_FILE: file,
    LOGGER_LEVEL: 'error',
    JOB_INTERVAL: '1000',
  })
  await until('the exit is sent', () => world.beacon.accepted.length > 0, 120_000)

  const host = new URL(liar?.url ?? '').host
  await until('it is said', () => app.said('told of more than 10000 exit requests').length > 0)
  const [alarm] = app.said('told of more than')
  expect(alarm).toMatchObject({ level: 'error', message: expect.stringContaining(host) })
  expect(openJournalReadOnly(file).requests.size).toBeLessThanOrEqual(10_001)
})
