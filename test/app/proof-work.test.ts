import { afterEach, expect, test } from 'vitest'
import { exitRequestLog, type SimExitRequest } from '../sim/abi.ts'
import { createMember } from '../sim/contracts.ts'
import { seededWallet } from '../sim/ledger.ts'
import { until } from '../support/until.ts'
import { createWorld, cycles, type World } from '../support/world.ts'

let world: World
afterEach(() => world.close())

/** Milliseconds, used up only by what fails: this is the work of minutes on a busy machine. */
const PATIENCE_MS = 600_000

const range = (from: number, count: number) => Array.from({ length: count }, (_, at) => from + at)

test('a report with 500 requests costs the look-ups of one', async () => {
  world = await createWorld({ beacon: { validators: 500 } })
  const { execution, ask, requestOf } = world
  const report = ask(...range(0, 500).map((index) => requestOf(index)))
  const app = await world.start()

  await until(
    'all are proven',
    async () => (await app.metric('event_security_verification', { result: 'success' })) === 500,
    PATIENCE_MS,
  )
  await cycles(app)

  const asked = execution.rpcCalls('eth_getTransactionByHash').map(({ params }) => params[0])
  expect(asked).toEqual([report.dataTransaction.hash, report.consensusTransaction?.hash])
  const searches = execution.rpcCalls('eth_getLogs').filter(({ params }) => {
    return (params[0] as { topics: unknown[] }).topics.length === 1
  })
  expect(searches).toHaveLength(1)
}, 660_000)

test('of a thousand genuine requests among a thousand forged ones exactly the genuine leave', async () => {
  world = await createWorld({ beacon: { validators: 2_000, autoInclude: true } })
  const { chain, beacon, requestOf } = world
  for (const index of range(0, 2_000)) world.writeMessage(index)
  const thieves = [createMember('thief'), createMember('thief 2')]
  const requests = (from: number, count: number): SimExitRequest[] =>
    range(from, count).map((index) => requestOf(index, { keyIndex: index }))

  for (const at of range(0, 10)) {
    const format = at % 2 === 0 ? 1 : 2
    const report = chain.submitReport({ requests: requests(at * 100, 100), format })
    const forged = requests(1_000 + at * 100, 100)
    const [few = [], some = [], more = [], rest = []] = [
      forged.slice(0, 25),
      forged.slice(25, 50),
      forged.slice(50, 75),
      forged.slice(75),
    ]
    chain.submitReport({ requests: few, signers: thieves, format })
    chain.submitReport({ requests: some, signers: thieves, emitConsensus: false, format })
    chain.submitDirect({ requests: more, signer: seededWallet('thief'), format })
    for (const one of rest) {
      chain.addLog(exitRequestLog(chain.exitBus, one, 1), report.dataTransaction)
    }
  }
  chain.finalize()
  const app = await world.start({ LOGGER_LEVEL: 'info' })

  await until('the genuine ones are sent', () => beacon.accepted.length >= 1_000, PATIENCE_MS)
  await cycles(app, 2)
  expect(beacon.exitedIndices()).toEqual(range(0, 1_000))
  expect(world.consensus.postedExits()).toHaveLength(1_000)
  const text = await app.metrics()
  expect(text).toContain(
    'event_security_verification{result="success",app="validator-ejector"} 1000',
  )
  expect(text).toContain('event_security_verification{result="error",app="validator-ejector"} 1000')
}, 660_000)
