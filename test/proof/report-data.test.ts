import { describe, expect, test } from 'vitest'
import type { Hex, ModuleId, OperatorId, ValidatorIndex } from '../../src/lib/primitives.ts'
import { decodeRecords, describeRecord, hasRecord } from '../../src/proof/report-data.ts'
import { encodeRecords, exitRecord } from './chain.ts'

const [first, second, third] = [1, 2, 3].map((number) => exitRecord(number))
if (!first || !second || !third) throw new Error('no records')

const decode = (data: Hex, format = 1n) => {
  const reading = decodeRecords(data, format)
  if (!reading.ok) throw new Error(reading.why)
  return reading.records
}

describe.each([1, 2])('data format %i', (format) => {
  const data = encodeRecords([first, second, third], format)
  const records = decode(data, BigInt(format))

  test('names each of its records, and no other', () => {
    expect(records.count).toBe(3)
    for (const record of [first, second, third]) expect(hasRecord(records, record)).toBe(true)
    expect(hasRecord(records, exitRecord(4))).toBe(false)
  })

  test.each([
    ['module', { moduleId: 2 as ModuleId }],
    ['operator', { operatorId: 8 as OperatorId }],
    ['validator index', { validatorIndex: 1_002 as ValidatorIndex }],
    ['public key', { pubkey: second.pubkey }],
  ])('does not name a record under another %s', (_name, change) => {
    expect(hasRecord(records, { ...first, ...change })).toBe(false)
  })

  test('does not name a public key that straddles two records', () => {
    const text = data.slice(2)
    const straddling = `0x${text.slice(96, 192)}` as typeof first.pubkey

    expect(hasRecord(records, { ...first, pubkey: straddling })).toBe(false)
    expect(describeRecord(records, straddling)).toBeUndefined()
  })

  test.each([
    ['truncated by a byte', data.slice(0, -2)],
    ['over-long by a byte', `${data}00`],
    ['over-long by half a record', `${data}${'00'.repeat(32)}`],
  ])('is refused when %s', (_name, other) => {
    expect(decodeRecords(other as Hex, BigInt(format))).toMatchObject({
      ok: false,
      fault: 'data-length',
    })
  })

  test('tells where the order breaks, and names the records all the same', () => {
    const disordered = decode(encodeRecords([second, first, third], format), BigInt(format))

    expect(disordered.disorderAt).toBe(1)
    expect(hasRecord(disordered, first)).toBe(true)
    expect(records.disorderAt).toBeUndefined()
  })

  test('counts the same record twice as disorder', () => {
    expect(decode(encodeRecords([first, first], format), BigInt(format)).disorderAt).toBe(1)
  })

  test('tells under which names it has a public key', () => {
    expect(describeRecord(records, first.pubkey)).toBe('module 1, operator 7, validator 1001')
  })
})

test.each([0n, 3n, 2n ** 256n - 1n])('data format %i is not known', (format) => {
  expect(decodeRecords(encodeRecords([first]), format)).toMatchObject({
    ok: false,
    fault: 'data-format',
  })
})

test('no data holds no records', () => {
  expect(decode('0x')).toMatchObject({ count: 0, disorderAt: undefined })
})

test('numbers too big for their field never match a record by running into the next one', () => {
  const records = decode(encodeRecords([first]))

  expect(hasRecord(records, { ...first, moduleId: (first.moduleId * 16 ** 6) as ModuleId })).toBe(
    false,
  )
  expect(
    hasRecord(records, { ...first, operatorId: (first.operatorId + 2 ** 40) as OperatorId }),
  ).toBe(false)
})

test('the widest values of every field are read in full', () => {
  const widest = exitRecord(9, {
    moduleId: 2 ** 24 - 1,
    operatorId: 2 ** 40 - 1,
    validatorIndex: Number.MAX_SAFE_INTEGER,
  })

  expect(hasRecord(decode(encodeRecords([widest])), widest)).toBe(true)
})
