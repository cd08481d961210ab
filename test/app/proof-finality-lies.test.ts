import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { exitRequestLog } from '../sim/abi.ts'
import { seededAddress } from '../sim/contracts.ts'
import { receiptsOf } from '../sim/execution-rpc.ts'
import { seededWallet } from '../sim/ledger.ts'
import { createFinalityWorld, type FinalityWorld } from '../support/finality.ts'
import { reasonsFor } from '../support/liar.ts'
import { until } from '../support/until.ts'
import { cycles, type RunningApp, type WorldOptions } from '../support/world.ts'

let world: FinalityWorld
afterEach(() => world?.close())

const ASKED = 1
const INVENTED = 2
const setUp = async (options?: WorldOptions) => {
  world = await createFinalityWorld(options)
  world.writeMessage(ASKED)
  world.writeMessage(INVENTED)
  return world
}
const sent = () => until('it is sent', () => world.beacon.accepted.length > 0)
const told = (app: RunningApp, index = ASKED) =>
  until('it is told', () => {
    const reasons = reasonsFor(app, index)
    return reasons.length > 0 && reasons
  })
const errors = (app: RunningApp) => app.metric('event_security_verification', { result: 'error' })
const found = (app: RunningApp, finding: string) => app.metric('unproven_requests', { finding })
const hostOf = ({ url }: { url: string }) => new URL(url).host

type Receipt = { logs: Readonly<Record<string, unknown>>[] } & Readonly<Record<string, unknown>>
/** Whatever way they are asked for, this node gives these receipts. */
function retellReceipts(node: FinalityWorld['execution'], change: (one: Receipt) => object): void {
  node.onResult('eth_getBlockReceipts', (all: Receipt[] | null) => all?.map(change) ?? null)
  node.onResult('eth_getTransactionReceipt', (one: Receipt | null) => one && change(one))
}
const inLogs = (change: object) => (one: Receipt) => ({
  ...one,
  logs: one.logs.map((log) => ({ ...log, ...change })),
})
/** The Locator of this node leads to another exit bus, which answers as the real one. */
function leadTo(node: FinalityWorld['execution'], another: string): void {
  const { chain } = world
  node.onResult('eth_call', (result: string, [{ to }]) =>
    to.toLowerCase() === another
      ? `0x${chain.consensus.slice(2).padStart(64, '0')}`
      : result.replace(chain.exitBus.slice(2), another.slice(2)),
  )
}
/** What `/status` lists as not proven. */
async function unprovenRows(app: RunningApp) {
  const { requests } = (await (await fetch(`${app.url}/status`)).json()) as {
    requests: { unproven: { rows: { validator: number; detail: string }[] } }
  }
  return requests.unproven.rows
}
/** An event of this contract, in a block with a payload of its own. */
async function invent(contract: string): Promise<void> {
  const { chain } = world
  const logs = [
    exitRequestLog(contract, world.requestOf(INVENTED), chain.timestampOf(chain.head + 1)),
  ]
  chain.addTransaction({ signer: seededWallet('liar'), to: contract, logs })
  chain.finalize()
}

