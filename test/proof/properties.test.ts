import { concat, encodeRlp as ethersRlp, id, keccak256 } from 'ethers'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { SELECTORS } from '../../src/execution/abi.ts'
import type { Bytes32, Hex } from '../../src/lib/primitives.ts'
import { readCall } from '../../src/proof/calls.ts'
import { addAnswer, createEvidence } from '../../src/proof/evidence.ts'
import { judge } from '../../src/proof/judge.ts'
import { logsLookUp, readReportLog, transactionLookUp } from '../../src/proof/look-up.ts'
import { decodeRecords, hasRecord } from '../../src/proof/report-data.ts'
import { encodeRlp, type Rlp } from '../../src/proof/rlp.ts'
import {
  type CheckedTransaction,
  checkSerialized,
  checkTransaction,
} from '../../src/proof/transaction.ts'
import * as chain from './chain.ts'
import { report, scene, vote } from './scene.ts'

const seed = 20_261_126
const check = <T>(property: fc.IProperty<T>, numRuns = 200) =>
  fc.assert(property, { seed, numRuns })

const hex = (constraints: fc.IntArrayConstraints = { maxLength: 200 }) =>
  fc.uint8Array(constraints).map((bytes) => `0x${Buffer.from(bytes).toString('hex')}` as Hex)
const number = (max: number) => fc.integer({ min: 0, max })
const record = fc
  .record({
    moduleId: number(2 ** 24 - 1),
    operatorId: number(2 ** 40 - 1),
    validatorIndex: number(Number.MAX_SAFE_INTEGER),
    pubkey: hex({ minLength: 48, maxLength: 48 }),
  })
  .map((fields) => fields as chain.ExitRecord)

/** A value of JSON in the place of one field. */
const spoiled = <T extends object>(genuine: T) =>
  fc
    .tuple(fc.constantFrom(...(Object.keys(genuine) as (keyof T)[])), fc.jsonValue())
    .map(([name, value]) => ({ ...genuine, [name]: value }))

describe('transactions', () => {
  const ofEachType = [0, 1, 2, 3, 4].map((type) =>
    chain.signed('member 1', {
      type,
      ...(type === 3 ? { maxFeePerBlobGas: 1, blobVersionedHashes: [id('blob')] } : {}),
      ...(type === 4 ? { authorizationList: [] } : {}),
    }),
  )
  const fields = fc.record({
    type: number(2),
    to: fc.option(hex({ minLength: 20, maxLength: 20 })),
    data: hex(),
    value: fc.bigInt({ min: 0n, max: 2n ** 96n }),
    gasLimit: number(30_000_000),
    who: fc.string(),
  })

  test('come back as they were signed, from a body and from their bytes', () => {
    check(
      fc.property(fields, ({ who, ...more }) => {
        const { hash, body, from, serialized } = chain.signed(who, more)
        const checked = checkTransaction(body, hash, chain.CHAIN_ID)
        expect(checked).toMatchObject({
          ok: true,
          transaction: { hash, from, serialized, input: more.data, to: more.to ?? undefined },
        })
        expect(checkSerialized(serialized, hash, chain.CHAIN_ID)).toEqual(checked)
      }),
      40,
    )
  })

  test('that are spoiled in one field are refused, or mean the same; nothing is thrown', () => {
    const some = fc.constantFrom(...ofEachType)
    check(
      fc.property(
        some.chain((one) => spoiled(one.body).map((body) => ({ ...one, body }))),
        ({ hash, body, serialized }) => {
          const checked = checkTransaction(body, hash, chain.CHAIN_ID)
          if (checked.ok) expect(checked.transaction.serialized).toBe(serialized)
        },
      ),
      500,
    )
  })

  test('that are anything else are refused, and nothing is thrown', () => {
    const hash = id('any') as Bytes32
    check(
      fc.property(fc.jsonValue(), (body) => {
        expect(checkTransaction(body, hash, chain.CHAIN_ID).ok).toBe(false)
      }),
    )
    check(
      fc.property(hex({ minLength: 1, maxLength: 300 }), (bytes) => {
        const own = keccak256(bytes) as Bytes32
        expect(checkSerialized(bytes, own, chain.CHAIN_ID).ok).toBe(false)
      }),
    )
  })

  test('of which a byte is changed are refused, or have another signer', () => {
    const { serialized, from } = chain.signed('member 1', { data: '0x1234' })
    check(
      fc.property(number(serialized.length / 2 - 2), number(254), (at, offset) => {
        const place = 2 + at * 2
        const byte = (parseInt(serialized.slice(place, place + 2), 16) + 1 + offset) % 256
        const digits = byte.toString(16).padStart(2, '0')
        const changed =
          `${serialized.slice(0, place)}${digits}${serialized.slice(place + 2)}` as Hex
        const checked = checkSerialized(changed, keccak256(changed) as Bytes32, chain.CHAIN_ID)
        if (checked.ok) expect(checked.transaction.from).not.toBe(from)
      }),
    )
  })
})

describe('RLP', () => {
  const bytes = fc
    .oneof(fc.uint8Array({ maxLength: 60 }), fc.uint8Array({ minLength: 250, maxLength: 260 }))
    .map((list) => Buffer.from(list).toString('hex'))
  const { item } = fc.letrec<{ item: Rlp; list: readonly Rlp[] }>((tie) => ({
    item: fc.oneof({ maxDepth: 4 }, bytes, tie('list')),
    list: fc.array(tie('item'), { maxLength: 6 }),
  }))
  type Prefixed = string | Prefixed[]
  const prefixed = (one: Rlp): Prefixed =>
    typeof one === 'string' ? `0x${one}` : one.map(prefixed)

  test('is that of ethers', () => {
    check(
      fc.property(item, (one) => {
        expect(`0x${encodeRlp(one)}`).toBe(ethersRlp(prefixed(one)))
      }),
    )
  })
})

