import { concat, encodeRlp, id, keccak256, SigningKey, Transaction } from 'ethers'
import { describe, expect, test } from 'vitest'
import type { Bytes32 } from '../../src/lib/primitives.ts'
import { checkTransaction } from '../../src/proof/transaction.ts'
import { addressOf, CHAIN_ID, EXIT_BUS, type Signed, signed } from './chain.ts'

const call = { to: EXIT_BUS, data: '0xe33a8d390001', value: 12_345_678_901n }
const authorization = {
  address: EXIT_BUS,
  nonce: 3n,
  chainId: CHAIN_ID,
  signature: new SigningKey(id('authority')).sign(id('authorization')),
}
const legacy = signed('member 1', { type: 0, ...call })
const dynamic = signed('member 1', {
  ...call,
  accessList: [{ address: EXIT_BUS, storageKeys: [id('key 1')] }],
})

const check = ({ body, hash }: Pick<Signed, 'body' | 'hash'>) =>
  checkTransaction(body, hash, CHAIN_ID)

describe('dialects of nodes', () => {
  const { yParity: parity, v: _v, ...rest } = dynamic.body
  const asNumber = Number(parity)

  test.each<[string, Readonly<Record<string, unknown>>]>([
    ['only yParity', { ...rest, yParity: parity }],
    ['only v, as parity', { ...rest, v: parity }],
    ['only v, as 27 or 28', { ...rest, v: `0x${(27 + asNumber).toString(16)}` }],
    ['neither', rest],
    ['quantities with leading zeros', { ...dynamic.body, gas: '0x0f4240', value: '0x02dfdc1c35' }],
    ['data beside input', { ...dynamic.body, data: '0x' }],
    ['data instead of input', { ...dynamic.body, input: null, data: call.data }],
    ['gasLimit instead of gas', { ...dynamic.body, gas: undefined, gasLimit: '0xf4240' }],
    ['upper-case hex', { ...dynamic.body, to: `0x${EXIT_BUS.slice(2).toUpperCase()}` }],
    ['fields of its own', { ...dynamic.body, l1Fee: null, blockTimestamp: {} }],
    ['no chain id', { ...dynamic.body, chainId: null }],
  ])('a body with %s is understood', (_name, body) => {
    expect(check({ body, hash: dynamic.hash })).toMatchObject({ ok: true })
  })

  test('a missing or null access list is an empty one', () => {
    const transaction = signed('member 1', { ...call, accessList: [] })

    for (const list of [null, undefined]) {
      const body = { ...transaction.body, accessList: list }
      expect(check({ body, hash: transaction.hash })).toMatchObject({ ok: true })
    }
  })

  test('r and s that begin with zeros may be written short, full or padded to whole bytes', () => {
    const shortR = withShort('r')
    const shortS = withShort('s')
    for (const transaction of [shortR, shortS]) {
      const pad = (value: unknown) => `0x${String(value).slice(2).padStart(64, '0')}`
      const { r, s } = transaction.body
      for (const body of [transaction.body, { ...transaction.body, r: pad(r), s: pad(s) }]) {
        expect(check({ body, hash: transaction.hash })).toMatchObject({ ok: true })
      }
    }
  })

  function withShort(name: 'r' | 's'): Signed {
    for (let value = 0; value < 5_000; value += 1) {
      const transaction = signed('member 1', { ...call, value })
      if (String(transaction.body[name]).length <= 64) return transaction
    }
    throw new Error('no short value found')
  }

  test('a legacy body without a type is understood', () => {
    expect(check({ body: { ...legacy.body, type: undefined }, hash: legacy.hash }).ok).toBe(true)
  })

  describe('a legacy body', () => {
    const parity = (BigInt(String(legacy.body.v)) - 35n) % 2n
    const v = (value: bigint | undefined) =>
      value === undefined ? undefined : `0x${value.toString(16)}`

    test.each<[string, bigint | undefined, object]>([
      ['27 or 28 as v', 27n + parity, {}],
      ['0 or 1 as v', parity, {}],
      ['the other bit as v', 1n - parity, {}],
      ['no v but yParity', undefined, { yParity: v(parity) }],
      ['a chain id beside v', 27n + parity, { chainId: v(CHAIN_ID) }],
    ])('with %s is understood, though a chain id is signed', (_name, value, more) => {
      const body = { ...legacy.body, v: v(value), ...more }

      expect(check({ body, hash: legacy.hash })).toMatchObject({
        ok: true,
        transaction: { from: addressOf('member 1'), serialized: legacy.serialized },
      })
    })

    test.each([0n, 1n, 27n, 28n, 35n])(
      'without a chain id is no other one, with v written as %i',
      (value) => {
        const unbound = signed('member 1', { type: 0, chainId: 0, ...call })
        const body = { ...unbound.body, v: v(value) }

        expect(check({ body, hash: unbound.hash })).toMatchObject({ fault: 'no-chain-id' })
      },
    )

    test('of another chain is no fault of the node, however v is written', () => {
      const foreign = signed('member 1', { type: 0, chainId: 1, ...call })

      expect(check(foreign)).toMatchObject({ fault: 'wrong-chain' })
      const body = { ...foreign.body, v: '0x0', chainId: '0x1' }
      expect(check({ body, hash: foreign.hash })).toMatchObject({ fault: 'wrong-chain' })
    })
  })

  test('a contract creation has no recipient', () => {
    const transaction = signed('member 1', { ...call, to: null })

    expect(check(transaction)).toMatchObject({ ok: true, transaction: { to: undefined } })
  })

  test('an authorization that the chain skips does not hinder the transaction around it', () => {
    const transaction = signed('member 1', {
      type: 4,
      ...call,
      authorizationList: [authorization],
    })
    const { hash, body } = withParity(transaction, 5)

    expect(() => Transaction.from(keccakPreimages.get(hash))).toThrow()
    expect(check({ body, hash })).toMatchObject({
      ok: true,
      transaction: { from: addressOf('member 1') },
    })
  })

  const keccakPreimages = new Map<Bytes32, string>()

  /** Signs again, with an authorization whose yParity no signature can have (EIP-7702). */
  function withParity({ body }: Signed, yParity: number) {
    const [entry] = body.authorizationList as [Record<string, string>]
    const even = (value: unknown) => {
      const digits = String(value).slice(2).replace(/^0+/, '')
      return digits.length % 2 === 0 ? `0x${digits}` : `0x0${digits}`
    }
    const fields = [
      ...[
        'chainId',
        'nonce',
        'maxPriorityFeePerGas',
        'maxFeePerGas',
        'gas',
        'to',
        'value',
        'input',
      ].map((name) => (name === 'to' ? EXIT_BUS : name === 'input' ? call.data : even(body[name]))),
      [],
      [
        [
          even(entry.chainId),
          String(entry.address),
          even(entry.nonce),
          `0x0${yParity}`,
          even(entry.r),
          even(entry.s),
        ],
      ],
    ]
    const signature = new SigningKey(id('member 1')).sign(
      keccak256(concat(['0x04', encodeRlp(fields)])),
    )
    const parity = signature.yParity === 0 ? '0x' : '0x01'
    const serialized = concat([
      '0x04',
      encodeRlp([...fields, parity, even(signature.r), even(signature.s)]),
    ])
    const hash = keccak256(serialized) as Bytes32
    keccakPreimages.set(hash, serialized)
    const odd = { ...entry, yParity: `0x${yParity}` }
    return { hash, body: { ...body, ...signature.toJSON(), authorizationList: [odd] } }
  }
})
