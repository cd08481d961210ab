import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { startWebhookReceiver } from '../sim/webhook-receiver.ts'
import { until } from '../support/until.ts'
import { createWorld, cycles, type World } from '../support/world.ts'
import { statusOf, statusWhen } from './status-support.ts'

const HOUR = 3_600

let world: World
afterEach(() => world.close())

const start = (more: NodeJS.ProcessEnv = {}) => world.start({ RUN_STATUS: 'true', ...more })

function askHoursAgo(hours: number, ...indices: readonly number[]) {
  const report = world.chain.submitReport({
    requests: indices.map((index) => world.requestOf(index)),
    timestamp: Math.floor(Date.now() / 1_000) - hours * HOUR,
  })
  world.chain.finalize()
  return report
}

describe('/status', () => {
  test('is served only where it is wanted', async () => {
    world = await createWorld()
    const app = await world.start()

    expect((await fetch(`${app.url}/status`)).status).toBe(404)
  })

  test('shows an open request with its age, reason and time left', async () => {
    world = await createWorld({ beacon: { validators: 20 } })
    world.writeMessage(2)
    const unsigned = {
      message: { epoch: '1', validator_index: '1' },
      signature: `0x${'ab'.repeat(96)}`,
    }
    writeFileSync(join(world.folder, '1.json'), JSON.stringify(unsigned))
    askHoursAgo(30, 1)
    askHoursAgo(50, 2)
    const app = await start({ DRY_RUN: 'true' })
    const status = await statusWhen(app, 'both are there', ({ requests }) =>
      requests.open.rows.some(({ reason }) => reason === 'no-message'),
    )
    const [urgent, other] = status.requests.open.rows

    expect(status.requests.open.total).toBe(2)
    expect(urgent).toMatchObject({
      validator: 2,
      pubkey: world.beacon.pubkey(2),
      module: 1,
      operator: 5,
      state: 'proven',
      reason: 'dry-run',
      file: '2.json',
      passed: ['delayed'],
      lateCost: null,
    })
    expect(Math.round(Number(urgent?.ageSeconds) / HOUR)).toBe(50)
    expect(Math.round(Number(urgent?.timeLeftSeconds) / HOUR)).toBe(46)
    expect(other).toMatchObject({
      validator: 1,
      reason: 'no-message',
      meaning: 'no message found',
      file: null,
      detail: expect.stringMatching(/^1\.json was rejected: bad-signature: /),
    })
    expect(status.mode).toEqual({
      delivery: 'message',
      dryRun: true,
      trustMode: false,
      onHold: false,
      network: 'hoodi',
      scope: { 1: [5] },
    })
    expect(status.messages?.refused).toMatchObject({
      total: 1,
      rows: [{ file: '1.json', validator: 1 }],
    })
    expect(status.messages?.left).toEqual({
      total: 1,
      rows: [{ validator: 2, file: '2.json', entry: 0 }],
    })
    expect(status.lastCycle).toMatchObject({ ok: true, failures: [] })
    expect(status.nodes).toEqual([
      expect.objectContaining({ layer: 'execution', up: true, synced: true, why: null }),
      expect.objectContaining({ layer: 'consensus', up: true, synced: true, why: null }),
    ])
  })

  test('tells the story of an exit', async () => {
    world = await createWorld({ beaconNodes: [{}, {}] })
    const hosts = world.beaconNodes.map(({ url }) => new URL(url).host)
    const match = { path: '/eth/v1/beacon/pool/voluntary_exits' }
    for (const node of world.beaconNodes) {
      node.faults.add({ kind: 'status', status: 400, body: 'not now', match, times: 1 })
    }
    world.writeMessage(1)
    const report = askHoursAgo(30, 1)
    const app = await start()
    await statusWhen(app, 'it is submitted', ({ requests }) =>
      requests.open.rows.some(({ state }) => state === 'submitted'),
    )
    world.beacon.advance()
    world.beacon.finalize()
    const status = await statusWhen(app, 'it has left', ({ exits }) =>
      exits.rows.some(({ state }) => state === 'settled'),
    )
    type Offers = { offers: { accepted: boolean; answers: string[] }[] }
    const [exit] = status.exits.rows as [Record<string, unknown> & Offers]

    expect(status.requests.open).toEqual({ total: 0, rows: [] })
    expect(status.exits.total).toBe(1)
    expect(exit).toMatchObject({
      validator: 1,
      state: 'settled',
      proof: { by: 'report', signers: expect.any(Array) },
    })
    expect(exit.proof).toMatchObject({
      transactions: expect.arrayContaining([report.dataTransaction.hash]),
    })
    const times = ['requestedAt', 'seenAt', 'firstOfferedAt', 'firstAcceptedAt', 'exitingAt']
    const told = [...times, 'settledAt'].map((name) => Date.parse(String(exit[name])))
    expect(told).toEqual(told.toSorted((a, b) => a - b))
    expect(exit.offers.map(({ accepted }) => accepted)).toEqual([false, true])
    expect(exit.offers[0]?.answers.toSorted()).toEqual(
      hosts.map((host) => `${host}: submit voluntary exit: node answered 400: not now`).toSorted(),
    )
    expect(exit.offers[1]?.answers[0]).toMatch(/^127\.0\.0\.1:\d+: 200$/)
    expect(status.messages?.used.rows).toEqual([{ validator: 1, file: '1.json', entry: 0 }])
  })

  test('shows what is not proven, and why', async () => {
    world = await createWorld()
    const report = askHoursAgo(1, 1)
    const app = await start({ ORACLE_ADDRESSES_ALLOWLIST: `["0x${'11'.repeat(20)}"]` })
    const status = await statusWhen(
      app,
      'it was judged',
      ({ requests, drift }) => requests.unproven.rows[0]?.reason != null && drift !== null,
    )

    expect(status.requests.open.total).toBe(0)
    expect(status.requests.unproven.rows).toMatchObject([
      { validator: 1, state: 'unproven', reason: 'unlisted-signer' },
    ])
    expect(status.requests.unproven.rows[0]?.transaction).toBe(report.dataTransaction.hash)
    expect(status.drift).toMatchObject({ stale: [`0x${'11'.repeat(20)}`] })
    expect(status.drift?.missing.toSorted()).toEqual(
      world.chain
        .signerAddresses()
        .map((address) => address.toLowerCase())
        .toSorted(),
    )
  })

  test('says that everything is held', async () => {
    world = await createWorld()
    const file = join(world.home, 'hold')
    writeFileSync(file, '')
    world.writeMessage(1)
    askHoursAgo(1, 1)
    const app = await start({ HOLD_FILE: file })
    const held = await statusWhen(app, 'it is held', ({ requests }) =>
      requests.open.rows.some(({ reason }) => reason === 'held'),
    )
    expect(held.mode.onHold).toBe(true)

    rmSync(file)
    const sent = await statusWhen(app, 'it is sent', ({ requests }) =>
      requests.open.rows.some(({ reason }) => reason === 'accepted'),
    )
    expect(sent.mode.onHold).toBe(false)
    expect(sent.requests.open.rows[0]).toMatchObject({ state: 'submitted', file: '1.json' })
  })

  test('has an answer before any node has one', async () => {
    world = await createWorld()
    await world.execution.refuse()
    const app = await start()
    const answer = await statusOf(app)

    expect(answer).toMatchObject({ version: '0.0.0-test', lastCycle: null })
    expect(answer.mode.network).toBeNull()
  })

  test('keeps its lists short, and tells how long they are', async () => {
    const asked = Array.from({ length: 1_100 }, (_, index) => index)
    world = await createWorld({ beacon: { validators: 1_101 } })
    askHoursAgo(30, ...asked)
    const app = await start()
    const { requests } = await statusWhen(app, 'all are open', ({ requests }) => {
      return requests.open.total === asked.length
    })

    expect(requests.open.rows).toHaveLength(1_000)
  })

  test('holds no secret: no signature, no password, and of a URL the host alone', async () => {
    world = await createWorld({ executionNodes: [{ basePath: '/v3/api-key-0123456789' }] })
    const url = world.execution.url.replace('http://', 'http://user:pa55-word@')
    const echo = {
      kind: 'status',
      status: 400,
      body: '',
      match: { path: /voluntary_exits/ },
    } as const
    world.writeMessage(1)
    const { signature } = world.beacon.signExit(1)
    world.consensus.faults.add({ ...echo, body: `bad signature ${signature} pa55-word` })
    askHoursAgo(1, 1)
    const app = await start({ EXECUTION_NODE: url })
    await until('it was refused', () => app.said('was not accepted').length > 0)
    world.execution.faults.add({
      kind: 'status',
      status: 404,
      body: 'Cannot POST /v3/api-key-0123456789 for pa55-word',
    })
    await until('a cycle has failed', async () => (await statusOf(app)).lastCycle?.ok === false)
    await cycles(app)
    const texts = await Promise.all(
      ['/status', '/readyz'].map(async (path) => (await fetch(app.url + path)).text()),
    )

    expect(texts[0]).toContain('<secret>')
    for (const text of texts) {
      expect(text).not.toContain('api-key-0123456789')
      expect(text).not.toContain('pa55-word')
      expect(text).not.toContain(signature.slice(2, 40))
      expect(text).not.toMatch(/https?:/)
    }
  })

  test('works in webhook mode, without messages', async () => {
    world = await createWorld()
    const receiver = await startWebhookReceiver()
    try {
      askHoursAgo(1, 1)
      const app = await start({ MESSAGES_LOCATION: '', VALIDATOR_EXIT_WEBHOOK: receiver.url })
      const status = await statusWhen(app, 'it was called', ({ requests }) =>
        requests.open.rows.some(({ state }) => state === 'submitted'),
      )
      expect(status.mode.delivery).toBe('webhook')
      expect(status.messages).toBeNull()
    } finally {
      await receiver.close()
    }
  })
})