describe('report data', () => {
  test.each([1, 2])('in format %i names exactly the records that were put in', (format) => {
    check(
      fc.property(fc.array(record, { maxLength: 12 }), record, (records, other) => {
        const reading = decodeRecords(chain.encodeRecords(records, format), BigInt(format))
        if (!reading.ok) throw new Error(reading.why)
        expect(reading.records.count).toBe(records.length)
        for (const one of records) expect(hasRecord(reading.records, one)).toBe(true)
        expect(hasRecord(reading.records, other)).toBe(false)
      }),
    )
  })

  test('of any bytes is whole records, or refused', () => {
    const size = new Map([
      [1n, 64],
      [2n, 72],
    ])
    check(
      fc.property(hex({ maxLength: 400 }), fc.bigInt({ min: 0n, max: 3n }), (data, format) => {
        const reading = decodeRecords(data, format)
        const bytes = (data.length - 2) / 2
        const step = size.get(format)
        expect(reading.ok).toBe(step !== undefined && bytes % step === 0)
        if (reading.ok) expect(reading.records.count * (step ?? 0)).toBe(bytes)
      }),
    )
  })
})

describe('calls', () => {
  const to = chain.EXIT_BUS
  const callOf = (input: string) =>
    readCall({ to, input: input.toLowerCase() } as unknown as CheckedTransaction)
  const genuine = [
    chain.submitReportData(report),
    chain.submitExitRequestsData(report.data),
    chain.submitReport(report),
    chain.execute(to, chain.submitReport(report)),
    chain.execTransaction(to, chain.submitExitRequestsData(report.data)),
  ]

  test('of any calldata have a reading, and nothing is thrown', () => {
    const selector = fc.constantFrom(...Object.values(SELECTORS))
    const word = fc.oneof(
      number(300).map((value) => `0x${value.toString(16).padStart(64, '0')}` as Hex),
      hex({ minLength: 32, maxLength: 32 }),
    )
    const calldata = fc
      .tuple(selector, fc.array(word, { maxLength: 16 }), hex({ maxLength: 40 }))
      .map(([first, words, rest]) => concat([first, ...words, rest]))
    check(
      fc.property(calldata, (input) => void callOf(input)),
      1_000,
    )
  })

  test('that are spoiled have a reading, and nothing is thrown', () => {
    const spoiledCall = fc
      .tuple(fc.constantFrom(...genuine), fc.nat(), hex({ minLength: 1, maxLength: 32 }))
      .map(([input, place, patch]) => {
        const at = 2 + 2 * (place % (input.length / 2 - 1))
        const digits = patch.slice(2)
        return input.slice(0, at) + digits + input.slice(at + digits.length)
      })
    check(
      fc.property(spoiledCall, (input) => void callOf(input)),
      500,
    )
  })

  test('inside the reading of a report are those that were put in', () => {
    check(
      fc.property(fc.array(record, { maxLength: 5 }), fc.constantFrom(1, 2), (records, format) => {
        const shown = chain.reportOf(records, { dataFormat: format })
        for (const input of [chain.submitReportData(shown), chain.submitReport(shown)]) {
          const expected = { target: to, report: chain.hashOf(shown) }
          expect(callOf(input)).toMatchObject(expected)
          expect(callOf(chain.execute(to, input as Hex))).toMatchObject(expected)
        }
      }),
      60,
    )
  })
})

describe('logs of votes', () => {
  const hash = chain.hashOf(report)
  const lookUp = logsLookUp('ConsensusReached', chain.CONSENSUS, hash, 1_000_000)
  const genuine = chain.consensusReached(hash, vote.hash)

  test('of any kind have a reading, and lead to a transaction only with all that was asked', () => {
    check(
      fc.property(fc.oneof(fc.jsonValue(), spoiled(genuine)), (raw) => {
        const reading = readReportLog(raw, lookUp)
        if (reading.kind !== 'match') return
        expect(raw).toMatchObject({ address: chain.CONSENSUS, data: genuine.data })
      }),
      500,
    )
  })

  test('and bodies, as any JSON, spoil no evidence', () => {
    const { request, trust, event } = scene({ vote })
    const answer = fc.oneof(fc.jsonValue(), fc.array(spoiled(genuine)), spoiled(event.body))
    const asked = [transactionLookUp(event.hash), transactionLookUp(vote.hash), lookUp]
    check(
      fc.property(fc.array(fc.tuple(fc.constantFrom(...asked), answer)), (answers) => {
        const evidence = createEvidence(chain.CHAIN_ID)
        for (const [about, result] of answers) {
          addAnswer(evidence, about, 'liar', { ok: true, result })
          judge(request, evidence, trust)
        }
        const bodies = [event, vote].map((one) => [transactionLookUp(one.hash), one.body] as const)
        for (const [about, result] of [...bodies, [lookUp, [genuine]] as const]) {
          addAnswer(evidence, about, 'honest', { ok: true, result })
        }
        expect(judge(request, evidence, trust).kind).toBe('proven')
      }),
      100,
    )
  })
})
