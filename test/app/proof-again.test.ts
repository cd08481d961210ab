import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { TOPICS } from '../../src/execution/abi.ts'
import { createMember } from '../sim/contracts.ts'
import { reasonsFor } from '../support/liar.ts'
import { until } from '../support/until.ts'
import { createWorld, cycles, type RunningApp, type World } from '../support/world.ts'

let world: World
afterEach(() => world.close())

const ASKED = 1
const setUp = async () => {
  world = await createWorld()
  world.writeMessage(ASKED)
  return world
}
const sent = () => until('it is sent', () => world.beacon.accepted.length > 0)
const verified = (app: RunningApp) =>
  Promise.all(
    ['success', 'error'].map((result) => app.metric('event_security_verification', { result })),
  )
const allowlist = (...at: readonly number[]) => ({
  ORACLE_ADDRESSES_ALLOWLIST: JSON.stringify(at.map((i) => world.chain.signerAddresses()[i])),
})

describe('a request that is not proven is proven later,', () => {
  test('by a node whose connection broke: another one that lacks the log is no proof against it', async () => {
    world = await createWorld({ executionNodes: [{}, {}] })
    world.writeMessage(ASKED)
    const [lagging, honest] = world.executionNodes
    lagging?.onResult('eth_getLogs', (logs, [{ topics }]) => (topics.length === 1 ? [] : logs))
    const broken = honest?.faults.add({
      kind: 'reset',
      match: {
        rpc: 'eth_getLogs',
        when: ({ body }) => JSON.parse(body).params[0].topics.length === 1,
      },
      times: 2,
    })
    world.ask(world.requestOf(ASKED))
    const app = await world.start({ JOB_INTERVAL: '1200' })
    await sent()
    expect(broken?.hits).toBe(2)
    expect(await verified(app)).toEqual([1, 0])
    expect(app.said('not proven').map(({ level }) => level)).toEqual(['warn'])
  })

  test('and counts as an error though one node never answers, after a while', async () => {
    world = await createWorld({ executionNodes: [{}, {}] })
    const [lagging, dead] = world.executionNodes
    lagging?.onResult('eth_getLogs', (logs, [{ topics }]) => (topics.length === 1 ? [] : logs))
    await dead?.refuse()
    world.ask(world.requestOf(ASKED))
    const app = await world.start({ JOB_INTERVAL: '20' })
    await until('it counts', async () => (await verified(app))[1] === 1)
    await cycles(app, 3)
    expect(await verified(app)).toEqual([0, 1])
    expect(app.said('not proven').map(({ level }) => level)).toEqual(['warn', 'error'])
  })

  test("once the node's index has the ConsensusReached log", async () => {
    const { execution, ask, requestOf } = await setUp()
    execution.onResult('eth_getLogs', (logs, [filter]) => (filter.topics.length === 1 ? [] : logs))
    const report = ask(requestOf(ASKED))
    const app = await world.start({ JOB_INTERVAL: '20' })
    await until('it is said', () => reasonsFor(app, ASKED).length > 0)
    await cycles(app, 5)
    expect(await verified(app)).toEqual([0, 1])
    expect(world.consensus.postedExits()).toEqual([])

    execution.tellTruth()
    await sent()
    expect(await verified(app)).toEqual([1, 1])
    expect(app.said('not proven').map(({ level, details }) => ({ level, ...details }))).toEqual([
      expect.objectContaining({
        level: 'error',
        validator: ASKED,
        reason: 'no-consensus-log',
        expected: `ConsensusReached of report ${report.hash}`,
        actual: 'no such log',
        transaction: report.dataTransaction.hash,
      }),
    ])
  })

  test('by looking again after 1, 2, 4, 8 … cycles', async () => {
    const { execution, ask, requestOf } = await setUp()
    execution.onResult('eth_getLogs', (logs, [filter]) => (filter.topics.length === 1 ? [] : logs))
    ask(requestOf(ASKED))
    const app = await world.start({ JOB_INTERVAL: '10' })
    const searches = () =>
      execution
        .rpcCalls('eth_getLogs')
        .map(({ params }) => (params[0] as { topics: unknown[] }).topics)
        .filter(([topic]) => topic !== TOPICS.reportReceived)
        .flatMap((topics, at) => (topics.length === 1 ? [at] : []))
    await until('it looked six times', () => searches().length >= 6)

    // Between two searches stands the reading of each cycle, one call.
    const gaps = searches().map((at, n, all) => at - (all[n - 1] ?? at) - 1)
    expect(gaps.slice(1, 6)).toEqual([1, 2, 4, 8, 16])
    expect(await verified(app)).toEqual([0, 1])
  })

  test('once the node knows the transaction: until then nothing counts as an error', async () => {
    const { execution, ask, requestOf } = await setUp()
    execution.onResult('eth_getTransactionByHash', () => null)
    ask(requestOf(ASKED))
    const app = await world.start({ JOB_INTERVAL: '20' })
    await until('it is said', () => reasonsFor(app, ASKED).length > 0)
    await cycles(app, 5)
    expect(reasonsFor(app, ASKED)).toEqual(['answer-missing'])
    expect(await verified(app)).toEqual([0, 0])
    // A node that does not know is no reason for a cycle to count as failed.
    expect(app.said('cycle failed')).toEqual([])

    execution.tellTruth()
    await sent()
    expect(await verified(app)).toEqual([1, 0])
  })

  test('once a body fits: until then the node is named, and the request counts once', async () => {
    const { execution, ask, requestOf } = await setUp()
    execution.onResult('eth_getTransactionByHash', (body) => ({ ...body, nonce: '0x7777' }))
    ask(requestOf(ASKED))
    const app = await world.start({ JOB_INTERVAL: '20' })
    await until('it is said', () => reasonsFor(app, ASKED).length > 0)
    await cycles(app, 5)
    expect(await verified(app)).toEqual([0, 1])
    const alarms = app.said('a transaction that is not the one asked for')
    expect(alarms.map(({ level, details }) => [level, details?.node])).toEqual([
      ['error', new URL(execution.url).host],
    ])

    execution.tellTruth()
    await sent()
    expect(await verified(app)).toEqual([1, 1])
  })

  test('after a restart that trusts its signers', async () => {
    const { ask, requestOf } = await setUp()
    ask(requestOf(ASKED))
    const stranger = createMember('stranger').wallet.address
    const first = await world.start({ ORACLE_ADDRESSES_ALLOWLIST: JSON.stringify([stranger]) })
    await until('it is said', () => reasonsFor(first, ASKED).length > 0)
    expect(reasonsFor(first, ASKED)).toEqual(['unlisted-signer'])
    await first.end()
    expect(world.consensus.postedExits()).toEqual([])

    await world.start()
    await sent()
  })
})

