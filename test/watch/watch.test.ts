import { afterEach, describe, expect, test } from 'vitest'
import { MODULE_ABI, type RawLog } from '../sim/abi.ts'
import type { SimModule } from '../sim/contracts.ts'
import { seededWallet } from '../sim/ledger.ts'
import { createFinalityWorld } from '../support/finality.ts'
import { until } from '../support/until.ts'
import { cycles, type World, type WorldOptions } from '../support/world.ts'
import {
  type Asked,
  askHoursAgo as ask,
  createProtocol,
  HOUR,
  operatorRow,
  rowOf,
  statusOf,
} from './support.ts'

let world: World
afterEach(() => world?.close())

async function setUp(options?: WorldOptions) {
  world = await createProtocol(options)
}
const askHoursAgo = (hours: number, ...asked: readonly Asked[]) => ask(world, hours, ...asked)

describe('watch', () => {
  test('its page shows modules and operators, and nothing of messages', async () => {
    await setUp()
    askHoursAgo(97, { module: 1, operator: 5, validator: 1 })
    const app = await world.watch()
    await operatorRow(app, 1, 5, { overdue: 1, name: 'Alice' })

    const answer = await fetch(app.url)
    const html = await answer.text()
    expect(answer.headers.get('content-type')).toMatch(/^text\/html/)
    expect(html).toContain('Alice')
    expect(html).toContain('curated')
    expect(html).toContain('Act now')
    expect(html).not.toContain('id="messages"')
  })

  test('shows every operator of every module, by name where there is one, and hands out nothing', async () => {
    await setUp()
    world.writeMessage(1)
    askHoursAgo(
      30,
      { module: 1, operator: 5, validator: 1 },
      { module: 1, operator: 6, validator: 2 },
    )
    askHoursAgo(
      97,
      { module: 3, operator: 0, validator: 3 },
      { module: 4, operator: 12, validator: 4 },
    )
    const app = await world.watch()

    expect(await operatorRow(app, 1, 5, { open: 1, name: 'Alice' })).toMatchObject({
      delayed: 1,
      overdue: 0,
      done: 0,
    })
    expect(await operatorRow(app, 1, 6, { open: 1 })).toMatchObject({ name: 'operator-6' })
    expect(await operatorRow(app, 3, 0, { overdue: 1 })).toMatchObject({ name: null })
    expect(await operatorRow(app, 4, 12, { overdue: 1 })).toMatchObject({ name: null, delayed: 1 })
    await cycles(app)

    const { mode, modules, operators } = await statusOf(app)
    expect(mode).toMatchObject({ delivery: 'watch', scope: 'all' })
    expect(modules).toMatchObject([
      { module: 1, name: 'curated', operators: 40, asked: 2, open: 2, delayed: 2, overdue: 0 },
      { module: 3, name: 'community', operators: 700, asked: 1, open: 1, overdue: 1 },
      { module: 4, name: 'bare', operators: 40, asked: 1, open: 1, overdue: 1 },
    ])
    // The most urgent first.
    expect(operators).toHaveLength(4)
    expect(operators.map(({ module }) => module).slice(2)).toEqual([1, 1])
    expect(await app.metric('build_info', { mode: 'watch' })).toBe(1)
    const alice = { module: '1', operator: '5', name: 'Alice' }
    expect(await app.metric('operator_info', alice)).toBe(1)
    expect(app.said('operator has exits past their deadline')).toHaveLength(2)
    expect(
      world.consensus.calls.filter(({ method }) => method === 'POST').map(({ path }) => path),
    ).toEqual(expect.not.arrayContaining([expect.stringContaining('pool')]))
  })

  test('finds an operator and a module that are new', async () => {
    await setUp()
    askHoursAgo(1, { module: 1, operator: 5, validator: 1 })
    const app = await world.watch()
    await operatorRow(app, 1, 5, { open: 1 })

    const [first] = world.chain.modules
    world.chain.modules.push({
      ...(first as SimModule),
      id: 9,
      name: 'new',
      address: `0x${'99'.repeat(20)}`,
    })
    askHoursAgo(0, { module: 9, operator: 77, validator: 2 })

    expect(await operatorRow(app, 9, 77, { open: 1, name: 'operator-77' })).toBeDefined()
    const { modules } = await statusOf(app)
    expect(modules.map(({ module, name }) => [module, name])).toContainEqual([9, 'new'])
  })

  test('tells when an exit happens, and how long it took', async () => {
    await setUp()
    askHoursAgo(
      2,
      { module: 1, operator: 5, validator: 1 },
      { module: 3, operator: 8, validator: 2 },
    )
    const app = await world.watch()
    await operatorRow(app, 1, 5, { open: 1 })
    await cycles(app)
    world.beacon.setValidator(1, { exitEpoch: 10_005, withdrawableEpoch: 10_261 })

    const row = await operatorRow(app, 1, 5, { open: 0, done: 1 })
    expect(Math.round(Number(row.secondsToExit) / HOUR)).toBe(2)
    expect(row).toMatchObject({ deadline: null, timeLeftSeconds: null })
    const labels = { module: '1', operator: '5' }
    expect(await app.metric('exit_request_to_exiting_seconds_count', labels)).toBe(1)
    expect(await app.metric('exit_requests', { state: 'exiting', ...labels })).toBe(1)
    // Nothing is measured of who was asked, and has not gone.
    expect(
      await app.metric('exit_request_to_exiting_seconds_count', { operator: '8' }),
    ).toBeUndefined()
    expect(await app.metric('exit_requests_without_message', labels)).toBeUndefined()
  })

  test('watches those of a scope alone', async () => {
    await setUp()
    askHoursAgo(
      1,
      { module: 1, operator: 5, validator: 1 },
      { module: 1, operator: 6, validator: 2 },
    )
    askHoursAgo(1, { module: 3, operator: 0, validator: 3 })
    const app = await world.watch({ EJECTOR_SCOPE: '{"1":[6]}' })
    await operatorRow(app, 1, 6, { open: 1 })

    const { modules, operators } = await statusOf(app)
    expect(operators.map(({ operator }) => operator)).toEqual([6])
    expect(modules.map(({ module }) => module)).toEqual([1])
  })

  test('has no series of who was not asked, and forgets who was asked too long ago', async () => {
    await setUp()
    askHoursAgo(24 * 14, { module: 1, operator: 5, validator: 1 })
    askHoursAgo(1, { module: 1, operator: 6, validator: 2 })
    const app = await world.watch({ BLOCKS_PRELOAD: '200' })
    await operatorRow(app, 1, 5, { open: 1 })
    await cycles(app)
    world.beacon.setValidator(1, { exitEpoch: 10_005, withdrawableEpoch: 10_261 })
    world.beacon.finalize()
    await operatorRow(app, 1, 5, { open: 0 })
    const count = { module: '1', operator: '5' }
    expect(await app.metric('exit_request_to_exiting_seconds_count', count)).toBe(1)

    world.chain.mine(300)
    world.chain.finalize()
    await until('it is forgotten', async () => {
      return (await rowOf(app, 1, 5)) === undefined
    })
    expect(await app.metrics()).not.toMatch(/operator="5"/)
    // Open is open, however old.
    await operatorRow(app, 1, 6, { open: 1 })
    expect(await app.metrics()).not.toMatch(/operator="7"/)
  })
})

