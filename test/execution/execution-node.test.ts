import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createExecutionNode } from '../../src/execution/execution-node.ts'
import { RpcError } from '../../src/execution/rpc-errors.ts'
import { type HttpRequest, NoAnswerError } from '../../src/lib/http.ts'
import type { Address } from '../../src/lib/primitives.ts'

const NOW_S = 1_800_000_000
const never = new AbortController().signal
const TO = `0x${'11'.repeat(20)}` as Address

type Reply = { readonly status?: number; readonly text: string }

function nodeWith(reply: (method: string, params: readonly unknown[]) => Reply) {
  const http = async ({ body }: HttpRequest) => {
    const { method, params } = body as { method: string; params: readonly unknown[] }
    return { status: 200, ...reply(method, params) }
  }
  return createExecutionNode(
    http,
    () => {},
    undefined,
    1_000,
    () => NOW_S * 1_000,
  )
}
const result = (value: unknown): Reply => ({ text: JSON.stringify({ id: 1, result: value }) })
const failure = (error: unknown): Reply => ({ text: JSON.stringify({ id: 1, error }) })
const block = (number: number, timestamp: number) => ({
  number: `0x${number.toString(16)}`,
  hash: `0x${'22'.repeat(32)}`,
  timestamp: `0x${timestamp.toString(16)}`,
})

describe('whether a node is synced', () => {
  const stateOf = (syncing: Reply, headTime: number) =>
    nodeWith((method) =>
      method === 'eth_syncing' ? syncing : result(block(100, headTime)),
    ).syncState(never)
  const behind = { currentBlock: '0x5', highestBlock: '0x64' }

  test('is what it says, where it says so', async () => {
    expect(await stateOf(result(false), 0)).toEqual({})
    expect(await stateOf(result('false'), 0)).toEqual({})
    const { why } = await stateOf(result(behind), NOW_S)
    expect(why).toBe('still syncing, at block 5 of 100')
  })

  test.each([
    ['is not served', failure({ code: -32_601, message: 'method not found' })],
    ['is an object of zeros', result({ currentBlock: '0x0', highestBlock: '0x0' })],
    ['is at its highest block', result({ currentBlock: '0x64', highestBlock: '0x64' })],
    ['is an empty object', result({})],
    ['is null', result(null)],
    ['is true', result(true)],
  ])('is judged by the age of the head when eth_syncing %s', async (_, syncing) => {
    const recent = await stateOf(syncing, NOW_S - 60)
    expect(recent.why).toBeUndefined()
    expect(recent.odd).toContain('eth_syncing')
    const old = await stateOf(syncing, NOW_S - 3_600)
    expect(old.why).toContain('its latest block 100 is not recent')
  })

  test('is not known where the node does not answer', async () => {
    const node = nodeWith(() => ({ status: 503, text: 'no backend' }))
    await expect(node.syncState(never)).rejects.toThrow(NoAnswerError)
  })
})

test.each([
  ['null', result(null)],
  ['an error', failure({ code: -39_001, message: 'Unknown block' })],
  ['another error', failure({ code: -32_000, message: 'finalized block not found' })],
])('a finalized block that is not known yet (%s) is told as that', async (_, reply) => {
  await expect(nodeWith(() => reply).finalizedBlock(never)).rejects.toThrow(
    'the node knows no finalized block yet',
  )
})

describe('a call', () => {
  const pruned = (...tags: readonly string[]) => {
    const asked: unknown[] = []
    const node = nodeWith((_, [, tag]) => {
      asked.push(tag)
      return tags.includes(String(tag))
        ? failure({ code: -32_000, message: 'missing trie node 7e (path )' })
        : result('0xAB')
    })
    return { node, asked }
  }

  test.each([
    [[], ['finalized']],
    [['finalized'], ['finalized', 'safe']],
    [
      ['finalized', 'safe'],
      ['finalized', 'safe', 'latest'],
    ],
  ])('is made at a later block where the state of %j is pruned', async (gone, tags) => {
    const { node, asked } = pruned(...gone)
    expect(await node.call(TO, '0x', never)).toBe('0xab')
    expect(asked).toEqual(tags)
  })

  test('that reverts is not made again', async () => {
    const asked: unknown[] = []
    const node = nodeWith((_, [, tag]) => {
      asked.push(tag)
      return failure({ code: 3, message: 'execution reverted: no state of history' })
    })
    await expect(node.call(TO, '0x', never)).rejects.toThrow(RpcError)
    expect(asked).toEqual(['finalized'])
  })
})

test.each([
  ['a code as text', { code: '-32005', message: 'too many results' }, -32_005],
  ['no message', { code: -32_602 }, -32_602],
  ['no code', { message: 'block range too wide' }, 0],
  ['nothing but words', 'block range too wide', 0],
  ['an object for a code', { code: { toString: 1 }, message: 'no' }, 0],
])('an error with %s is a refusal all the same', async (_, error, code) => {
  const node = nodeWith(() => failure(error))
  await expect(node.chainId(never)).rejects.toMatchObject({ name: 'RpcError', code })
})

test.each([
  'daily request count exceeded, request rate limited',
  'Too Many Requests',
  'compute units',
])('a limit on requests is no refusal: %s', async (message) => {
  const node = nodeWith(() => failure({ code: -32_005, message }))
  await expect(node.chainId(never)).rejects.toThrow(NoAnswerError)
})

test('no logs is an empty list; null is no answer, and hides nothing', async () => {
  const logs = (reply: Reply) =>
    nodeWith(() => reply).logs({ address: TO, topics: [], fromBlock: 0, toBlock: 1 }, never)
  expect(await logs(result([]))).toEqual([])
  await expect(logs(result(null))).rejects.toThrow(NoAnswerError)
})

test('whatever a node answers, nothing is thrown but the two errors of a node', async () => {
  const text = fc.oneof(
    fc.string(),
    fc.json(),
    fc.jsonValue().map((value) => JSON.stringify({ id: 1, result: value })),
    fc.jsonValue().map((value) => JSON.stringify({ id: 1, error: value })),
    fc.bigInt().map((value) => JSON.stringify({ id: 1, result: `0x${value.toString(16)}` })),
  )
  const property = fc.asyncProperty(
    text,
    fc.constantFrom(200, 400, 404, 429, 500),
    async (answer, status) => {
      const node = nodeWith(() => ({ status, text: answer }))
      const calls = [
        node.chainId(never),
        node.syncState(never),
        node.finalizedBlock(never),
        node.blockHash(1, never),
        node.logs({ address: TO, topics: [], fromBlock: 0, toBlock: 1 }, never),
        node.transaction(`0x${'33'.repeat(32)}` as never, never),
        node.call(TO, '0x', never),
      ]
      for (const outcome of await Promise.allSettled(calls)) {
        if (outcome.status === 'fulfilled') continue
        expect(['NoAnswerError', 'RpcError']).toContain(outcome.reason.name)
        expect(outcome.reason.message.length).toBeLessThan(500)
      }
    },
  )
  await fc.assert(property, { seed: 26, numRuns: 300 })
}, 60_000)
