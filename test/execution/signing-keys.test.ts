import { AbiCoder, concat } from 'ethers'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createStakingModuleReader } from '../../src/execution/staking-modules.ts'
import type { Address, Hex, OperatorId } from '../../src/lib/primitives.ts'

const ADDRESS = `0x${'11'.repeat(20)}` as Address
const reader = createStakingModuleReader(ADDRESS)
const never = new AbortController().signal

/** Reads so many keys from a node that answers each call with this. */
async function read(count: number, answer: () => string) {
  let calls = 0
  const node = {
    async call() {
      calls += 1
      return answer() as Hex
    },
  }
  const operator = 5 as OperatorId
  const keys = await reader
    .readSigningKeys(node, ADDRESS, operator, count, never)
    .catch((error: unknown) => error)
  return { keys, calls }
}

const encode = (types: readonly string[], values: readonly unknown[]) =>
  AbiCoder.defaultAbiCoder().encode([...types], [...values])
const bytes = (length: number) =>
  fc
    .uint8Array({ minLength: length, maxLength: length })
    .map((some) => `0x${Buffer.from(some).toString('hex')}`)
const someKeys = fc.array(bytes(48), { minLength: 1, maxLength: 60 })

test('property: keys come out as they went in, alone or before signatures and flags', async () => {
  await fc.assert(
    fc.asyncProperty(someKeys, fc.array(fc.boolean(), { maxLength: 9 }), async (keys, flags) => {
      const alone = encode(['bytes'], [concat(keys)])
      const more = encode(['bytes', 'bytes', 'bool[]'], [concat(keys), '0x5a', flags])
      for (const answer of [alone, more]) {
        expect(await read(keys.length, () => answer)).toEqual({ keys, calls: 1 })
      }
    }),
    { numRuns: 50 },
  )
})

test('property: whatever a node answers, it is that many keys or an error, after few calls', async () => {
  const cut = fc.tuple(someKeys, fc.nat()).map(([keys, at]) => {
    const whole = encode(['bytes'], [concat(keys)])
    return whole.slice(0, 2 + (at % whole.length))
  })
  const otherCount = someKeys.map((keys) => encode(['bytes'], [concat(keys)]))
  const noise = fc
    .uint8Array({ maxLength: 300 })
    .map((some) => `0x${Buffer.from(some).toString('hex')}`)
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(cut, otherCount, noise),
      fc.integer({ min: 1, max: 1_000 }),
      async (answer, count) => {
        const { keys, calls } = await read(count, () => answer)
        if (Array.isArray(keys)) {
          expect(keys).toHaveLength(count)
          for (const key of keys) expect(key).toMatch(/^0x[0-9a-f]{96}$/)
        } else expect(keys).toBeInstanceOf(Error)
        // Halved from 1,000 down to 50, and read at the size that was borne.
        expect(calls).toBeLessThanOrEqual(6 + Math.ceil(count / 25))
      },
    ),
    { numRuns: 200 },
  )
})
