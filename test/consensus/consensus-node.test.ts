import { afterEach, describe, expect, test } from 'vitest'
import { createConsensusNode } from '../../src/consensus/consensus-node.ts'
import { createExitSubmitter } from '../../src/consensus/exit-submitter.ts'
import { createHttpClient } from '../../src/lib/http.ts'
import { FAR_FUTURE_EPOCH, type ValidatorIndex } from '../../src/lib/primitives.ts'
import { createBeaconChain } from '../sim/beacon-chain.ts'
import { type BeaconNode, type BeaconNodeOptions, startBeaconNode } from '../sim/beacon-node.ts'
import type { Call } from '../sim/faults.ts'

const chain = createBeaconChain({ validators: 300 })
const never = new AbortController().signal
const indices = (...list: number[]) => list as ValidatorIndex[]
const VALIDATORS = '/eth/v1/beacon/states/head/validators'

let server: BeaconNode
afterEach(() => server.close())

async function setUp(
  settings: Partial<BeaconNodeOptions> = {},
  batchSize = 1_000,
  timeoutMs: number | undefined = undefined,
) {
  server = await startBeaconNode({ chain, ...settings })
  let now = 0
  const node = createConsensusNode(
    createHttpClient(server.url),
    batchSize,
    () => {},
    () => now,
    timeoutMs,
  )
  return { node, later: (ms: number) => (now += ms) }
}
const methods = () => server.calls.filter(({ path }) => path === VALIDATORS).map((c) => c.method)

