import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { openJournalReadOnly } from '../../src/journal/read-only.ts'
import { createFinalityWorld, type FinalityWorld } from '../support/finality.ts'
import { reasonsFor } from '../support/liar.ts'
import { until } from '../support/until.ts'
import { cycles, type RunningApp, type WorldOptions } from '../support/world.ts'

let world: FinalityWorld
afterEach(() => world?.close())

const ASKED = 1
const DAY_MS = 86_400_000
const setUp = async (options?: WorldOptions) => {
  world = await createFinalityWorld(options)
  world.writeMessage(ASKED)
  return world
}
const sent = () => until('it is sent', () => world.beacon.accepted.length > 0)
const told = (app: RunningApp) =>
  until('it is told', () => {
    const reasons = reasonsFor(app, ASKED)
    return reasons.length > 0 && reasons
  })
const errors = (app: RunningApp) => app.metric('event_security_verification', { result: 'error' })
type LogJson = {
  readonly topics: readonly string[]
  readonly data: string
  readonly logIndex: string
}
/** This node changes every log of a request. */
const retellLogs = (node: FinalityWorld['execution'], change: (log: LogJson) => object) =>
  node.onResult('eth_getLogs', (logs: LogJson[], [{ topics }]) =>
    topics.length === 1 ? logs : logs.map((log) => ({ ...log, ...change(log) })),
  )

