import { AbiCoder } from 'ethers/abi'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { exitBusAbi, TOPICS } from '../../src/execution/abi.ts'
import {
  type ExitLogQuery,
  isExitEvent,
  readExitLog,
  topicOf,
} from '../../src/execution/exit-log.ts'
import type {
  Address,
  Hex,
  ModuleId,
  OperatorId,
  Pubkey,
  ValidatorIndex,
} from '../../src/lib/primitives.ts'

const BUS = `0x${'ab'.repeat(20)}` as Address
const query: ExitLogQuery = {
  chainId: 1n,
  exitBuses: [BUS],
  moduleId: 1 as ModuleId,
  operatorIds: [5 as OperatorId],
  fromBlock: 0,
  toBlock: Number.MAX_SAFE_INTEGER,
}
const hex = (bytes: number) =>
  fc
    .uint8Array({ minLength: bytes, maxLength: bytes })
    .map((some) => `0x${Buffer.from(some).toString('hex')}`)

const genuine = fc.record({
  pubkey: hex(48),
  validatorIndex: fc.nat(),
  timestamp: fc.nat(4_000_000_000),
  blockNumber: fc.nat(),
  logIndex: fc.nat(10_000),
  blockHash: hex(32),
  transactionHash: hex(32),
})
type Genuine = typeof genuine extends fc.Arbitrary<infer Value> ? Value : never

const toLog = (event: Genuine) => ({
  address: BUS,
  topics: [TOPICS.validatorExitRequest, ...[1, 5, event.validatorIndex].map(topicOf)],
  data: AbiCoder.defaultAbiCoder().encode(['bytes', 'uint256'], [event.pubkey, event.timestamp]),
  blockNumber: `0x${event.blockNumber.toString(16)}`,
  blockHash: event.blockHash,
  transactionHash: event.transactionHash,
  logIndex: `0x${event.logIndex.toString(16)}`,
  removed: false,
})

test('a genuine event is read as it is, in any dialect', () => {
  const property = fc.property(genuine, (event) => {
    const log = toLog(event)
    const padded = `0x${event.blockNumber.toString(16).padStart(64, '0')}`
    const { removed: _, ...without } = log
    const dialects = [
      log,
      without,
      { ...log, removed: null },
      { ...log, removed: 'false' },
      { ...log, address: BUS.toUpperCase().replace('0X', '0x') },
      { ...log, blockNumber: padded },
      { ...log, blockNumber: event.blockNumber, logIndex: event.logIndex },
    ]
    const readings = dialects.map((one) => readExitLog(one, query))
    for (const reading of readings) {
      expect(reading).toMatchObject({
        ok: true,
        request: { ...event, exitBus: BUS, moduleId: 1, operatorId: 5, chainId: 1n },
      })
      // The same log is the same request, whoever reports it.
      expect(reading).toEqual(readings[0])
    }
  })
  fc.assert(property, { seed: 26, numRuns: 200 })
})

test('whatever comes instead is dropped with a reason, and never throws', () => {
  const property = fc.property(
    genuine,
    fc.constantFrom(
      'address',
      'topics',
      'data',
      'blockNumber',
      'blockHash',
      'transactionHash',
      'logIndex',
    ),
    fc.jsonValue(),
    (event, field, value) => {
      const log = { ...toLog(event), [field]: value }
      const reading = readExitLog(log, query)
      if (!reading.ok) expect(reading.why).toMatch(/^(malformed log|log )/)
      else expect(reading.request.operatorId).toBe(5)
    },
  )
  fc.assert(property, { seed: 26, numRuns: 2_000 })
  fc.assert(
    fc.property(fc.anything(), (value) => {
      expect(readExitLog(value, query).ok).toBe(false)
    }),
    { seed: 26, numRuns: 1_000 },
  )
})

test('a log is the event that a request says, and of no other one', () => {
  const property = fc.property(genuine, (event) => {
    const { pubkey, timestamp, validatorIndex } = event
    const { topics, data } = exitBusAbi.encodeEventLog('ValidatorExitRequest', [
      1,
      5,
      validatorIndex,
      pubkey,
      timestamp,
    ])
    const log = { topics: topics as Hex[], data: data as Hex }
    const reading = readExitLog({ ...toLog(event), ...log }, query)
    if (!reading.ok) throw new Error(reading.why)
    const { request } = reading
    expect(isExitEvent(log, request)).toBe(true)
    const others = [
      { moduleId: 2 as ModuleId },
      { operatorId: 6 as OperatorId },
      { validatorIndex: (validatorIndex + 1) as ValidatorIndex },
      { pubkey: pubkey.replace(/.$/, (last) => (last === '0' ? '1' : '0')) as Pubkey },
      { timestamp: timestamp + 1 },
    ]
    for (const other of others) expect(isExitEvent(log, { ...request, ...other })).toBe(false)
    const [, ...words] = log.topics
    expect(isExitEvent({ ...log, topics: words }, request)).toBe(false)
    expect(isExitEvent({ ...log, topics: [`0x${'1'.repeat(64)}`, ...words] }, request)).toBe(false)
    expect(isExitEvent({ ...log, data: '0x' }, request)).toBe(false)
  })
  fc.assert(property, { seed: 26, numRuns: 200 })
})

test.each([
  ['blockNumber', Number.MAX_SAFE_INTEGER + 1],
  ['blockNumber', `0x${'f'.repeat(64)}`],
  ['logIndex', -1],
  ['logIndex', 1.5],
  ['removed', true],
  ['removed', 'true'],
])('%s %s does not count', (field, value) => {
  const [event] = fc.sample(genuine, { seed: 1, numRuns: 1 })
  if (event === undefined) throw new Error('no sample')
  expect(readExitLog({ ...toLog(event), [field]: value }, query).ok).toBe(false)
})
