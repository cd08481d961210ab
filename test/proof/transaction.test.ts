import { concat, decodeRlp, encodeRlp, id, keccak256, SigningKey, Transaction } from 'ethers'
import { describe, expect, test } from 'vitest'
import type { Bytes32, Hex } from '../../src/lib/primitives.ts'
import { checkSerialized, checkTransaction } from '../../src/proof/transaction.ts'
import { serializeBody } from '../../src/proof/transaction-body.ts'
import apis from '../vectors/transactions/execution-apis.json' with { type: 'json' }
import lido from '../vectors/transactions/lido.json' with { type: 'json' }
import { addressOf, CHAIN_ID, EXIT_BUS, type Signed, signed, withHighS } from './chain.ts'

const accessList = [
  { address: EXIT_BUS, storageKeys: [id('key 1'), id('key 2')] },
  { address: addressOf('someone'), storageKeys: [] },
]
const authorization = {
  address: EXIT_BUS,
  nonce: 3n,
  chainId: CHAIN_ID,
  signature: new SigningKey(id('authority')).sign(id('authorization')),
}
const call = { to: EXIT_BUS, data: '0xe33a8d390001', value: 12_345_678_901n }
const ofEveryType: readonly (readonly [string, Signed])[] = [
  ['legacy', signed('member 1', { type: 0, ...call })],
  ['access list', signed('member 1', { type: 1, ...call, accessList })],
  ['dynamic fee', signed('member 1', { type: 2, ...call, accessList })],
  [
    'blobs',
    signed('member 1', {
      type: 3,
      ...call,
      accessList,
      maxFeePerBlobGas: 300,
      blobVersionedHashes: [`0x01${'ab'.repeat(31)}`, `0x01${'cd'.repeat(31)}`],
    }),
  ],
  [
    'set code',
    signed('member 1', { type: 4, ...call, accessList, authorizationList: [authorization] }),
  ],
]

const check = ({ body, hash }: Pick<Signed, 'body' | 'hash'>) =>
  checkTransaction(body, hash, CHAIN_ID)

describe.each(ofEveryType)('a transaction with %s', (_name, transaction) => {
  test('is rebuilt, and its signer recovered', () => {
    expect(check(transaction)).toEqual({
      ok: true,
      transaction: {
        hash: transaction.hash,
        chainId: CHAIN_ID,
        to: EXIT_BUS,
        from: addressOf('member 1'),
        input: call.data,
        serialized: transaction.serialized,
      },
    })
  })

  test('is made again from its signed bytes', () => {
    const first = check(transaction)
    if (!first.ok) throw new Error(first.why)

    const { serialized } = first.transaction
    expect(checkSerialized(serialized, transaction.hash, CHAIN_ID)).toEqual(first)
  })

  test.each(['to', 'input', 'value', 'nonce', 'gas', 'r', 's', 'accessList'])(
    'does not hash to what was asked for with another %s',
    (field) => {
      if (field === 'accessList' && transaction.body.type === '0x0') return
      const other = field === 'accessList' ? [] : field === 'to' ? addressOf('thief') : '0x1234'
      const body = { ...transaction.body, [field]: other }

      expect(checkTransaction(body, transaction.hash, CHAIN_ID)).toMatchObject({
        ok: false,
        fault: 'hash-mismatch',
      })
    },
  )

  test('keeps its true signer and hash, whatever the answer says of them', () => {
    const body = { ...transaction.body, from: addressOf('member 2'), hash: id('another') }

    expect(check({ body, hash: transaction.hash })).toMatchObject({
      ok: true,
      transaction: { hash: transaction.hash, from: addressOf('member 1') },
    })
  })

  test('of another chain is refused', () => {
    expect(checkTransaction(transaction.body, transaction.hash, 1n)).toMatchObject({
      ok: false,
      fault: 'wrong-chain',
    })
  })

  test('with the other, high s is refused under its own hash', () => {
    expect(check(withHighS(transaction))).toMatchObject({ ok: false, fault: 'bad-signature' })
  })
})

const ORDER = '0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141'