describe('lies of the only execution node', () => {
  test.each<[string, (one: Receipt) => object]>([
    ['another type', (one) => ({ ...one, type: '0x1' })],
    ['another status', (one) => ({ ...one, status: '0x0' })],
    ['other gas', (one) => ({ ...one, cumulativeGasUsed: '0x1' })],
    ['another bloom', (one) => ({ ...one, logsBloom: `0x${'ff'.repeat(256)}` })],
    ['no logs', (one) => ({ ...one, logs: [] })],
    ['a log twice', (one) => ({ ...one, logs: [...one.logs, ...one.logs] })],
    ['a log of another contract', inLogs({ address: seededAddress('another') })],
    ['other topics', inLogs({ topics: [`0x${'12'.repeat(32)}`] })],
    ['other data', inLogs({ data: '0x12' })],
  ])(
    'receipts with %s: not proven, an alarm, and sent once it tells the truth',
    async (_, change) => {
      const { askFinal, finality, execution, consensus } = await setUp()
      retellReceipts(execution, change)
      await askFinal(ASKED)
      const app = await world.start(finality({ JOB_INTERVAL: '50' }))

      expect(await told(app)).toEqual(['answer-missing'])
      expect(app.said('receipts that are not those of the block')[0]).toMatchObject({
        level: 'error',
        details: { node: hostOf(execution), fault: 'receipts-differ' },
      })
      await cycles(app, 2)
      expect(consensus.postedExits()).toEqual([])
      expect(await errors(app)).toBe(0)

      execution.tellTruth()
      await sent()
    },
  )

  test('receipts of another block', async () => {
    const { askFinal, finality, execution, consensus, chain } = await setUp()
    const { dataTransaction } = await askFinal(ASKED)
    const voted = chain.head - 1
    const others = receiptsOf(chain, voted)
    execution.onResult('eth_getBlockReceipts', () => others)
    execution.onResult('eth_getTransactionReceipt', () => others[0])
    const app = await world.start(finality())

    expect(await told(app)).toEqual(['answer-missing'])
    expect(voted).not.toBe(dataTransaction.blockNumber)
    await cycles(app, 2)
    expect(consensus.postedExits()).toEqual([])
  })
})

test('an event of another contract is not read, or not proven where the Locator is a lie too', async () => {
  const { finality, execution, consensus } = await setUp()
  const another = seededAddress('another exit bus')
  await invent(another)
  await world.seal()
  leadTo(execution, another)
  const app = await world.start(finality())

  expect(await told(app, INVENTED)).toEqual(['unknown-contract'])
  const alarms = app.said('the Locator leads to the exit bus')
  expect(alarms.map(({ level }) => level)).toEqual(['error'])
  await cycles(app, 2)
  expect(app.said('the Locator leads to the exit bus')).toHaveLength(1)
  expect(consensus.postedExits()).toEqual([])
})

test('EXIT_BUS_ADDRESS is read also where the Locator leads elsewhere, with one alarm', async () => {
  const { askFinal, finality, execution } = await setUp()
  await askFinal(ASKED)
  leadTo(execution, seededAddress('another exit bus'))
  const app = await world.start(finality())
  await sent()

  expect(app.said('the Locator leads to the exit bus').map(({ level }) => level)).toEqual(['error'])
})

test('what a node invents beside an honest one is not proven, and the liar is named', async () => {
  const { askFinal, finality, executionNodes, consensus, beacon } = await setUp({
    executionNodes: [{}, {}],
  })
  const [liar, honest] = executionNodes as [FinalityWorld['execution'], FinalityWorld['execution']]
  await askFinal(ASKED)
  type Log = { readonly topics: readonly string[] }
  liar.onResult('eth_getLogs', (logs: Log[]) =>
    logs.map((log) =>
      log.topics.length === 4
        ? { ...log, topics: log.topics.with(3, `0x${'2'.padStart(64, '0')}`) }
        : log,
    ),
  )
  const app = await world.start(finality({ RUN_STATUS: 'true' }))
  await sent()

  expect(await told(app, INVENTED)).toEqual(['not-in-block'])
  await until('it is measured', async () => (await found(app, 'invented')) === 1)
  expect(await found(app, 'finalized')).toBe(0)
  const rows = await unprovenRows(app)
  expect(rows).toMatchObject([
    { validator: INVENTED, detail: expect.stringContaining(`${hostOf(liar)} invents it`) },
  ])
  expect(JSON.stringify(rows)).not.toContain(hostOf(honest))
  await cycles(app, 2)
  expect(beacon.accepted.map(({ index }) => index)).toEqual([ASKED])
  const posted = consensus.postedExits() as { message: { validator_index: string } }[]
  expect(new Set(posted.map(({ message }) => message.validator_index))).toEqual(new Set(['1']))
})

