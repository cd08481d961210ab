import { afterEach, describe, expect, test } from 'vitest'
import { startWebhookReceiver } from '../sim/webhook-receiver.ts'
import { until } from '../support/until.ts'
import { createWorld, cycles, type World, type WorldOptions } from '../support/world.ts'

let world: World
let receiver: Awaited<ReturnType<typeof startWebhookReceiver>>
afterEach(async () => {
  await world.close()
  await receiver.close()
})

async function setUp(options?: WorldOptions) {
  world = await createWorld(options)
  receiver = await startWebhookReceiver()
}
const start = (more: NodeJS.ProcessEnv = {}) =>
  world.start({ MESSAGES_LOCATION: '', VALIDATOR_EXIT_WEBHOOK: receiver.url, ...more })
const called = (times = 1) =>
  until(`${times} calls`, () => receiver.calls.length >= times && receiver.calls)

describe('the webhook', () => {
  test('is told what the protocol asked for, once', async () => {
    await setUp()
    const { dataTransaction } = world.ask(world.requestOf(3))
    const app = await start()
    const [call] = await called()
    await cycles(app, 3)

    expect(receiver.calls).toHaveLength(1)
    expect(call?.method).toBe('POST')
    expect(call?.headers['content-type']).toBe('application/json')
    const timestamp = world.chain.timestampOf(dataTransaction.blockNumber)
    expect(JSON.parse(call?.body ?? '')).toEqual({
      validatorIndex: '3',
      validatorPubkey: world.beacon.pubkey(3),
      blockNumber: dataTransaction.blockNumber,
      stakingModuleId: 1,
      nodeOperatorId: 5,
      acknowledged: false,
      transactionHash: dataTransaction.hash,
      requestedAt: new Date(timestamp * 1_000).toISOString(),
      deadline: new Date((timestamp + 96 * 3_600) * 1_000).toISOString(),
    })
    expect(await app.metric('exit_actions', { result: 'success' })).toBe(1)
    const text = await app.metrics()
    expect(text).toContain('mode="webhook"')
    expect(text).not.toContain('exit_messages_left_')
  })

  test.each([
    [{}, 'authorization', 'Bearer s3cret'],
    [{ WEBHOOK_HEADER: 'AUTHORIZATION' }, 'authorization', 'Bearer s3cret'],
    [{ WEBHOOK_HEADER: 'X-Token' }, 'x-token', 's3cret'],
  ])('gets its token, %j', async (more, header, value) => {
    await setUp()
    world.ask(world.requestOf(3))
    await start({ WEBHOOK_TOKEN: 's3cret', ...more })
    const [call] = await called()
    expect(call?.headers[header]).toBe(value)
  })

  test.each([401, 403])('that answers with %i: the log says what to check', async (status) => {
    await setUp()
    receiver.faults.add({ kind: 'status', status })
    world.ask(world.requestOf(3))
    const app = await start({ WEBHOOK_TOKEN: 's3cret' })
    const [line] = await until('it is said', () => {
      const said = app.said('exit was not accepted')
      return said.length > 0 && said
    })
    const text = JSON.stringify(line)
    expect(text).toMatch(new RegExp(`${status}.* \\(check WEBHOOK_TOKEN and WEBHOOK_HEADER\\)`))
    expect(text).not.toContain('s3cret')
  })

  test('gets its token in place of the credentials in its URL', async () => {
    await setUp()
    world.ask(world.requestOf(3))
    const url = receiver.url.replace('http://', 'http://user:pass@')
    await start({ VALIDATOR_EXIT_WEBHOOK: url, WEBHOOK_TOKEN: 's3cret' })
    const [call] = await called()
    expect(call?.headers.authorization).toBe('Bearer s3cret')
  })

  test('misses nothing while it is down, and is called once for each exit on its return', async () => {
    await setUp()
    await receiver.refuse()
    const indices = [0, 1, 2, 3, 4, 5, 6, 7]
    world.ask(...indices.map((index) => world.requestOf(index)))
    const app = await start({ JOB_INTERVAL: '50' })
    await until('it is said', () => app.said('not accepted').length > 0)
    await cycles(app, 5)
    await receiver.revive()
    await called(indices.length)
    await cycles(app, 5)

    const told = receiver.bodies().map(({ validatorIndex }) => Number(validatorIndex))
    expect(told.toSorted((a, b) => a - b)).toEqual(indices)
  })

  test('is called again with the same key while the validator stays active', async () => {
    await setUp()
    world.ask(world.requestOf(3))
    await start({ JOB_INTERVAL: '50', WEBHOOK_RESEND_AFTER: '300' })
    const [first, second] = await called(2)

    expect(Number(second?.at) - Number(first?.at)).toBeGreaterThanOrEqual(290)
    expect(second?.headers['idempotency-key']).toBe(first?.headers['idempotency-key'])
    expect(first?.headers['idempotency-key']).toContain('3')
  })

  test('is left alone once the validator is exiting', async () => {
    await setUp()
    world.ask(world.requestOf(3))
    const app = await start({ JOB_INTERVAL: '50', WEBHOOK_RESEND_AFTER: '100' })
    await called()
    world.beacon.setValidator(3, { exitEpoch: 1_100, withdrawableEpoch: 1_400 })
    world.beacon.finalize()
    await until(
      'it is settled',
      async () => (await app.metric('exit_requests', { state: 'settled' })) === 1,
    )
    const before = receiver.calls.length
    await cycles(app, 4)
    expect(receiver.calls).toHaveLength(before)
  })

  test('is tried again as often as configured, and in the next cycle', async () => {
    await setUp()
    receiver.faults.add({ kind: 'status', status: 503, body: 'down' })
    world.ask(world.requestOf(3))
    const app = await start({ WEBHOOK_MAX_RETRIES: '1', JOB_INTERVAL: '600000' })
    await until('it is said', () => app.said('not accepted').length > 0)
    expect(receiver.calls).toHaveLength(2)
    expect(JSON.stringify(app.said('not accepted'))).toContain('503: down')
  })

  test.each(['hang', 'hang-body', 'endless'] as const)(
    'a receiver that does not answer in time is called again: %s',
    async (kind) => {
      await setUp()
      receiver.faults.add({ kind, times: 1 })
      world.ask(world.requestOf(3))
      const app = await start({ WEBHOOK_ABORT_TIMEOUT_MS: '100', JOB_INTERVAL: '50' })
      await called(2)
      await until(
        'it is accepted',
        async () => (await app.metric('exit_actions', { result: 'success' })) === 1,
      )
    },
  )

  test('does not follow a redirect', async () => {
    await setUp()
    const other = await startWebhookReceiver()
    receiver.faults.add({ kind: 'redirect', location: other.url, times: 1 })
    world.ask(world.requestOf(3))
    const app = await start({ WEBHOOK_TOKEN: 's3cret' })
    await called(2)
    expect(other.calls).toEqual([])
    expect(app.said(`HTTP 307: redirects to ${other.url}`).length).toBeGreaterThan(0)
    await other.close()
  })

  test('DRY_RUN says what it would call, and calls nobody', async () => {
    await setUp()
    world.ask(world.requestOf(3))
    const app = await start({ DRY_RUN: 'true' })
    await until('it sums up', () => app.said('dry run: 1 ready, 0 missing').length > 1)
    const said = app.said('dry run: would call the webhook')
    expect(said).toHaveLength(1)
    expect(said[0]?.details).toMatchObject({
      host: new URL(receiver.url).host,
      body: { validatorIndex: '3', acknowledged: false, stakingModuleId: 1, nodeOperatorId: 5 },
    })
    expect(receiver.calls).toEqual([])
  })
})
