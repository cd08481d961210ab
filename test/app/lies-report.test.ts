import { afterAll, beforeAll, describe, test } from 'vitest'
import { consensusReachedLog, encodeRecords, exitRequestLog } from '../sim/abi.ts'
import { COMPANIES, createScene, expectNoHarm, type LieCase, type Scene } from '../support/liar.ts'

/** Bytes of public keys, as hex without prefix. */
const keyOf = (scene: Scene, index: number) => scene.world.beacon.pubkey(index).slice(2)

/** Reports that were never agreed on, or that the contracts would have refused. */
const FORGED_REPORTS: readonly LieCase[] = [
  [
    'signers who are not listed',
    ({ forge, chain, request, thieves, validator }) => {
      const index = validator()
      forge(() => chain.submitReport({ requests: [request(index)], signers: thieves }))
      return { forged: [index], reason: 'unlisted-signer' }
    },
  ],
  [
    'a listed signer, but of another report',
    ({ forge, chain, request, validator }) => {
      const [real, index] = [validator(), validator()]
      const { consensusTransaction } = chain.submitReport({ requests: [request(real)] })
      forge(() => {
        const forged = chain.submitReport({ requests: [request(index)], signers: [] })
        const log = consensusReachedLog(chain.consensus, forged.refSlot, forged.hash, 2)
        chain.addLog(log, {
          hash: consensusTransaction?.hash ?? '0x',
          blockNumber: forged.dataTransaction.blockNumber,
        })
      })
      return { forged: [index], reason: 'other-report' }
    },
  ],
  [
    'no log of its report',
    ({ forge, chain, request, validator }) => {
      const index = validator()
      forge(() => chain.submitReport({ requests: [request(index)], signers: [] }))
      return { forged: [index], reason: 'no-consensus-log' }
    },
  ],
  [
    'a ConsensusReached log of another hash',
    ({ forge, chain, request, validator }) => {
      const index = validator()
      forge(() => {
        const report = chain.submitReport({ requests: [request(index)], signers: [] })
        const other = `0x${'ab'.repeat(32)}` as const
        const log = consensusReachedLog(chain.consensus, report.refSlot, other, 2)
        chain.addLog(log, report.dataTransaction)
      })
      return { forged: [index], reason: 'no-consensus-log' }
    },
  ],
  [
    'members who signed another hash, logged as this one',
    ({ forge, chain, request, validator }) => {
      const index = validator()
      const signedHash = `0x${'cd'.repeat(32)}` as const
      forge(() => {
        const report = chain.submitReport({ requests: [request(index)], signedHash })
        const vote = report.consensusTransaction
        const log = consensusReachedLog(chain.consensus, report.refSlot, report.hash, 2)
        if (vote !== undefined) chain.addLog(log, vote)
      })
      return { forged: [index], reason: 'other-report' }
    },
  ],
  ...(
    [
      ['truncated data', (data) => data.slice(0, -2), 'data-length'],
      ['over-long data', (data) => `${data}00`, 'data-length'],
    ] as const satisfies [string, (data: string) => string, string][]
  ).map(
    ([name, spoil, reason]): LieCase => [
      name,
      ({ forge, chain, request, validator }) => {
        const index = validator()
        const data = spoil(encodeRecords([request(index)])) as `0x${string}`
        forge(() => chain.submitReport({ requests: [request(index)], data }))
        return { forged: [index], reason }
      },
    ],
  ),
  [
    'an unknown data format',
    ({ forge, chain, request, validator }) => {
      const index = validator()
      forge(() => chain.submitReport({ requests: [request(index)], dataFormat: 3 }))
      return { forged: [index], reason: 'unsupported' }
    },
  ],
  [
    'a wrong requestsCount',
    ({ forge, chain, request, validator }) => {
      const [index, other] = [validator(), validator()]
      const requests = [request(index), request(other)]
      const data = encodeRecords([request(index)])
      forge(() => chain.submitReport({ requests, data, events: [request(index)] }))
      return { forged: [index], reason: 'requests-count' }
    },
  ],
]

/** Events that a genuine report does not hold. */
const FORGED_EVENTS: readonly LieCase[] = [
  [
    'the public key is absent',
    ({ forgeLog, chain, request, validator }) => {
      const [real, index] = [validator(), validator()]
      const { dataTransaction } = chain.submitReport({ requests: [request(real)] })
      forgeLog(exitRequestLog(chain.exitBus, request(index), 1), dataTransaction)
      return { forged: [index], reason: 'record-missing' }
    },
  ],
  ...(
    [
      ['index', (index) => ({ validatorIndex: index + 1_000 })],
      ['operator', () => ({ operatorId: 6 })],
      ['module', () => ({ moduleId: 2 })],
    ] as const satisfies [string, (index: number) => object][]
  ).map(
    ([field, change]): LieCase => [
      `the public key stands under another ${field}`,
      ({ forgeLog, chain, request, validator }) => {
        const index = validator()
        const named = { ...request(index), ...change(index) }
        // Not of our scope, so that no event of the report itself is read.
        const report = chain.submitReport({ requests: [named], events: [] })
        forgeLog(exitRequestLog(chain.exitBus, request(index), 1), report.dataTransaction)
        return { forged: [index], reason: 'record-differs' }
      },
    ],
  ),
  [
    'the public key straddles two records',
    (scene) => {
      const { chain, request, validator, forgeLog } = scene
      const index = validator()
      const key = keyOf(scene, index)
      const head = encodeRecords([request(1)]).slice(2, 2 + 32)
      const first = `${head}${'11'.repeat(24)}${key.slice(0, 48)}`
      const second = `${key.slice(48, 80)}${key.slice(80)}${'22'.repeat(40)}`
      const requests = [request(index), request(index)]
      const report = chain.submitReport({ requests, events: [], data: `0x${first}${second}` })
      forgeLog(exitRequestLog(chain.exitBus, request(index), 1), report.dataTransaction)
      return { forged: [index], reason: 'record-missing' }
    },
  ],
]

describe.each(COMPANIES)('a node that lies, %s,', (company) => {
  let scene: Scene
  beforeAll(async () => {
    scene = await createScene(company)
  })
  afterAll(() => scene.close())

  describe('about a report:', () => {
    test.each(FORGED_REPORTS)('%s', (_name, tell) => expectNoHarm(scene, tell))
  })
  describe('about an event:', () => {
    test.each(FORGED_EVENTS)('%s', (_name, tell) => expectNoHarm(scene, tell))
  })
})
