import { afterEach, expect, test } from 'vitest'
import { MODULE_ABI } from '../sim/abi.ts'
import type { SimModule } from '../sim/contracts.ts'
import { until } from '../support/until.ts'
import { createWorld, cycles, type World } from '../support/world.ts'

const KEYS = 10_000
const OPERATOR = { module: '1', operator: '5' }

let world: World
afterEach(() => world.close())

/** The first one has a real key, and is asked for; the others only have to be many. */
async function setUp() {
  const oddKey = (at: number) => `0x${at.toString(16).padStart(96, '0')}`
  const validators = Array.from({ length: KEYS }, (_, at) =>
    at === 0 ? {} : { pubkey: oddKey(at) },
  )
  world = await createWorld({
    beacon: { validators, epoch: 10_000 },
    execution: { modules: [{ id: 1 }] },
  })
  const [module] = world.chain.modules as [SimModule]
  module.keys = { 5: validators.map((_, index) => world.beacon.pubkey(index)) }
  world.writeMessage(0)
}

const selectorOf = (name: string) => MODULE_ABI.getFunction(name)?.selector ?? ''
const isOf = (name: string) => (data: string) => data.startsWith(selectorOf(name))
const asked = () =>
  world.execution
    .rpcCalls('eth_call')
    .map(({ params }) => String((params[0] as { data: string }).data))

test('an operator with 10,000 keys costs no more than 40 calls at the start', async () => {
  await setUp()
  const app = await world.start()
  await until('the order was read', async () => {
    return (await app.metric('next_exits_keys', OPERATOR)) === KEYS
  })
  await cycles(app, 2)

  const keys = asked().filter(isOf('getSigningKeys')).length
  const others = asked().filter((data) =>
    ['getNodeOperatorSummary', 'getNodeOperator'].some((name) => isOf(name)(data)),
  ).length
  const paths = world.consensus.calls.map(({ path }) => path)
  const validators = paths.filter((path) => path.endsWith('/finalized/validators')).length
  expect({ keys, others, validators }).toEqual({ keys: 10, others: 2, validators: 10 })
  const all = world.execution.calls.length + world.consensus.calls.length
  const cyclesOfIt = (await app.metric('job_duration_seconds_count', { result: 'success' })) ?? 0
  // What the cycles ask goes on for ever; the job asks once.
  expect(all - 8 * cyclesOfIt).toBeLessThanOrEqual(40)
})

test('keys that are not given stand in the way of no exit', async () => {
  await setUp()
  const body = new RegExp(selectorOf('getSigningKeys'))
  world.execution.faults.add({ kind: 'hang', match: { rpc: 'eth_call', body } })
  const app = await world.start()
  await until('the keys are asked for', () => asked().some(isOf('getSigningKeys')))

  world.ask(world.requestOf(0))

  await until('the exit is accepted', () => world.beacon.accepted.length === 1)
  expect(await app.metric('next_exits_keys', OPERATOR)).toBeUndefined()
})