describe('with PROOF=finality', () => {
  test('a request is proven without any list, and it is said by what', async () => {
    const { askFinal, finality, chain } = await setUp()
    const { dataTransaction } = await askFinal(ASKED)
    const app = await world.start(finality())
    await sent()

    const [proof] = app.said('exit request proven')
    expect(proof?.details).toMatchObject({
      by: 'finality',
      finalizedBlock: chain.hashOf(dataTransaction.blockNumber),
      confirmedBy: [new URL(world.consensus.url).host],
    })
    await cycles(app, 2)
    expect(world.execution.rpcCalls('eth_getTransactionByHash')).toEqual([])
    expect(app.said('ORACLE_ADDRESSES_ALLOWLIST')).toEqual([])
  })

  test('a clock that is days behind keeps no request from its proof', async () => {
    const { askFinal, finality, consensus } = await setUp()
    const down = consensus.faults.add({ kind: 'status', status: 503, match: { path: /blocks/ } })
    await askFinal(ASKED)
    const app = await world.start(finality(), { now: () => Date.now() - 2 * DAY_MS })
    await cycles(app, 2)
    down.remove()
    await sent()
  })

  test('nor one that counted otherwise while the votes were the proof', async () => {
    const { askFinal, finality, home } = await setUp()
    await askFinal(ASKED)
    const file = { STATE_FILE: join(home, 'state.sqlite') }
    const behind = { now: () => Date.now() - 2 * DAY_MS }
    const before = await world.start({ ...file, DRY_RUN: 'true' }, behind)
    await until('it is proven', () => before.said('exit request proven').length > 0)
    await cycles(before, 2)
    await before.end()
    const [kept] = openJournalReadOnly(file.STATE_FILE).requests.values()
    expect(kept?.request.logged?.timestamp).toBeGreaterThan(Number(kept?.request.timestamp))

    await world.start(finality(file))
    await sent()
  })

  test('500 requests of a block cost one question to each node', async () => {
    world = await createFinalityWorld({ beacon: { validators: 500 }, beaconNodes: [{}, {}] })
    const indices = Array.from({ length: 500 }, (_, at) => at)
    await world.askFinal(...indices)
    const app = await world.start(world.finality())
    await until('all are proven', async () => {
      const proven = await app.metric('event_security_verification', { result: 'success' })
      return proven === 500
    })
    await cycles(app, 2)

    expect(world.execution.rpcCalls('eth_getBlockReceipts')).toHaveLength(1)
    for (const node of world.beaconNodes) {
      const slot = world.slotOf(world.chain.head)
      const asked = node.calls.filter(({ path }) => path.endsWith(`/${slot}`))
      expect(asked).toHaveLength(1)
    }
  })

  test.each<[string, string, (log: LogJson) => object]>([
    [
      'an event for another validator',
      'not-in-block',
      ({ topics }) => ({
        topics: topics.with(3, `0x${'2'.padStart(64, '0')}`),
      }),
    ],
    [
      'an event with another key',
      'not-in-block',
      ({ data }) => ({
        data: `${data.slice(0, 200)}ff${data.slice(202)}`,
      }),
    ],
    ['the event at another place', 'not-in-block', () => ({ logIndex: '0x7' })],
    [
      'the event in another block',
      'block-contradicted',
      () => ({ blockHash: `0x${'ab'.repeat(32)}` }),
    ],
    [
      'the event a slot later',
      'answer-missing',
      ({ data }) => ({
        data:
          data.slice(0, 66) +
          (BigInt(`0x${data.slice(66, 130)}`) + 12n).toString(16).padStart(64, '0') +
          data.slice(130),
      }),
    ],
    [
      'the event between two slots',
      'no-slot',
      ({ data }) => ({
        data:
          data.slice(0, 66) +
          (BigInt(`0x${data.slice(66, 130)}`) + 1n).toString(16).padStart(64, '0') +
          data.slice(130),
      }),
    ],
  ])('%s is not proven: %s', async (_, reason, change) => {
    const { askFinal, finality, execution } = await setUp()
    world.writeMessage(2)
    await askFinal(ASKED)
    retellLogs(execution, change)
    const app = await world.start(finality())
    const line = await until('it is told', () => app.said('not proven')[0])
    await cycles(app, 3)

    expect(line.details?.reason).toBe(reason)
    expect(await errors(app)).toBe(reason === 'answer-missing' ? 0 : 1)
    expect(world.consensus.postedExits()).toEqual([])
  })

  test('receipts that are not those of the block are passed over, and the node is named', async () => {
    const { askFinal, finality, executionNodes } = await setUp({ executionNodes: [{}, {}] })
    const [liar] = executionNodes
    liar?.onResult('eth_getBlockReceipts', (receipts: object[]) =>
      receipts.map((one) => ({ ...one, status: '0x0' })),
    )
    liar?.onResult('eth_getTransactionReceipt', (one: object) => ({ ...one, status: '0x0' }))
    await askFinal(ASKED)
    const app = await world.start(finality())
    await sent()

    const [alarm] = app.said('receipts that are not those of the block')
    expect(alarm).toMatchObject({
      level: 'error',
      details: { node: new URL(liar?.url ?? '').host, fault: 'receipts-differ' },
    })
  })

  test('a consensus node that names another block unproves, with an alarm', async () => {
    const { askFinal, finality, beaconNodes } = await setUp({ beaconNodes: [{}, {}] })
    beaconNodes[1]?.faults.add({
      kind: 'wrong-schema',
      body: {
        finalized: true,
        execution_optimistic: false,
        data: {
          message: {
            slot: String(world.slotOf(world.chain.head + 3)),
            body: {
              execution_payload_header: {
                block_hash: `0x${'cd'.repeat(32)}`,
                receipts_root: `0x${'cd'.repeat(32)}`,
              },
            },
          },
        },
      },
      match: { path: /blinded_blocks/ },
    })
    await askFinal(ASKED)
    const app = await world.start(finality())

    expect(await told(app)).toEqual(['nodes-contradict'])
    await cycles(app, 3)
    expect(await errors(app)).toBe(1)
    expect(world.consensus.postedExits()).toEqual([])
  })

  test('a consensus node that cannot tell stands not against one that can', async () => {
    const { askFinal, finality, beaconNodes } = await setUp({ beaconNodes: [{}, {}] })
    beaconNodes[0]?.faults.add({ kind: 'status', status: 404, match: { path: /blocks\/\d/ } })
    await askFinal(ASKED)
    await world.start(finality())
    await sent()
  })

  test.each([
    ['knows no block there', { kind: 'status', status: 404, match: { path: /blocks\/\d/ } }],
    ['does not answer', { kind: 'reset', match: { path: /blocks\/\d/ } }],
    ['fails', { kind: 'status', status: 500, match: { path: /blocks\/\d/ } }],
  ] as const)(
    'a consensus node that %s leaves the request waiting, and counts no error',
    async (_, fault) => {
      const { askFinal, finality, consensus } = await setUp()
      const added = consensus.faults.add(fault)
      await askFinal(ASKED)
      const app = await world.start(finality({ JOB_INTERVAL: '50' }))
      expect(await told(app)).toEqual(['answer-missing'])
      await cycles(app, 3)
      expect(await errors(app)).toBe(0)

      consensus.faults.clear()
      expect(added.hits).toBeGreaterThan(0)
      await sent()
    },
  )

  test.each([
    [
      'the whole block where no blinded one is served',
      { kind: 'status', status: 405, match: { path: /blinded_blocks/ } },
    ],
    [
      'the whole block where blinded ones are unknown',
      { kind: 'status', status: 404, match: { path: /blinded_blocks/ } },
    ],
  ] as const)('asks for %s', async (_, fault) => {
    const { askFinal, finality, consensus } = await setUp()
    consensus.faults.add(fault)
    await askFinal(ASKED)
    await world.start(finality())
    await sent()
  })

  test.each([
    [
      'by number',
      (node: FinalityWorld['execution']) =>
        node.onResult('eth_getBlockReceipts', (found: unknown, [block]) =>
          String(block).length === 66 ? null : found,
        ),
    ],
    [
      'one by one',
      (node: FinalityWorld['execution']) =>
        void node.faults.add({
          kind: 'rpc-error',
          code: -32_601,
          message: 'no such method',
          match: { rpc: 'eth_getBlockReceipts' },
        }),
    ],
  ])('asks for receipts %s where the block gives none', async (_, spoil) => {
    const { askFinal, finality, execution } = await setUp()
    spoil(execution)
    await askFinal(ASKED)
    await world.start(finality())
    await sent()
  })
})