describe('what the only consensus node says of the slot', () => {
  type Block = {
    readonly finalized?: boolean
    readonly execution_optimistic?: boolean
    readonly data: { readonly message: { readonly slot: string; readonly body: object } }
  }
  const BLOCKS = /\/(blinded_blocks|blocks)\/\d+$/
  const retell = (change: (body: Block) => object) =>
    world.consensus.onResult(BLOCKS, (body) => change(body as Block))
  const inMessage = (changes: object) => (body: Block) => ({
    ...body,
    data: { message: { ...body.data.message, ...changes } },
  })
  const payload = { block_hash: `0x${'cd'.repeat(32)}`, receipts_root: `0x${'cd'.repeat(32)}` }

  test.each<[string, string, (body: Block) => object, number]>([
    [
      'another block hash',
      'block-contradicted',
      inMessage({ body: { execution_payload_header: payload } }),
      1,
    ],
    ['no payload', 'unsupported', inMessage({ body: {} }), 1],
    [
      'an optimistic block',
      'answer-missing',
      (body) => ({ ...body, execution_optimistic: true }),
      0,
    ],
    ['a block that is not final', 'answer-missing', (body) => ({ ...body, finalized: false }), 0],
    ['a block of another slot', 'answer-missing', inMessage({ slot: '7' }), 0],
    ['no body', 'answer-missing', () => ({}), 0],
  ])('%s: %s', async (_, reason, change, count) => {
    const { askFinal, finality, consensus } = await setUp()
    retell(change)
    await askFinal(ASKED)
    const app = await world.start(finality())

    expect(await told(app)).toEqual([reason])
    await cycles(app, 3)
    expect(await errors(app)).toBe(count)
    expect(consensus.postedExits()).toEqual([])
  })

  test('a root that no receipts have is never proven, and blames nobody for an event', async () => {
    const { askFinal, finality, consensus } = await setUp()
    await askFinal(ASKED)
    retell((body) =>
      JSON.parse(
        JSON.stringify(body).replace(
          /"receipts_root":"0x\w+"/,
          `"receipts_root":"${payload.receipts_root}"`,
        ),
      ),
    )
    const app = await world.start(finality())

    expect(await told(app)).toEqual(['answer-missing'])
    await cycles(app, 2)
    expect(await found(app, 'invented')).toBe(0)
    expect(consensus.postedExits()).toEqual([])
  })

  test('where it does not say whether the block is final, the finalized header does', async () => {
    const { askFinal, finality, consensus, beacon } = await setUp()
    retell(({ finalized: _, ...body }) => body)
    await askFinal(ASKED)
    const lift = consensus.onResult(/\/headers\/finalized$/, ({ data, ...body }) => ({
      ...body,
      data: { ...data, header: { message: { ...data.header.message, slot: '1' } } },
    }))
    const app = await world.start(finality({ JOB_INTERVAL: '50' }))
    expect(await told(app)).toEqual(['answer-missing'])
    await cycles(app, 2)
    expect(consensus.postedExits()).toEqual([])

    lift()
    await sent()
    expect(beacon.accepted).toHaveLength(1)
  })
})

