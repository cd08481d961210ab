import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { FaultKind, FaultMatch } from '../sim/faults.ts'
import type { SubmittedReport } from '../sim/reports.ts'
import { until } from '../support/until.ts'
import { createWorld, type RunningApp, type World } from '../support/world.ts'

/** Short enough to wait for, long enough for a healthy answer on a busy machine. */
const CALL_TIMEOUT_MS = 500
/** Milliseconds, used up only by what fails. */
const PATIENCE_MS = 300_000

const KINDS: readonly [string, FaultKind][] = [
  ['no answer in time', { kind: 'hang' }],
  ['a body that stops in the middle', { kind: 'hang-body' }],
  ['a body that never ends', { kind: 'endless' }],
  ['a reset', { kind: 'reset' }],
  ['HTTP 429', { kind: 'status', status: 429, body: 'too many requests' }],
  ['HTTP 500', { kind: 'status', status: 500 }],
  ['HTTP 503', { kind: 'status', status: 503, body: { error: 'no backend' } }],
  ['JSON-RPC -32000', { kind: 'rpc-error', code: -32_000, message: 'header not found' }],
  ['JSON-RPC -32005', { kind: 'rpc-error', code: -32_005, message: 'limit exceeded' }],
  ['JSON-RPC -32603', { kind: 'rpc-error', code: -32_603, message: 'internal error' }],
  ['null', { kind: 'null' }],
  ['half a JSON body', { kind: 'half-json' }],
  ['HTML', { kind: 'html' }],
]

/** The only topic of a search for votes; a search for exit requests has three. */
const isVoteSearch = (body: string) => JSON.parse(body).params?.[0]?.topics?.length === 1

/** Each look-up that proves a request, and the one that finds it. The others: `test/faults`. */
const LOOK_UPS: readonly [string, (report: SubmittedReport) => FaultMatch][] = [
  [
    'eth_getLogs for exit requests',
    () => ({ rpc: 'eth_getLogs', when: ({ body }) => !isVoteSearch(body) }),
  ],
  [
    'eth_getLogs for ConsensusReached',
    () => ({ rpc: 'eth_getLogs', when: ({ body }) => isVoteSearch(body) }),
  ],
  [
    "eth_getTransactionByHash for the report's data",
    (report) => ({ body: new RegExp(report.dataTransaction.hash) }),
  ],
  [
    'eth_getTransactionByHash for the vote',
    (report) => ({ body: new RegExp(report.consensusTransaction?.hash ?? 'none') }),
  ],
]

let world: World
let app: RunningApp
let asked = 0

beforeAll(async () => {
  const validators = LOOK_UPS.length * KINDS.length
  world = await createWorld({ beacon: { validators } })
  for (let index = 0; index < validators; index += 1) world.writeMessage(index)
  app = await world.start({ JOB_INTERVAL: '20' }, { callTimeoutMs: CALL_TIMEOUT_MS })
  await until(
    'messages are loaded',
    async () => (await app.metric('exit_messages_left_number')) !== undefined,
  )
})
afterAll(() => world.close())

const verified = async (result: 'success' | 'error') =>
  (await app.metric('event_security_verification', { result })) ?? 0

describe.each(LOOK_UPS)('%s fails for a while:', (_lookUp, matchOf) => {
  test.each(KINDS)(
    '%s',
    async (_name, kind) => {
      const { chain, beacon, execution } = world
      const validator = asked
      asked += 1
      const times = 1 + (validator % 3)
      const before = await verified('success')
      const report = chain.submitReport({ requests: [world.requestOf(validator)] })
      const fault = execution.faults.add({ ...kind, times, match: matchOf(report) })
      chain.finalize()

      // Not `times`: a vote that cannot be had is not asked for again where receipts prove it.
      await until('the fault strikes', () => fault.hits > 0, PATIENCE_MS)
      const isSent = () => beacon.accepted.some(({ index }) => index === validator)
      await until('the exit is sent', isSent, PATIENCE_MS)
      execution.faults.clear()
      beacon.advance()
      beacon.finalize()

      expect(await verified('success')).toBe(before + 1)
      expect(await verified('error')).toBe(0)
      expect(beacon.accepted).toHaveLength(asked)
    },
    660_000,
  )
})

test('nothing was restarted', () => {
  expect(app.said('Validator Ejector 0.0.0-test runs')).toHaveLength(1)
  expect(app.said('unexpected error')).toEqual([])
})