describe('what is no transaction of ours', () => {
  const { body, hash } = signed('member 1', call)

  test.each<[string, unknown]>([
    ['a text', 'transaction'],
    ['a list', []],
    ['an empty object', {}],
    ['a list as value', { ...body, value: [] }],
    ['negative quantity', { ...body, value: '-0x1' }],
    ['a decimal text', { ...body, value: '12' }],
    ['a fraction', { ...body, value: 1.5 }],
    ['odd data', { ...body, input: '0xabc' }],
    ['data without 0x', { ...body, input: 'abcd' }],
    ['an access list of numbers', { ...body, accessList: [1] }],
    ['an access list that is none', { ...body, accessList: '0x' }],
    [
      'storage keys that are none',
      { ...body, accessList: [{ address: EXIT_BUS, storageKeys: 1 }] },
    ],
  ])('%s is refused without an exception', (_name, other) => {
    const result = checkTransaction(other, hash, CHAIN_ID)

    expect(result.ok).toBe(false)
    expect(['malformed', 'hash-mismatch']).toContain(result.ok ? '' : result.fault)
  })

  test('a type that nobody knows yet is named', () => {
    expect(checkTransaction({ ...body, type: '0x5' }, hash, CHAIN_ID)).toEqual({
      ok: false,
      fault: 'unsupported-type',
      why: 'type 5',
    })
  })

  test('a legacy transaction without a chain id is refused', () => {
    const transaction = signed('member 1', { type: 0, ...call, chainId: 0 })

    expect(check(transaction)).toMatchObject({ ok: false, fault: 'no-chain-id' })
  })

  test.each([
    ['zero r', { r: '0x0' }],
    ['zero s', { s: '0x0' }],
    ['r beyond the curve order', { r: `0x${'f'.repeat(64)}` }],
    ['s beyond the curve order', { s: `0x${'f'.repeat(64)}` }],
  ])('a signature with %s is refused under its own hash', (_name, change) => {
    const forged = { ...body, ...change }
    const why = checkTransaction(forged, hash, CHAIN_ID)
    const ownHash = String(why.ok ? '' : why.why).slice(-66) as Bytes32

    expect(checkTransaction(forged, ownHash, CHAIN_ID)).toMatchObject({
      ok: false,
      fault: 'bad-signature',
    })
  })

  test.each<[string, (serialized: Hex) => string]>([
    ['upper case', (serialized) => serialized.toUpperCase().replace('0X', '0x')],
    ['no hex', () => '0xzz'],
    ['nothing', () => '0x'],
    ['bytes behind', (serialized) => `${serialized}00`],
    ['a type behind 0x80', (serialized) => `0x81${serialized.slice(4)}`],
    ['type 0', (serialized) => `0x00${serialized.slice(4)}`],
    ['another type', (serialized) => `0x01${serialized.slice(4)}`],
    ['no RLP', () => '0x02ffff'],
    ['a list in the place of the input', () => `0x02${encodeRlp(Array(12).fill([])).slice(2)}`],
    ['deep nesting', () => `0x02${'c1'.repeat(20_000)}c0`],
  ])('bytes with %s are refused under their own hash', (_name, change) => {
    const serialized = change(signed('member 1', call).serialized as Hex) as Hex
    const ownHash = (
      /^0x([0-9a-f]{2})+$/i.test(serialized) ? keccak256(serialized) : hash
    ) as Bytes32

    expect(checkSerialized(serialized, ownHash, CHAIN_ID).ok).toBe(false)
  })

  test('bytes of another transaction are refused', () => {
    const { serialized } = signed('member 1', call)

    expect(checkSerialized(serialized, hash, CHAIN_ID)).toMatchObject({ fault: 'hash-mismatch' })
  })

  test.each([
    ['a yParity of 2', 9, '0x02'],
    ['an r with a leading zero', 10, `0x00${'12'.repeat(31)}`],
    ['an r that is no point of the curve', 10, '0x05'],
    ['an r of zero', 10, '0x'],
    ['an s of zero', 11, '0x'],
    ['an r as large as the order', 10, ORDER],
    ['a recipient of 19 bytes', 5, `0x${'12'.repeat(19)}`],
    ['a chain id with a leading zero', 0, '0x00088bb0'],
  ])('bytes with %s are refused under their own hash', (_name, at, value) => {
    const { serialized } = signed('member 1', call)
    const fields = decodeRlp(`0x${serialized.slice(4)}`) as string[]
    const changed = concat(['0x02', encodeRlp(fields.with(at, value))]) as Hex

    expect(checkSerialized(changed, keccak256(changed) as Bytes32, CHAIN_ID).ok).toBe(false)
  })

  test('bytes that could be written shorter are refused, since they hide what was signed', () => {
    const { serialized } = signed('member 1', { ...call, data: '0x' })
    const long = serialized.replace('80c0', '8100c0') as Hex
    const header = serialized.slice(4, 6) === 'f8' ? 8 : 6
    const length = parseInt(serialized.slice(header - 2, header), 16) + 1
    const padded = `${long.slice(0, header - 2)}${length.toString(16)}${long.slice(header)}` as Hex

    expect(padded).not.toBe(serialized)
    expect(checkSerialized(padded, keccak256(padded) as Bytes32, CHAIN_ID)).toMatchObject({
      ok: false,
      fault: 'malformed',
    })
  })
})

describe('transactions that others signed', () => {
  const vectors = [
    ...apis,
    ...[lido.report.submitReportData, lido.report.submitReport].map((body) => ({
      name: body.hash,
      chainId: body.chainId,
      body,
    })),
    {
      name: 'direct request',
      chainId: lido.direct.submitExitRequestsData.chainId,
      body: lido.direct.submitExitRequestsData,
    },
  ]

  test.each(vectors)('$name', ({ body, chainId }) => {
    const result = checkTransaction(body, body.hash as Bytes32, BigInt(chainId))

    expect(result).toMatchObject({
      ok: true,
      transaction: { from: body.from, to: body.to ?? undefined, input: body.input },
    })
    if (!result.ok) return
    const reference = Transaction.from(result.transaction.serialized)
    expect(reference.hash).toBe(body.hash)
    expect(reference.from?.toLowerCase()).toBe(result.transaction.from)
    expect(reference.signature?.isValid()).toBe(true)
  })
})

test('a body is refused at a cost that grows in a line with it', () => {
  const keys = Array.from({ length: 5_000 }, (_, at) => id(String(at)))
  const { body, hash } = signed('member 1', call)
  /** How often entries are read, and how many bytes are hashed. */
  function work(length: number) {
    let reads = 0
    const storageKeys = new Proxy(keys.slice(0, length), {
      get(list, name) {
        if (typeof name === 'string' && /^\d+$/.test(name)) reads += 1
        return Reflect.get(list, name)
      },
    })
    const heavy = { ...body, accessList: [{ address: EXIT_BUS, storageKeys }] }
    const built = serializeBody(heavy, CHAIN_ID)
    expect(checkTransaction(heavy, hash, CHAIN_ID).ok).toBe(false)
    const candidates = built.kind === 'serialized' ? built.candidates : []
    return { reads, digits: candidates.join('').length }
  }
  const [few, many] = [work(500), work(5_000)]

  expect(few.reads).toBeLessThanOrEqual(3 * 500)
  expect(many.reads).toBe(10 * few.reads)
  expect(many.digits).toBeLessThan(10 * few.digits)
})
