import { ByteVectorType, ContainerType, UintNumberType } from '@chainsafe/ssz'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { type BeaconChain, createBeaconChain } from './beacon-chain.ts'
import { exitSigningRoot } from './beacon-exits.ts'
import { interopPubkey, interopSecretKey, toHex } from './beacon-keys.ts'
import { type BeaconNode, startBeaconNode } from './beacon-node.ts'

let chain: BeaconChain
let node: BeaconNode
beforeEach(async () => {
  chain = createBeaconChain({ validators: 20 })
  node = await startBeaconNode({ chain })
  return () => node.close()
})

const POOL = '/eth/v1/beacon/pool/voluntary_exits'
const VALIDATORS = '/eth/v1/beacon/states/head/validators'
// biome-ignore lint/suspicious/noExplicitAny: what a node says, read field by field
const get = async (path: string): Promise<any> => (await fetch(`${node.url}${path}`)).json()
const post = async (path: string, body: unknown) => {
  const answer = await fetch(`${node.url}${path}`, { method: 'POST', body: JSON.stringify(body) })
  return { status: answer.status, text: await answer.text() }
}
const validator = async (state: string, index: number) =>
  (await get(`/eth/v1/beacon/states/${state}/validators/${index}`)).data

test('keys are the interop keys', () => {
  // eth2.0-pm, interop/mocked_start/keygen_10_validators.yaml
  expect(toHex(interopSecretKey(0))).toBe(
    '0x25295f0d1d592a90b333e26e85149708208e9f8e8bc18f6c77bd62f8ad7a6866',
  )
  expect(interopPubkey(0)).toBe(
    '0xa99a76ed7796f7be22d5b7e85deeb7c5677e88e511e0b337618f8c4eb61349b4bf2d153f649f7b53359fe8b94a38e44c',
  )
})

test('the signing root is that of the SSZ types', () => {
  const uint64 = new UintNumberType(8)
  const exit = new ContainerType({ epoch: uint64, validatorIndex: uint64 })
  const fork = new ContainerType({ version: new ByteVectorType(4), root: new ByteVectorType(32) })
  const signing = new ContainerType({
    object: new ByteVectorType(32),
    domain: new ByteVectorType(32),
  })
  const root = new Uint8Array(32).fill(7)
  const forkRoot = fork.hashTreeRoot({ version: Uint8Array.of(4, 1, 112, 0), root })
  const domain = Uint8Array.of(4, 0, 0, 0, ...forkRoot.subarray(0, 28))
  const object = exit.hashTreeRoot({ epoch: 300, validatorIndex: 70_000 })
  expect(toHex(exitSigningRoot(300n, 70_000n, '0x04017000', toHex(root)))).toBe(
    toHex(signing.hashTreeRoot({ object, domain })),
  )
})

test('an exit goes from the pool to the head, and to the finalized state', async () => {
  expect(await post(POOL, chain.signExit(3))).toEqual({ status: 200, text: 'null' })
  expect((await get(POOL)).data).toHaveLength(1)
  expect((await validator('head', 3)).status).toBe('active_ongoing')
  chain.advance()
  expect(await validator('head', 3)).toMatchObject({
    status: 'active_exiting',
    validator: { exit_epoch: '1005', withdrawable_epoch: '1261' },
  })
  expect((await validator('finalized', 3)).status).toBe('active_ongoing')
  chain.finalize()
  expect((await validator('finalized', 3)).status).toBe('active_exiting')
  expect(chain.exitedIndices()).toEqual([3])
  expect(chain.accepted).toMatchObject([{ index: 3, epoch: 1000, node: 'node' }])

  chain.reorgOutExits([3])
  expect((await validator('head', 3)).status).toBe('active_ongoing')
  expect((await validator('finalized', 3)).status).toBe('active_exiting')
})

test('the pool refuses what consensus refuses', async () => {
  chain.setValidator(5, { activationEpoch: 900 })
  chain.setValidator(6, { exitEpoch: 1010 })
  chain.pendingPartialWithdrawals.push({ validatorIndex: 7 })
  const said = async (exit: unknown) => (await post(POOL, exit)).text
  expect(await said(chain.signExit(4, { secretKey: interopSecretKey(9) }))).toMatch('BadSignature')
  expect(await said(chain.signExit(4, { forkVersion: '0x60000910' }))).toMatch('BadSignature')
  expect(await said({ ...chain.signExit(4), signature: '0x12' })).toMatch('BadSignature')
  expect(await said(chain.signExit(4, { epoch: 1001 }))).toMatch('FutureEpoch')
  expect(await said(chain.signExit(5))).toMatch('TooYoungToExit')
  expect(await said(chain.signExit(6))).toMatch('AlreadyExited')
  expect(await said(chain.signExit(7))).toMatch('PendingWithdrawalInQueue')
  expect(await said(chain.signExit(99))).toMatch('ValidatorUnknown')
  expect(await said({ message: {} })).toMatch('invalid JSON body')
  expect(chain.accepted).toEqual([])
})

test('before Deneb the fork of the epoch counts', async () => {
  const fork = { previousVersion: '0x01000000', currentVersion: '0x02000000', epoch: 500 }
  const old = createBeaconChain({ denebForkEpoch: undefined, fork })
  expect(old.offerExit(old.signExit(1, { epoch: 400, forkVersion: '0x01000000' })).kind).toBe(
    'accepted',
  )
  expect(old.offerExit(old.signExit(2, { epoch: 500, forkVersion: '0x01000000' })).kind).toBe(
    'invalid',
  )
  expect(old.offerExit(old.signExit(2, { epoch: 500, forkVersion: '0x02000000' })).kind).toBe(
    'accepted',
  )
})

