import { afterAll, beforeAll, describe, test } from 'vitest'
import {
  consensusReachedLog,
  encodeExecute,
  encodeSubmitReport,
  encodeSubmitReportData,
  exitRequestLog,
} from '../sim/abi.ts'
import { seededAddress } from '../sim/contracts.ts'
import { withHighS } from '../sim/high-s.ts'
import { seededWallet } from '../sim/ledger.ts'
import type { SubmittedReport } from '../sim/reports.ts'
import { toGethJson } from '../sim/transaction-json.ts'
import { COMPANIES, createScene, expectNoHarm, type LieCase, type Scene } from '../support/liar.ts'

const ELSEWHERE = seededAddress('elsewhere')

/** Changes what the liar says of these transactions, and nothing else. */
const retell = ({ liar }: Scene, hashes: readonly string[], change: object) =>
  liar.onResult('eth_getTransactionByHash', (truth, [asked]) =>
    hashes.includes(asked) ? { ...truth, ...change } : truth,
  )

/** A genuine report, of which the liar gives one body changed, under the hash that was asked for. */
const swapped = (
  field: string,
  change: (scene: Scene, report: SubmittedReport) => object,
  of = (report: SubmittedReport) => [report.dataTransaction],
): LieCase => [
  `a body with another ${field}`,
  (scene) => {
    const index = scene.validator()
    const report = scene.chain.submitReport({ requests: [scene.request(index)] })
    const hashes = of(report).map(({ hash }) => hash)
    retell(scene, hashes, change(scene, report))
    return { hidden: [index], reason: 'body-mismatch' }
  },
]

/** Any of them would prove it. */
const ofVotes = (report: SubmittedReport) => [...report.votes]

const SWAPPED_BODIES: readonly LieCase[] = [
  swapped('to', () => ({ to: ELSEWHERE })),
  swapped('value', () => ({ value: '0x1' })),
  swapped('nonce', () => ({ nonce: '0x7777' })),
  swapped('access list', () => ({ accessList: [{ address: ELSEWHERE, storageKeys: [] }] })),
  swapped('chain id', () => ({ chainId: '0x1' })),
  swapped('signature', (_, { dataTransaction }) => ({ r: dataTransaction.hash })),
  swapped('type', () => ({ type: '0x1', gasPrice: '0x1' })),
  swapped('shape', () => ({ nonce: 'seven' })),
  swapped(
    'input in the votes',
    () => ({ input: encodeSubmitReport(1n, `0x${'ee'.repeat(32)}`) }),
    ofVotes,
  ),
  swapped('recipient of the votes', () => ({ to: ELSEWHERE }), ofVotes),
  [
    'a body with another input, that names the validator of a made-up event',
    (scene) => {
      const { chain, request, validator, forgeLog } = scene
      const [hidden, index] = [validator(), validator()]
      const { dataTransaction, struct } = chain.submitReport({ requests: [request(hidden)] })
      const named = chain.submitReport({ requests: [request(index)], events: [] })
      forgeLog(exitRequestLog(chain.exitBus, request(index), 1), dataTransaction)
      const input = encodeSubmitReportData({ ...struct, data: named.struct.data })
      retell(scene, [dataTransaction.hash], { input })
      const reason = 'body-mismatch'
      return { forged: [index], hidden: [hidden], reason, besides: 'record-missing' }
    },
  ],
]

/** The data of a report that nobody voted for, and a vote as the liar would have it. */
function withVote(
  { forge, chain, request, validator }: Scene,
  makeVote: (report: SubmittedReport, block: number) => { hash: `0x${string}` },
) {
  const index = validator()
  forge(() => {
    const report = chain.submitReport({ requests: [request(index)], signers: [] })
    const { blockNumber } = report.dataTransaction
    const { hash } = makeVote(report, blockNumber)
    const log = consensusReachedLog(chain.consensus, report.refSlot, report.hash, 2)
    chain.addLog(log, { hash, blockNumber })
  })
  return index
}

const memberOf = ({ chain }: Scene) => chain.members[0]!.wallet
const voteFor = ({ refSlot, hash }: SubmittedReport) => encodeSubmitReport(refSlot, hash)

