import { afterEach, describe, expect, test } from 'vitest'
import { createMember, type SimMember } from '../sim/contracts.ts'
import type { ReportOptions } from '../sim/reports.ts'
import { reasonsFor } from '../support/liar.ts'
import { until } from '../support/until.ts'
import { createWorld, type World } from '../support/world.ts'

let world: World
afterEach(() => world.close())

/** An oracle member that signs with a key which is not listed yet. */
const rotated = createMember('rotated')

type Way = Pick<ReportOptions, 'emitConsensus' | 'reachedBy' | 'via'> & {
  readonly signers: readonly (number | SimMember)[]
}

/** A report on validator 1, and a daemon that reads it. */
async function setUp(quorum: number, way: Way) {
  world = await createWorld()
  // As the operator listed them: whoever votes through a delegate later is listed all the same.
  const ORACLE_ADDRESSES_ALLOWLIST = JSON.stringify(world.chain.signerAddresses())
  world.writeMessage(1)
  const report = world.chain.submitReport({ requests: [world.requestOf(1)], ...way })
  world.chain.finalize()
  const app = await world.start({ ORACLE_QUORUM: `${quorum}`, ORACLE_ADDRESSES_ALLOWLIST })
  return { app, report }
}

describe.each([1, 2])(
  'with ORACLE_QUORUM=%i a genuine request is proven by its listed votes:',
  (quorum) => {
    test.each<[string, Way]>([
      ['an unlisted key voted last', { signers: [0, 1, rotated], emitConsensus: true }],
      [
        'the same through a delegate',
        { signers: [0, 1, rotated], emitConsensus: true, via: 'delegate' },
      ],
      ['an unlisted key voted first', { signers: [rotated, 0, 1] }],
      ['ConsensusReached came out of setQuorum', { signers: [0, 1], reachedBy: 'setQuorum' }],
      ['ConsensusReached came out of removeMember', { signers: [0, 1], reachedBy: 'removeMember' }],
      [
        'out of removeMember, after an unlisted vote',
        { signers: [0, 1, rotated], reachedBy: 'removeMember' },
      ],
    ])('%s', async (_name, way) => {
      const { app, report } = await setUp(quorum, way)

      await until('it is submitted', () => world.beacon.accepted.length > 0)

      const [proof] = app.said('exit request proven')
      const { signers, transactions } = (proof?.details ?? {}) as Record<string, string[]>
      const listed = report.votes.filter(
        ({ from }) => from !== rotated.wallet.address.toLowerCase(),
      )
      expect(signers?.length).toBeGreaterThanOrEqual(quorum)
      expect(listed.map(({ from }) => from)).toEqual(expect.arrayContaining(signers ?? []))
      expect(transactions?.[0]).toBe(report.dataTransaction.hash)
      expect(listed.map(({ hash }) => hash)).toEqual(
        expect.arrayContaining(transactions?.slice(1) ?? []),
      )
      expect(reasonsFor(app, 1)).toEqual([])
    })
  },
)

test.each<[string, Way, number]>([
  [
    'of unlisted keys alone, whoever managed the members',
    { signers: [rotated], reachedBy: 'setQuorum' },
    1,
  ],
  [
    'of one listed key where two are demanded',
    { signers: [0, rotated], reachedBy: 'removeMember' },
    2,
  ],
])('votes %s prove nothing', async (_name, way, quorum) => {
  const { app } = await setUp(quorum, way)

  await until('it is said', () => reasonsFor(app, 1).length > 0)

  expect(reasonsFor(app, 1)).toEqual([quorum === 1 ? 'unlisted-signer' : 'quorum-missing'])
  expect(world.consensus.postedExits()).toEqual([])
})