describe('what a staking module says of late exits', () => {
  const triggeredLog = (address: string, operator: number, pubkey: string) => ({
    ...MODULE_ABI.encodeEventLog('ValidatorExitTriggered', [operator, pubkey, 1, 0]),
    address,
  })

  test.each([
    ['in its own record, and in its log', 1],
    ['in what it charges', 3],
  ])('%s: that it was proven late, and made through the execution layer', async (_, id) => {
    await setUp()
    const module = world.chain.modules.find((one) => one.id === id) as SimModule
    askHoursAgo(
      24 * 6,
      { module: id, operator: 5, validator: 1 },
      { module: id, operator: 5, validator: 2 },
    )
    const { pubkey } = world.requestOf(1)
    module.reportedLate.add(pubkey)
    module.triggered.add(pubkey)
    const signer = seededWallet('anyone')
    const log = triggeredLog(module.address, 5, pubkey)
    world.chain.addTransaction({ signer, to: module.address, logs: [log as RawLog] })
    world.chain.finalize()
    const app = await world.watch()

    await operatorRow(app, id, 5, { overdue: 2, reportedLate: 1, triggered: 1 })
    const labels = { module: String(id), operator: '5' }
    expect(await app.metric('exit_requests_reported_late', labels)).toBe(1)
    expect(await app.metric('exit_requests_triggered', labels)).toBe(1)
    await cycles(app)
    expect(app.said('exit was proven late on chain')).toHaveLength(1)
    expect(app.said('exit was made through the execution layer')).toHaveLength(1)
  })

  test('that it was proven late, also where no node gives the logs of the module', async () => {
    await setUp()
    const [module] = world.chain.modules as [SimModule]
    askHoursAgo(24 * 6, { module: module.id, operator: 5, validator: 1 })
    module.reportedLate.add(world.requestOf(1).pubkey)
    const topic = MODULE_ABI.getEvent('ValidatorExitTriggered')?.topicHash ?? ''
    world.execution.faults.add({
      kind: 'status',
      status: 503,
      match: { rpc: 'eth_getLogs', body: new RegExp(topic) },
    })
    const app = await world.watch()

    await operatorRow(app, module.id, 5, { overdue: 1, reportedLate: 1, triggered: 0 })
  })
})

test('finality proves, where nothing else is said: no list is needed', async () => {
  const final = await createFinalityWorld()
  world = final
  await final.askFinal(1)
  const app = await world.watch({ ...final.finality(), PROOF: '' })

  await operatorRow(app, 1, 5, { open: 1 })
  expect(app.said('runs')[0]?.details).toMatchObject({
    mode: 'watch',
    proof: 'finality',
    scope: 'all',
  })
})

test('blocks that no node gives keep it from being ready', async () => {
  await setUp({ executionNodes: [{ firstLogBlock: 99_990 }] })
  askHoursAgo(1, { module: 1, operator: 5, validator: 1 })
  const app = await world.watch()
  await operatorRow(app, 1, 5, { open: 1 })

  expect(await app.metric('unread_blocks')).toBeGreaterThan(0)
  expect((await fetch(`${app.url}/readyz`)).status).toBe(503)
})