describe('validators', () => {
  test('come by POST, in batches, without those that the node does not know', async () => {
    const { node } = await setUp({}, 2)
    const { entries } = await node.validators('head', indices(3, 1, 9_999, 2, 0), never)
    expect([...entries.keys()].sort()).toEqual([0, 1, 2, 3])
    expect(entries.get(indices(3)[0] as ValidatorIndex)).toMatchObject({
      index: 3,
      pubkey: chain.pubkey(3),
      status: 'active_ongoing',
      exitEpoch: 2n ** 64n - 1n,
    })
    expect(methods()).toEqual(['POST', 'POST', 'POST'])
  })

  test('an empty list asks nobody, since it would ask for everything', async () => {
    const { node } = await setUp()
    expect((await node.validators('head', [], never)).entries.size).toBe(0)
    expect(server.calls).toEqual([])
  })

  test.each([405, 501, 404, 400, 403] as const)(
    'come by GET with at most 64 ids for an hour after %i',
    async (postRefusal) => {
      const { node, later } = await setUp({ postSupported: false, postRefusal })
      const all = indices(...Array.from({ length: 200 }, (_, i) => i))
      expect((await node.validators('head', all, never)).entries.size).toBe(200)
      expect((await node.validators('head', all, never)).entries.size).toBe(200)
      const posts = methods().filter((method) => method === 'POST').length
      const widest = Math.max(...server.calls.map(({ query }) => query.getAll('id').length))
      expect(widest).toBeLessThanOrEqual(64)

      later(60 * 60 * 1_000)
      await node.validators('head', indices(1), never)
      expect(methods().filter((method) => method === 'POST').length).toBeGreaterThan(posts)
    },
  )

  test('404 for a state that is not there is an error, not a lack of POST', async () => {
    const { node } = await setUp()
    server.faults.add({ kind: 'status', status: 404, match: { path: VALIDATORS } })
    await expect(node.validators('head', indices(1), never)).rejects.toThrow('404')
    server.faults.clear()
    await node.validators('head', indices(1), never)
    expect(methods().at(-1)).toBe('POST')
  })

  /** How many validators a call asks for. */
  const sizeOf = ({ body, query }: Call) =>
    body === '' ? query.getAll('id').length : JSON.parse(body).ids.length
  const asksFor = (index: number) => (call: Call) =>
    call.query.getAll('id').includes(`${index}`) || call.body.includes(`"${index}"`)
  const hundred = indices(...Array.from({ length: 100 }, (_, i) => i))
  const BAD = 3_000_000_000

  test.each([
    [400, true],
    [413, true],
    [414, true],
    [500, true],
    [503, true],
    [400, false],
    [414, false],
    [500, false],
  ])(
    'one that is answered with %i costs its own answer and no other (POST: %s)',
    async (status, postSupported) => {
      const { node, later } = await setUp({ postSupported })
      server.faults.add({
        kind: 'status',
        status,
        body: 'bad index',
        match: { when: asksFor(BAD) },
      })
      const all = [...hundred.slice(0, 40), ...indices(BAD), ...hundred.slice(40)]
      const found = await node.validators('head', all, never)
      expect(found.entries.size).toBe(100)
      expect([...found.unreadable.keys()]).toEqual([BAD])
      expect(found.unreadable.get(BAD as ValidatorIndex)).toContain(`${status}: bad index`)

      // What the node bears is known now.
      server.clearCalls()
      expect((await node.validators('head', all, never)).entries.size).toBe(100)
      const batches = server.calls.filter((call) => !asksFor(BAD)(call))
      expect(server.calls.length - batches.length).toBe(1)
      later(60 * 60 * 1_000)
      expect((await node.validators('head', all, never)).unreadable.size).toBe(1)

      server.faults.clear()
      expect((await node.validators('head', all, never)).unreadable.size).toBe(0)
    },
  )

  test('several of them, and nothing but them', async () => {
    const { node } = await setUp()
    const bad = indices(BAD, BAD + 1, 2 ** 40)
    const isBad = (call: Call) => bad.some((index) => asksFor(index)(call))
    server.faults.add({ kind: 'status', status: 400, match: { when: isBad } })
    const found = await node.validators('head', [...bad, ...hundred], never)
    expect([found.entries.size, found.unreadable.size]).toEqual([100, 3])
    expect((await node.validators('head', bad, never)).unreadable.size).toBe(3)
  })

  test.each([20, 7, 1])('GET that is refused with 400 above %i ids', async (most) => {
    const { node } = await setUp({ postSupported: false, postRefusal: 403 })
    const isTooMany = (call: Call) => call.method === 'GET' && sizeOf(call) > most
    server.faults.add({ kind: 'status', status: 400, match: { when: isTooMany } })
    const found = await node.validators('head', hundred, never)
    expect([found.entries.size, found.unreadable.size]).toEqual([100, 0])
    server.clearCalls()
    await node.validators('head', hundred, never)
    expect(Math.max(...server.calls.map(sizeOf))).toBeLessThanOrEqual(most)
  })

  test('a batch that takes too long is halved, and the next one is small from the start', async () => {
    const { node } = await setUp({}, 1_000, 1_000)
    const slow = server.faults.add({ kind: 'hang', match: { when: (call) => sizeOf(call) > 60 } })
    expect((await node.validators('head', hundred, never)).entries.size).toBe(100)
    expect((await node.validators('head', hundred, never)).entries.size).toBe(100)
    expect(slow.hits).toBe(1)
  })

  test('a node that answers nothing any more is at fault, not a validator', async () => {
    const { node } = await setUp()
    const fault = server.faults.add({ kind: 'status', status: 500 })
    await expect(node.validators('head', hundred, never)).rejects.toMatchObject({
      name: 'NoAnswerError',
      status: 500,
    })
    expect(fault.hits).toBe(3)
    server.faults.clear()
    expect((await node.validators('head', hundred, never)).unreadable.size).toBe(0)
  })

  test('null for an empty list, flags as texts and never as a number are read as what they mean', async () => {
    const { node } = await setUp()
    const undo = server.onResult(/validators$/, (body) => ({ ...body, data: null }))
    expect((await node.validators('head', indices(1), never)).entries.size).toBe(0)
    undo()
    server.onResult(/validators$/, (body) => {
      body.execution_optimistic = 'False'
      delete body.data[0].status
      body.data[0].validator.exit_epoch = 18446744073709552000
      body.data[0].validator.activation_epoch = 3
      return body
    })
    const { entries, optimistic } = await node.validators('head', indices(1), never)
    expect(optimistic).toBe(false)
    expect(entries.get(1 as ValidatorIndex)).toMatchObject({
      status: 'unknown',
      activationEpoch: 3n,
      exitEpoch: FAR_FUTURE_EPOCH,
    })
    server.onResult(/pending_partial/, (body) => ({ ...body, data: null }))
    expect((await node.pendingPartialWithdrawals(never)).size).toBe(0)
  })

  test.each([413, 414] as const)('%i halves the batch', async (batchRefusal) => {
    const { node } = await setUp({ maxBatch: 10, batchRefusal })
    const all = indices(...Array.from({ length: 100 }, (_, i) => i))
    expect((await node.validators('head', all, never)).entries.size).toBe(100)
  })

  test('one malformed entry counts as unknown and spoils no other', async () => {
    const { node } = await setUp()
    server.onResult(/validators$/, (body) => {
      body.data[0].validator.pubkey = '0x1234'
      body.data[1].index = '-1'
      body.data.push(null, 'text', body.data[2], { ...body.data[2], index: '250' })
      return body
    })
    const { entries } = await node.validators('head', indices(1, 2, 3), never)
    expect([...entries.keys()]).toEqual([3])
  })

  test.each([
    ['HTML', { kind: 'html' }],
    ['half a body', { kind: 'half-json' }],
    ['null', { kind: 'null' }],
    ['another shape', { kind: 'wrong-schema', body: { data: {} } }],
    ['a redirect', { kind: 'redirect', location: 'http://localhost:1/' }],
    ['500', { kind: 'status', status: 500 }],
    ['429', { kind: 'status', status: 429 }],
    ['a reset', { kind: 'reset' }],
  ] as const)('%s is no answer', async (_name, fault) => {
    const { node } = await setUp()
    server.faults.add(fault)
    await expect(node.validators('head', indices(1), never)).rejects.toMatchObject({
      name: 'NoAnswerError',
    })
  })

  test('tells an optimistic state', async () => {
    const { node } = await setUp({ isOptimistic: true })
    expect((await node.validators('head', indices(1), never)).optimistic).toBe(true)
  })
})

test('the chain id comes from the spec where the deposit contract is not served', async () => {
  const { node } = await setUp()
  server.faults.add({ kind: 'status', status: 404, match: { path: /deposit_contract/ } })
  expect(await node.chainId(never)).toBe(560048n)
})

test('a refused exit keeps the words of the node, without the signature', async () => {
  await setUp({ echoesExit: true, flavour: 'teku' })
  const submitExit = createExitSubmitter(createHttpClient(server.url), () => {})
  const exit = chain.signExit(1, { epoch: 99_999 })
  const refused = submitExit(
    {
      epoch: 99_999n,
      validatorIndex: 1,
      signature: exit.signature,
    } as never,
    never,
  )
  await expect(refused).rejects.toMatchObject({ name: 'NodeRefusedError', status: 400 })
  const message = await refused.catch((error: Error) => error.message)
  expect(message).toContain('submit voluntary exit: node answered 400: ')
  expect(message).not.toContain(exit.signature.slice(2, 40))
})
