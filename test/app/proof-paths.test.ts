import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { seededWallet } from '../sim/ledger.ts'
import type { TxType } from '../sim/transactions.ts'
import { until } from '../support/until.ts'
import { createWorld, cycles, type RunningApp, type World } from '../support/world.ts'

const TYPES: readonly TxType[] = [0, 1, 2, 3, 4]
const FORMATS = [1, 2] as const
const VIAS = ['direct', 'delegate'] as const

const PATHS = TYPES.flatMap((txType) =>
  FORMATS.flatMap((format) => VIAS.map((via) => ({ txType, format, via }))),
)
const DIRECT_PATHS = TYPES.map((txType) => ({ txType, format: FORMATS[txType % 2] ?? 1 }))

describe('a genuine request is proven and sent:', () => {
  let world: World
  let app: RunningApp
  const directHashes: string[] = []
  let used = 0

  beforeAll(async () => {
    const validators = PATHS.length + DIRECT_PATHS.length
    world = await createWorld({ beacon: { validators } })
    for (let index = 0; index < validators; index += 1) world.writeMessage(index)
    for (const [at, path] of DIRECT_PATHS.entries()) {
      const requests = [world.requestOf(PATHS.length + at, { keyIndex: at })]
      const signer = seededWallet('direct')
      directHashes.push(world.chain.submitDirect({ requests, signer, ...path }).hash)
    }
    app = await world.start({
      JOB_INTERVAL: '20',
      SUBMIT_TX_HASH_ALLOWLIST: JSON.stringify(
        directHashes.map((hash) => `0x${hash.slice(2).toUpperCase()}`),
      ),
    })
  })
  afterAll(() => world.close())

  const sent = (validator: number) =>
    until(`${validator} is sent`, () =>
      world.beacon.accepted.some(({ index }) => index === validator),
    )
  const proofOf = (validator: number) =>
    app.said('exit request proven').filter(({ details }) => details?.validator === validator)

  test.each(PATHS)('a report of type $txType, format $format, $via', async (path) => {
    const { chain, requestOf } = world
    const validator = used
    used += 1
    const requests = [requestOf(validator, { keyIndex: validator })]
    const report = chain.submitReport({ requests, ...path })
    chain.finalize()

    await sent(validator)
    // Either member may have been found first, and one is enough.
    expect(proofOf(validator).map(({ details }) => details)).toEqual([
      expect.objectContaining({
        by: 'report',
        reportSlot: String(report.refSlot),
        transactions: [report.dataTransaction.hash, report.consensusTransaction?.hash],
        signers: [report.consensusTransaction?.from],
      }),
    ])
  })

  test('requests outside of a report, of every type, whose hash is listed', async () => {
    world.chain.finalize()
    for (const [at, hash] of directHashes.entries()) {
      await sent(PATHS.length + at)
      expect(proofOf(PATHS.length + at).map(({ details }) => details)).toEqual([
        expect.objectContaining({
          by: 'direct',
          transactions: [hash],
          signers: [seededWallet('direct').address.toLowerCase()],
        }),
      ])
    }
  })

  test('without one error', async () => {
    await cycles(app)
    expect(app.lines.filter(({ level }) => level === 'error')).toEqual([])
    const labels = { result: 'error' }
    expect(await app.metric('event_security_verification', labels)).toBe(0)
  })
})
