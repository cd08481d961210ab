import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { TOPICS } from '../../src/execution/abi.ts'
import { exitRequestLog } from '../sim/abi.ts'
import { startWebhookReceiver } from '../sim/webhook-receiver.ts'
import { until } from '../support/until.ts'
import { createWorld, cycles, type World } from '../support/world.ts'

let world: World
afterEach(() => world.close())

type LogQuery = { fromBlock: string; toBlock: string }
const queryOf = (body: string): LogQuery => JSON.parse(body).params[0]

test('a node that answers the search for votes one slow block at a time is left for another', async () => {
  world = await createWorld({ executionNodes: [{}, {}] })
  const [slow] = world.executionNodes
  const isSearch = (body: string) => body.includes(TOPICS.consensusReached)
  const isWide = (body: string) => queryOf(body).fromBlock !== queryOf(body).toBlock
  slow?.faults.add({
    kind: 'rpc-error',
    code: -32005,
    message: 'too wide',
    match: { when: ({ body }) => isSearch(body) && isWide(body) },
  })
  slow?.faults.add({
    kind: 'trickle',
    everyMs: 50,
    match: { when: ({ body }) => isSearch(body) && !isWide(body) },
  })
  world.writeMessage(1)
  world.chain.mine(3_000)
  world.ask(world.requestOf(1))

  await world.start()
  await until('the exit is sent', () => world.beacon.accepted.length > 0)
})

test('variants of a genuine event, which a node makes up, neither count nor stand in its way', async () => {
  world = await createWorld({ executionNodes: [{}, {}] })
  const receiver = await startWebhookReceiver()
  const [liar] = world.executionNodes
  const request = world.requestOf(5)
  const { dataTransaction } = world.ask(request)
  let variant = 0
  liar?.onResult('eth_getLogs', (logs: { transactionHash: string }[]) => {
    const genuine = logs.find((log) => log.transactionHash === dataTransaction.hash)
    if (genuine === undefined || !('topics' in genuine)) return logs
    if ((genuine.topics as string[])[0] !== TOPICS.validatorExitRequest) return logs
    // The first is dated beyond what a date can hold, the others are new ones each time.
    const times = [Number.MAX_SAFE_INTEGER, 1_700_000_000 + variant++, 1_700_000_000 + variant++]
    return [
      ...times.map((time) => ({
        ...genuine,
        ...exitRequestLog(world.chain.exitBus, request, time),
      })),
      ...logs,
    ]
  })

  const app = await world.start({
    MESSAGES_LOCATION: '',
    VALIDATOR_EXIT_WEBHOOK: receiver.url,
    // Kept short of the first repetition, so that one call is the only one.
    WEBHOOK_RESEND_AFTER: '600000',
  })
  await until('the webhook is called', () => receiver.calls.length > 0)
  await cycles(app, 4)

  expect(receiver.calls).toHaveLength(1)
  expect(await app.metric('event_security_verification', { result: 'success' })).toBe(1)
  expect(await app.metric('event_security_verification', { result: 'error' })).toBe(0)
  expect(app.said('exit request proven')).toHaveLength(1)
  await receiver.close()
})

test('what was settled is not acted on again after a restart, while no node answers', async () => {
  world = await createWorld()
  const receiver = await startWebhookReceiver()
  const env = {
    MESSAGES_LOCATION: '',
    VALIDATOR_EXIT_WEBHOOK: receiver.url,
    STATE_FILE: join(world.home, 'state.sqlite'),
    WEBHOOK_RESEND_AFTER: '1',
    JOB_INTERVAL: '50',
  }
  world.ask(world.requestOf(3))
  const first = await world.start(env)
  await until('the webhook is called', () => receiver.calls.length > 0)
  world.beacon.setValidator(3, { exitEpoch: 1_100, withdrawableEpoch: 1_400 })
  world.beacon.finalize()
  await until('it is settled', () => first.said('finalized state').length > 0)
  await first.end()
  const before = receiver.calls.length

  const fault = world.consensus.faults.add({
    kind: 'status',
    status: 500,
    match: { path: /validators$/ },
  })
  const second = await world.start(env)
  await until('looking up fails', () => second.said('look up validators').length > 0)
  fault.remove()
  await until(
    'it is settled again',
    async () => (await second.metric('exit_requests', { state: 'settled' })) === 1,
  )
  expect(receiver.calls).toHaveLength(before)
  await receiver.close()
})

test('a node whose finalized block stands still is told, though it says nothing wrong', async () => {
  world = await createWorld()
  const app = await world.start(
    { FINALITY_EVENTS: 'false' },
    { now: () => Date.now() + 3 * 3_600_000 },
  )
  await until('it is said', () => app.said('newest finalized block is old').length > 0)
  await cycles(app)
  expect(app.said('newest finalized block is old')).toHaveLength(1)
  expect(await app.metric('finalized_block_timestamp_seconds')).toBe(
    world.chain.timestampOf(world.chain.finalized),
  )
})

test('a range that takes a node too long is asked for in smaller parts', async () => {
  world = await createWorld()
  world.execution.faults.add({
    kind: 'hang',
    match: {
      rpc: 'eth_getLogs',
      when: ({ body }) => {
        const { fromBlock, toBlock } = queryOf(body)
        return Number(toBlock) - Number(fromBlock) > 2_000
      },
    },
  })
  world.writeMessage(1)
  world.chain.mine(9_000)
  world.ask(world.requestOf(1))

  await world.start({ BLOCKS_PRELOAD: '9000', JOB_INTERVAL: '10' }, { callTimeoutMs: 100 })
  await until('the exit is sent', () => world.beacon.accepted.length > 0)
})
