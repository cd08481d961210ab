import { getAddress } from 'ethers'
import { expect, test } from 'vitest'
import { findDrift } from '../../src/proof/allowlist-drift.ts'
import { addressOf } from './chain.ts'

const [a, b, c] = ['member 1', 'member 2', 'member 3'].map(addressOf)
if (!a || !b || !c) throw new Error('no addresses')

test('an allowlist that names the signers has no drift, in whatever order', () => {
  expect(findDrift([a, b, c], [c, a, b, a])).toBeUndefined()
})

test('missing and stale signers are told, with the line that ends the drift', () => {
  const [first, second] = [b, c].map((address) => getAddress(address)).sort(caseless)

  expect(findDrift([a, b], [b, c])).toEqual({
    missing: [c],
    stale: [a],
    line: `ORACLE_ADDRESSES_ALLOWLIST=["${first}","${second}"]`,
  })
})

const caseless = (left: string, right: string) =>
  left.toLowerCase() < right.toLowerCase() ? -1 : 1

test('the line reads back as the addresses on chain', () => {
  const line = findDrift([], [a, b])?.line ?? ''
  const read: string[] = JSON.parse(line.slice(line.indexOf('=') + 1))

  expect(read.map((address) => address.toLowerCase()).sort()).toEqual([a, b].sort())
})
