import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { exitRequestLog } from '../sim/abi.ts'
import {
  COMPANIES,
  createScene,
  expectNoHarm,
  type LieCase,
  reasonsFor,
  type Scene,
} from '../support/liar.ts'
import { until } from '../support/until.ts'
import { cycles } from '../support/world.ts'

type NodeLog = Record<string, unknown> & { readonly topics: readonly string[] }

const isExitQuery = ([filter]: { topics: string[] }[]) => filter?.topics.length === 3
const other = (byte: string, bytes: number) => `0x${byte.repeat(bytes)}`

/**
 * Each log is about a report that names the validator and that oracle members signed: were the log
 * not dropped, the request would pass the proof.
 */
const FORGED_LOGS = (
  [
    ['another contract', 'log of another contract', () => ({ address: other('ab', 20) })],
    [
      'another topic',
      'log with other topics',
      ({ topics }) => ({ topics: [other('ab', 32), ...topics.slice(1)] }),
    ],
    [
      'another operator',
      'log with other topics',
      ({ topics }) => ({ topics: topics.with(2, `0x${'6'.padStart(64, '0')}`) }),
    ],
    [
      'another module',
      'log with other topics',
      ({ topics }) => ({ topics: topics.with(1, `0x${'2'.padStart(64, '0')}`) }),
    ],
    ['a later block', 'outside the range', () => ({ blockNumber: '0xfffffff' })],
    ['an earlier block', 'outside the range', () => ({ blockNumber: '0x1' })],
    ['a removed log', 'removed by a reorg', () => ({ removed: true })],
    ['a pending log', 'malformed log', () => ({ blockNumber: null, blockHash: null })],
    ['a topic too few', 'malformed log', ({ topics }) => ({ topics: topics.slice(0, 3) })],
    ['cut data', 'not that of a ValidatorExitRequest', () => ({ data: other('00', 32) })],
  ] as const satisfies [string, string, (log: NodeLog) => object][]
).map(
  ([name, dropped, change]): LieCase => [
    name,
    ({ chain, liar, request, validator }) => {
      const index = validator()
      const { dataTransaction } = chain.submitReport({ requests: [request(index)], events: [] })
      const truth = exitRequestLog(chain.exitBus, request(index), 1)
      liar.onResult('eth_getLogs', (logs: NodeLog[], params) => {
        if (!isExitQuery(params)) return logs
        const place = {
          blockNumber: `0x${dataTransaction.blockNumber.toString(16)}`,
          blockHash: chain.hashOf(dataTransaction.blockNumber),
          transactionHash: dataTransaction.hash,
          transactionIndex: '0x0',
          logIndex: '0x0',
          removed: false,
        }
        const log = { ...truth, ...place }
        return [...logs, { ...log, ...change(log as NodeLog) }]
      })
      return { forged: [index], dropped }
    },
  ],
)

describe.each(COMPANIES)('a node that lies, %s,', (company) => {
  let scene: Scene
  beforeAll(async () => {
    scene = await createScene(company)
  })
  afterAll(() => scene.close())

  describe('gives logs that were not asked for:', () => {
    test.each(FORGED_LOGS)('%s', (_name, tell) => expectNoHarm(scene, tell))
  })

  test('gives the same log twice: it is one request', async () => {
    const { liar, app, posts, world, request, validator } = scene
    const successes = () => app.metric('event_security_verification', { result: 'success' })
    const before = (await successes()) ?? 0
    liar.onResult('eth_getLogs', (logs: NodeLog[]) => [...logs, ...logs])
    const index = validator()
    world.ask(request(index))
    await until('it is served', () => posts(index) > 0)
    await cycles(app, 3)

    expect((await successes()) ?? 0).toBe(before + 1)
    expect(app.said('exit requested').filter((line) => line.details?.validator === index)).toEqual([
      expect.anything(),
    ])
    liar.tellTruth()
  })

  test('gives the same log again as another one: the exit is sent once', async () => {
    const { liar, app, posts, world, request, validator } = scene
    liar.onResult('eth_getLogs', (logs: NodeLog[], params) =>
      isExitQuery(params) ? [...logs, ...logs.map((log) => ({ ...log, logIndex: '0x63' }))] : logs,
    )
    const index = validator()
    world.ask(request(index))
    await until('it is served', () => posts(index) > 0)
    await cycles(app, 1)

    expect(world.beacon.accepted.filter((one) => one.index === index)).toHaveLength(1)
    expect(reasonsFor(app, index)).toEqual([])
    liar.tellTruth()
  })

  test('leaves logs out: an honest node brings them', async () => {
    const { liar, app, posts, world, request, validator } = scene
    const honestTopic = (index: number) => `0x${index.toString(16).padStart(64, '0')}`
    const [hidden, shown] = [validator(), validator()]
    liar.onResult('eth_getLogs', (logs: NodeLog[]) =>
      logs.filter(({ topics }) => topics[3] !== honestTopic(hidden)),
    )
    world.ask(request(hidden), request(shown))
    await until('what is shown is served', () => posts(shown) > 0)
    await cycles(app, 3)
    if (company === 'alone') expect(posts(hidden)).toBe(0)
    else await until('what is hidden is served', () => posts(hidden) > 0)
    liar.tellTruth()
  })

  test('leaves ConsensusReached logs out: an honest node brings them', () =>
    expectNoHarm(scene, ({ chain, liar, request, validator }) => {
      const index = validator()
      const { dataTransaction } = chain.submitReport({ requests: [request(index)] })
      liar.onResult('eth_getLogs', (logs: NodeLog[], [filter]) =>
        logs.filter(
          ({ blockNumber }) =>
            filter.topics.length !== 1 || Number(blockNumber) > dataTransaction.blockNumber,
        ),
      )
      return { hidden: [index], reason: 'no-consensus-log' }
    }))
})
