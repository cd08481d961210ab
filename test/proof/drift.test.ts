import { getAddress } from 'ethers'
import { describe, expect, test } from 'vitest'
import type { Address } from '../../src/lib/primitives.ts'
import { compareAllowlist, type OracleSeat } from '../../src/proof/allowlist-drift.ts'
import { addressOf, ELSEWHERE } from './chain.ts'

const [a, b, c] = ['member 1', 'member 2', 'member 3'].map(addressOf)
if (!a || !b || !c) throw new Error('no addresses')

const seat = (signer: Address | undefined, next?: OracleSeat['next']): OracleSeat => ({
  member: signer ?? ELSEWHERE,
  signer,
  next,
})
const caseless = (left: string, right: string) =>
  left.toLowerCase() < right.toLowerCase() ? -1 : 1
const lineOf = (...addresses: readonly Address[]) =>
  `ORACLE_ADDRESSES_ALLOWLIST=${JSON.stringify(addresses.map((one) => getAddress(one)).sort(caseless))}`
const same = { missing: [], announced: [], stale: [], kept: [], vacant: [] }

describe('an allowlist', () => {
  test('that names the signers has no drift, in whatever order, and has its line', () => {
    expect(
      compareAllowlist(
        [a, b, c],
        [c, a, b, a].map((one) => seat(one)),
      ),
    ).toEqual({
      ...same,
      line: lineOf(a, b, c),
    })
  })

  test('is told of missing and stale signers, with the line that ends the drift', () => {
    expect(compareAllowlist([a, b], [seat(b), seat(c)])).toEqual({
      ...same,
      missing: [c],
      stale: [a],
      line: lineOf(b, c),
    })
  })

  test('keeps a listed signer that is still needed, and no other one', () => {
    expect(compareAllowlist([a, b], [seat(c)], new Set([a, ELSEWHERE]))).toEqual({
      ...same,
      missing: [c],
      stale: [b],
      kept: [a],
      line: lineOf(a, c),
    })
  })

  test('is told of a key that was announced, before it signs', () => {
    const next = { signer: c, activeFrom: 1_800_000_000 }
    const seats = [seat(a), seat(b, next)]

    expect(compareAllowlist([a, b], seats)).toEqual({
      ...same,
      announced: [next],
      line: lineOf(a, b, c),
    })
    expect(compareAllowlist([a, b, c], seats)).toEqual({ ...same, line: lineOf(a, b, c) })
  })

  test('names nobody for a seat without a signer', () => {
    expect(compareAllowlist([a], [seat(a), seat(undefined)])).toEqual({
      ...same,
      vacant: [ELSEWHERE],
      line: lineOf(a),
    })
  })

  test('that is empty gets a line that reads back as the addresses on chain', () => {
    const { line } = compareAllowlist([], [seat(a), seat(b)])
    const read: string[] = JSON.parse(line.slice(line.indexOf('=') + 1))

    expect(read.map((address) => address.toLowerCase()).sort()).toEqual([a, b].sort())
  })
})