describe('once a request is proven', () => {
  const questions = () => [
    ...world.execution.rpcCalls('eth_getBlockReceipts'),
    ...world.beaconNodes.flatMap((node) =>
      node.calls.filter(({ path }) => path.endsWith(`/${world.slotOf(world.chain.head)}`)),
    ),
  ]

  test.each(['finality', 'both'])(
    'with PROOF=%s a restart asks nobody about it again',
    async (proof) => {
      const { askFinal, finality, chain, beacon } = await setUp()
      const env = finality({
        PROOF: proof,
        ORACLE_ADDRESSES_ALLOWLIST: JSON.stringify(chain.signerAddresses()),
        STATE_FILE: join(world.home, 'state.sqlite'),
      })
      await askFinal(ASKED)
      const first = await world.start(env)
      await sent()
      await cycles(first, 2)
      const asked = questions().length
      await first.end()

      const second = await world.start(env)
      await until('it is proven', () => second.said('exit request proven').length > 0)
      await cycles(second, 2)
      expect(questions()).toHaveLength(asked)
      expect(await second.metric('event_security_verification', { result: 'success' })).toBe(1)
      expect(beacon.accepted).toHaveLength(1)
    },
  )

  test('the word of a consensus node that is no longer configured counts no more', async () => {
    const { askFinal, finality, beaconNodes, consensus } = await setUp({ beaconNodes: [{}, {}] })
    const env = finality({ STATE_FILE: join(world.home, 'state.sqlite') })
    beaconNodes[1]?.faults.add({ kind: 'status', status: 404, match: { path: /blocks\/\d/ } })
    await askFinal(ASKED)
    const first = await world.start({ ...env })
    await sent()
    await first.end()

    const before = beaconNodes[1]?.calls.length ?? 0
    const second = await world.start({ ...env, CONSENSUS_NODE: beaconNodes[1]?.url })
    expect(await told(second)).toEqual(['answer-missing'])
    const asked = beaconNodes[1]?.calls.slice(before).map(({ path }) => path)
    expect(asked).toContain(`/eth/v1/beacon/blinded_blocks/${world.slotOf(world.chain.head)}`)
    expect(consensus.postedExits()).toHaveLength(1)
  })
})

test('the same event under another transaction hash is the same exit', async () => {
  const { askFinal, finality, executionNodes, beacon } = await setUp({ executionNodes: [{}, {}] })
  executionNodes[1]?.onResult('eth_getLogs', (logs: { topics: readonly string[] }[]) =>
    logs.map((log) =>
      log.topics.length === 4 ? { ...log, transactionHash: `0x${'77'.repeat(32)}` } : log,
    ),
  )
  await askFinal(ASKED)
  const app = await world.start(finality())
  await sent()
  await cycles(app, 3)

  expect(await app.metric('event_security_verification', { result: 'success' })).toBe(1)
  expect(beacon.accepted).toHaveLength(1)
})

describe('what each proof lacks', () => {
  test('is told in log, /status and metric where both are needed', async () => {
    const { askFinal, finality, consensus } = await setUp()
    await askFinal(ASKED)
    const stranger = JSON.stringify([`0x${'12'.repeat(20)}`])
    const app = await world.start(
      finality({ PROOF: 'both', ORACLE_ADDRESSES_ALLOWLIST: stranger, RUN_STATUS: 'true' }),
    )
    await told(app)
    const [line] = app.said('not proven')
    expect(line?.details?.lacks).toMatch(/^by oracle: signer is not in the allowlist \(0x\w{40}/)
    await until('it is measured', async () => (await found(app, 'finalized')) === 1)
    const [row] = await unprovenRows(app)
    expect(row?.detail).toMatch(
      /^by oracle: signer is not in the allowlist \(0x.*\); finalized in block \d+ by your consensus node /,
    )
    expect(consensus.postedExits()).toEqual([])
  })

  test('is told of both where neither proves', async () => {
    const { askFinal, finality, consensus } = await setUp()
    await askFinal(ASKED)
    consensus.faults.add({ kind: 'status', status: 404, match: { path: /blocks\/\d/ } })
    const stranger = JSON.stringify([`0x${'12'.repeat(20)}`])
    const app = await world.start(
      finality({ PROOF: 'either', ORACLE_ADDRESSES_ALLOWLIST: stranger }),
    )
    await told(app)
    expect(app.said('not proven')[0]?.details?.lacks).toMatch(
      /^by oracle: signer is not in the allowlist \(.*\); by finality: a node did not answer \(/,
    )
  })
})