test('PROOF=finality ends the start where the exit bus is not known', async () => {
  await setUp({ execution: { chainId: 1337n }, beacon: { chainId: 1337n } })
  const app = await world.start(world.finality({ EXIT_BUS_ADDRESS: '' }))

  await expect(app.ended).rejects.toThrow('set EXIT_BUS_ADDRESS')
})

test('an EXIT_BUS_ADDRESS that is not that of a known network is told, once', async () => {
  await setUp()
  const app = await world.start(world.finality())
  await cycles(app, 2)

  expect(app.said('EXIT_BUS_ADDRESS').map(({ level }) => level)).toEqual(['warn'])
})

describe('two proofs', () => {
  const rotated = () => JSON.stringify([`0x${'12'.repeat(20)}`])

  test.each([
    ['either', 'finality', () => rotated()],
    ['either', 'report', () => undefined],
  ])('with PROOF=%s, %s is enough', async (proof, by, allowlist) => {
    const { chain, askFinal, finality, consensus } = await setUp()
    if (by === 'report')
      consensus.faults.add({ kind: 'status', status: 404, match: { path: /blocks\/\d/ } })
    await askFinal(ASKED)
    const signers = allowlist() ?? JSON.stringify(chain.signerAddresses())
    const app = await world.start(finality({ PROOF: proof, ORACLE_ADDRESSES_ALLOWLIST: signers }))
    await sent()

    expect(app.said('exit request proven')[0]?.details).toMatchObject({ by })
  })

  test('with PROOF=both, one is not enough, and two are', async () => {
    const { chain, askFinal, finality, consensus } = await setUp()
    consensus.faults.add({ kind: 'status', status: 404, match: { path: /blocks\/\d/ } })
    await askFinal(ASKED)
    const signers = JSON.stringify(chain.signerAddresses())
    const app = await world.start(
      finality({ PROOF: 'both', ORACLE_ADDRESSES_ALLOWLIST: signers, JOB_INTERVAL: '50' }),
    )
    expect(await told(app)).toEqual(['answer-missing'])
    expect(consensus.postedExits()).toEqual([])

    consensus.faults.clear()
    await sent()
    expect(app.said('exit request proven')[0]?.details).toMatchObject({
      by: 'report',
      finalizedBlock: expect.any(String),
    })
  })

  test('with PROOF=both, a rotated key is not enough', async () => {
    const { askFinal, finality } = await setUp()
    await askFinal(ASKED)
    const app = await world.start(
      finality({ PROOF: 'both', ORACLE_ADDRESSES_ALLOWLIST: rotated() }),
    )

    expect(await told(app)).toEqual(['unlisted-signer'])
    await cycles(app, 3)
    expect(world.consensus.postedExits()).toEqual([])
  })
})

describe('beside PROOF=oracle', () => {
  const oracle = (more: NodeJS.ProcessEnv = {}) => ({
    EXIT_BUS_ADDRESS: world.chain.exitBus,
    ...more,
  })

  test('a genuine request of an unlisted signer is told as a list that is out of date', async () => {
    const { askFinal } = await setUp()
    await askFinal(ASKED)
    const strangers = JSON.stringify([`0x${'12'.repeat(20)}`])
    const app = await world.start(
      oracle({ ORACLE_ADDRESSES_ALLOWLIST: strangers, JOB_INTERVAL: '50' }),
    )
    await until(
      'it is told',
      () => app.said('exit request is finalized, but its proof fails').length > 0,
    )
    await cycles(app, 3)

    expect(app.said('exit request is finalized, but its proof fails')).toHaveLength(1)
    expect(app.said('exit request is invented')).toEqual([])
    expect(reasonsFor(app, ASKED)).toEqual(['unlisted-signer'])
    expect(world.consensus.postedExits()).toEqual([])
  })

  test('an event that no block holds is told as invented', async () => {
    const { askFinal, execution } = await setUp()
    await askFinal(ASKED)
    retellLogs(execution, ({ topics }) => ({
      topics: topics.with(3, `0x${'2'.padStart(64, '0')}`),
    }))
    const app = await world.start(oracle())
    await until('it is told', () => app.said('exit request is invented').length > 0)
    await cycles(app, 3)

    expect(app.said('exit request is invented')).toHaveLength(1)
    expect(app.said('exit request is finalized, but its proof fails')).toEqual([])
  })

  test('costs nothing while all is proven', async () => {
    const { askFinal, consensus } = await setUp()
    await askFinal(ASKED)
    const app = await world.start(oracle())
    await sent()
    await cycles(app, 2)

    const slot = world.slotOf(world.chain.head)
    expect(consensus.calls.filter(({ path }) => path.endsWith(`/${slot}`))).toEqual([])
  })
})