test('clients differ about duplicates, and about early exits', async () => {
  const exit = chain.signExit(2)
  const again = async (change: Parameters<typeof node.set>[0]) => {
    node.set(change)
    return post(POOL, exit)
  }
  await post(POOL, exit)
  expect(await again({})).toMatchObject({ status: 200 })
  expect(await again({ flavour: 'nimbus' })).toMatchObject({ status: 400 })
  const lodestar = await again({ flavour: 'lodestar', echoesExit: true })
  expect(lodestar.status).toBe(500)
  expect(lodestar.text).toContain(exit.signature)
  expect((await post(POOL, chain.signExit(4, { epoch: 1002 }))).status).toBe(200)
  chain.advance()
  expect(chain.exitedIndices()).toEqual([2])
  chain.advance(2)
  expect(chain.exitedIndices()).toEqual([2, 4])

  node.set({ flavour: 'lighthouse', keepsExits: false })
  expect((await post(POOL, chain.signExit(8))).status).toBe(200)
  chain.advance()
  expect(chain.exitedIndices()).toEqual([2, 4])
  expect(node.postedExits()).toHaveLength(6)
})

test('an early exit waits at the node that took it, and blocks there the one that could be used', async () => {
  node.set({ flavour: 'lodestar' })
  expect((await post(POOL, chain.signExit(5, { epoch: 9_999 }))).status).toBe(200)
  expect((await post(POOL, chain.signExit(5))).status).toBe(500)
  chain.advance()
  expect(chain.exitedIndices()).toEqual([])
  expect(chain.offerExit(chain.signExit(5), 'another node').kind).toBe('accepted')
  chain.advance()
  expect(chain.exitedIndices()).toEqual([5])
})

test('validators by POST and GET, by index and key, filtered and limited', async () => {
  chain.setValidator(1, { activationEpoch: 2000 })
  const ids = ['1', '4', chain.pubkey(5), '77']
  const { text } = await post(VALIDATORS, { ids })
  const indices = (body: { data: { index: string }[] }) => body.data.map(({ index }) => index)
  expect(indices(JSON.parse(text))).toEqual(['1', '4', '5'])
  expect(JSON.parse(text)).toMatchObject({ execution_optimistic: false, finalized: false })
  expect(indices(await get(`${VALIDATORS}?id=1&id=4&id=5&status=active`))).toEqual(['4', '5'])
  expect(JSON.parse((await post(VALIDATORS, { ids: [] })).text).data).toHaveLength(20)
  node.set({ maxBatch: 3, isOptimistic: true })
  expect((await post(VALIDATORS, { ids })).status).toBe(414)
  node.set({ postSupported: false, postRefusal: 501 })
  expect((await post(VALIDATORS, { ids: ['1'] })).status).toBe(501)
  expect((await get(`${VALIDATORS}?id=1`)).execution_optimistic).toBe(true)
})

test('a lagging node shows the past, a liar what it likes', async () => {
  chain.offerExit(chain.signExit(3))
  chain.advance(3)
  node.set({ lag: 3, isSyncing: true })
  expect((await validator('head', 3)).status).toBe('active_ongoing')
  expect((await get('/eth/v1/node/syncing')).data).toMatchObject({
    head_slot: '32000',
    sync_distance: '96',
    is_syncing: true,
  })
  node.set({ lag: 2 })
  expect((await validator('head', 3)).status).toBe('active_exiting')
  const stop = node.onResult(/genesis$/, (body) => ({ data: { ...body.data, genesis_time: '1' } }))
  expect((await get('/eth/v1/beacon/genesis')).data.genesis_time).toBe('1')
  stop()
  const { data } = await get('/eth/v1/beacon/genesis')
  expect(data.genesis_validators_root).toBe(chain.genesisValidatorsRoot)
})

test('events follow the chain until the stream is dropped', async () => {
  const answer = await fetch(`${node.url}/eth/v1/events?topics=head,finalized_checkpoint`)
  const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader()
  chain.advance()
  chain.finalize()
  let heard = ''
  while (!heard.includes('finalized_checkpoint')) heard += (await reader?.read())?.value ?? ''
  expect(heard).toMatch(/^event: head\ndata: \{"slot":"32032"/)
  expect(heard).toMatch(/event: finalized_checkpoint\ndata: .*"epoch":"1001"/)
  node.dropStreams()
  await expect(reader?.read()).rejects.toThrow()
})

let shared: BeaconNode
beforeAll(async () => {
  shared = await startBeaconNode({
    chain: createBeaconChain({ validators: 100_000 }),
    basePath: '/v3/KEY',
  })
})
afterAll(() => shared.close())

test('a big registry starts at once, behind a base path', async () => {
  const ids = Array.from({ length: 1000 }, (_, i) => String(i * 100))
  const answer = await fetch(`${shared.url}${VALIDATORS}`, {
    method: 'POST',
    body: JSON.stringify({ ids }),
  })
  expect(((await answer.json()) as { data: unknown[] }).data).toHaveLength(1000)
})