test('an exit that is over needs no proof: a signer that leaves the allowlist raises no alarm', async () => {
  await setUp()
  const stateFile = { STATE_FILE: join(world.home, 'state.sqlite') }
  const counts = (app: RunningApp, state: string) => app.metric('exit_requests', { state })
  const { votes } = world.ask(world.requestOf(ASKED))
  const first = await world.start(stateFile)
  await sent()
  world.beacon.advance()
  world.beacon.finalize()
  await until('it is settled', async () => (await counts(first, 'settled')) === 1)
  await first.end()

  const voters = new Set(votes.map(({ from }) => from.toLowerCase()))
  const stays = world.chain.signerAddresses().filter((one) => !voters.has(one.toLowerCase()))
  const second = await world.start({
    ...stateFile,
    ORACLE_ADDRESSES_ALLOWLIST: JSON.stringify(stays),
  })
  await until('it was judged', async () => (await verified(second))[1] === 1)
  await cycles(second)

  expect(stays.length).toBeGreaterThan(0)
  expect([await counts(second, 'settled'), await counts(second, 'unproven')]).toEqual([1, 0])
})

describe('with ORACLE_QUORUM=2', () => {
  test('the votes of two members prove it, the other one found by ReportReceived', async () => {
    const { ask, requestOf } = await setUp()
    const report = ask(requestOf(ASKED))
    const app = await world.start({ ORACLE_QUORUM: '2' })
    await sent()

    const [proof] = app.said('exit request proven')
    const { signers, transactions } = (proof?.details ?? {}) as Record<string, string[]>
    expect(signers?.toSorted()).toEqual(report.votes.map(({ from }) => from).toSorted())
    expect(transactions?.[0]).toBe(report.dataTransaction.hash)
    expect(transactions?.slice(1).toSorted()).toEqual(
      report.votes.map(({ hash }) => hash).toSorted(),
    )
  })

  test('one trusted signer is not enough, until a restart trusts the other one', async () => {
    const { ask, requestOf } = await setUp()
    ask(requestOf(ASKED))
    const quorum = { ORACLE_QUORUM: '2', JOB_INTERVAL: '20' }
    const first = await world.start({ ...quorum, ...allowlist(0, 2) })
    await until('it is said', () => reasonsFor(first, ASKED).length > 0)
    await cycles(first, 3)
    expect(reasonsFor(first, ASKED)).toEqual(['quorum-missing'])
    expect(await verified(first)).toEqual([0, 1])
    await first.end()
    expect(world.consensus.postedExits()).toEqual([])

    const second = await world.start({ ...quorum, ...allowlist(0, 1) })
    await sent()
    expect(await verified(second)).toEqual([1, 0])
  })

  test('a member that votes twice counts once', async () => {
    const { chain, requestOf } = await setUp()
    const [member] = chain.members
    chain.submitReport({ requests: [requestOf(ASKED)], signers: [member!, member!] })
    chain.finalize()
    const app = await world.start({ ORACLE_QUORUM: '2', JOB_INTERVAL: '20' })
    await until('it is said', () => reasonsFor(app, ASKED).length > 0)
    await cycles(app, 3)
    expect(reasonsFor(app, ASKED)).toEqual(['quorum-missing'])
    expect(world.consensus.postedExits()).toEqual([])
  })
})
