import { expect, test } from 'vitest'
import { createLayer } from '../../src/lib/layer.ts'

const never = new AbortController().signal
const MINUTE_MS = 60_000

test('a node that is on another chain all at once, without a failed call, is left out', async () => {
  let at = 0
  let asked = 0
  const chains: Record<string, bigint> = { a: 1n, b: 1n }
  const layer = createLayer(
    'execution',
    [
      { host: 'a', node: 'a' },
      { host: 'b', node: 'b' },
    ],
    {
      chainId: async (node) => {
        asked += 1
        return chains[node] ?? 0n
      },
      syncState: async () => ({}),
    },
    () => at,
  )
  await layer.check(never)
  layer.expectChain(1n)
  await layer.check(never)
  expect(asked).toBe(2)

  chains.a = 2n
  at += 11 * MINUTE_MS
  const [a, b] = await layer.check(never)
  expect(a).toMatchObject({ synced: false, why: 'on chain 2 instead of 1' })
  expect(b).toMatchObject({ synced: true })
  expect(layer.nodes.hosts()).toEqual(['b'])

  chains.a = 1n
  await layer.check(never)
  expect(layer.nodes.hosts()).toEqual(['a', 'b'])
})