const FORGED_VOTES: readonly LieCase[] = [
  [
    'a forged sender',
    (scene) => {
      const { chain, forge, request, thieves, validator } = scene
      const index = validator()
      const requests = [request(index)]
      const report = forge(() => chain.submitReport({ requests, signers: thieves }))
      const hashes = report.votes.map(({ hash }) => hash)
      retell(scene, hashes, { from: memberOf(scene).address.toLowerCase() })
      return { forged: [index], reason: 'unlisted-signer' }
    },
  ],
  [
    'a signature with a high s',
    (scene) => {
      const index = withVote(scene, (report, block) => {
        const { chain, liar } = scene
        const genuine = chain.addTransaction({
          signer: memberOf(scene),
          to: chain.consensus,
          data: voteFor(report),
          block,
        })
        const place = { blockHash: chain.hashOf(block), blockNumber: block, transactionIndex: 1 }
        const high = withHighS(toGethJson(genuine.signed, place), genuine.signed.serialized)
        liar.onResult('eth_getTransactionByHash', (truth, [asked]) =>
          asked === high.hash ? high : truth,
        )
        return high
      })
      return { forged: [index], reason: 'bad-signature' }
    },
  ],
  ...(
    [
      ['a vote made for another chain', 'wrong-chain', { chainId: 1n }],
      ['a legacy vote made for another chain', 'wrong-chain', { chainId: 1n, type: 0 }],
      ['a vote without a chain id', 'no-chain-id', { chainId: 0n, type: 0 }],
    ] as const
  ).map(
    ([name, reason, how]): LieCase => [
      name,
      (scene) => {
        const index = withVote(scene, (report, block) =>
          scene.chain.addTransaction({
            signer: memberOf(scene),
            to: scene.chain.consensus,
            data: voteFor(report),
            block,
            ...how,
          }),
        )
        return { forged: [index], reason }
      },
    ],
  ),
  ...(
    [
      [
        'a vote that execute sends elsewhere',
        'wrong-target',
        (_, vote) => encodeExecute(ELSEWHERE, vote),
      ],
      [
        'a vote in execute in execute',
        'nested-execute',
        ({ chain }, vote) => encodeExecute(ELSEWHERE, encodeExecute(chain.consensus, vote)),
      ],
      ['a vote of an unknown function', 'unknown-call', (_, vote) => `0x12345678${vote.slice(10)}`],
    ] as const satisfies [string, string, (scene: Scene, vote: string) => string][]
  ).map(
    ([name, reason, wrap]): LieCase => [
      name,
      (scene) => {
        const index = withVote(scene, (report, block) =>
          scene.chain.addTransaction({
            signer: memberOf(scene),
            to: scene.chain.members[0]!.contract,
            data: wrap(scene, voteFor(report)),
            block,
          }),
        )
        return { forged: [index], reason }
      },
    ],
  ),
]

/** A report that members did vote for, handed in as no contract would take it. */
const FORGED_CALLS: readonly LieCase[] = (
  [
    ['sent to another contract', 'wrong-target', () => ELSEWHERE, (_, data) => data],
    [
      'executed on another contract',
      'wrong-target',
      ({ chain }) => chain.members[0]!.contract,
      (_, data) => encodeExecute(ELSEWHERE, data),
    ],
    [
      'execute in execute',
      'nested-execute',
      ({ chain }) => chain.members[0]!.contract,
      ({ chain }, data) => encodeExecute(ELSEWHERE, encodeExecute(chain.exitBus, data)),
    ],
    [
      'an unknown selector',
      'unknown-call',
      ({ chain }) => chain.exitBus,
      (_, data) => `0x12345678${data.slice(10)}`,
    ],
    ['cut calldata', 'bad-calldata', ({ chain }) => chain.exitBus, (_, data) => data.slice(0, -64)],
    [
      'a direct request that is not listed',
      'unlisted-transaction',
      ({ chain }) => chain.exitBus,
      undefined,
    ],
  ] as const satisfies [
    string,
    string,
    (scene: Scene) => string,
    ((scene: Scene, data: string) => string) | undefined,
  ][]
).map(
  ([name, reason, toOf, wrap]): LieCase => [
    name,
    (scene) => {
      const { chain, forge, request, validator } = scene
      const index = validator()
      const requests = [request(index)]
      const report = chain.submitReport({ requests, events: [] })
      forge(() =>
        wrap === undefined
          ? chain.submitDirect({ requests, signer: seededWallet('thief') })
          : chain.addTransaction({
              signer: memberOf(scene),
              to: toOf(scene),
              data: wrap(scene, encodeSubmitReportData(report.struct)),
              logs: [exitRequestLog(chain.exitBus, request(index), 1)],
            }),
      )
      return { forged: [index], reason }
    },
  ],
)

describe.each(COMPANIES)('a node that lies, %s, gives', (company) => {
  let scene: Scene
  beforeAll(async () => {
    scene = await createScene(company)
  })
  afterAll(() => scene.close())

  test.each(SWAPPED_BODIES)('%s', (_name, tell) => expectNoHarm(scene, tell))
  test.each(FORGED_VOTES)('%s', (_name, tell) => expectNoHarm(scene, tell))
  describe('a report', () => {
    test.each(FORGED_CALLS)('%s', (_name, tell) => expectNoHarm(scene, tell))
  })
})
