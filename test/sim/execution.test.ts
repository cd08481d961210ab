import { createHmac } from 'node:crypto'
import { Transaction } from 'ethers'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  CONSENSUS_ABI,
  DELEGATE_ABI,
  EXIT_BUS_ABI,
  LOCATOR_ABI,
  MODULE_ABI,
  STAKING_ROUTER_ABI,
} from './abi.ts'
import { memberAddress } from './contracts.ts'
import { createExecutionChain } from './execution-chain.ts'
import { type ExecutionNode, startExecutionNode } from './execution-node.ts'
import type { TxType } from './transactions.ts'

const chain = createExecutionChain({ modules: [{ id: 1, operatorNames: { 5: 'Five' } }] })
let node: ExecutionNode
beforeAll(async () => {
  node = await startExecutionNode({ chain })
})
afterAll(() => node.close())

// biome-ignore lint/suspicious/noExplicitAny: what a node says, read field by field
type Said = any
const post = async (body: unknown, url = node.url, headers = {}): Promise<Said> => {
  const answer = await fetch(url, { method: 'POST', body: JSON.stringify(body), headers })
  return answer.json()
}
const ask = async (method: string, params: unknown[] = [], url = node.url) =>
  post({ jsonrpc: '2.0', id: 1, method, params }, url)
const request = (validatorIndex: number) => ({
  moduleId: 1,
  operatorId: 5,
  validatorIndex,
  pubkey: `0x${validatorIndex.toString(16).padStart(96, 'a')}`,
})

test('selectors and topics are those of the deployed contracts', () => {
  expect(DELEGATE_ABI.getFunction('execute')?.selector).toBe('0x1cff79cd')
  expect(EXIT_BUS_ABI.getFunction('submitReportData')?.selector).toBe('0x294492c8')
  expect(EXIT_BUS_ABI.getFunction('submitExitRequestsData')?.selector).toBe('0xb8fe0ad0')
  expect(CONSENSUS_ABI.getFunction('submitReport')?.selector).toBe('0xe33a8d39')
  expect(EXIT_BUS_ABI.getEvent('ValidatorExitRequest')?.topicHash).toBe(
    '0x96395f55c4997466e5035d777f0e1ba82b8cae217aaad05cf07839eb7c75bcf2',
  )
})

/** What any reader has: the fields of the answer, and nothing else. */
function rebuild({ yParity, v, r, s, input, gas, gasPrice, ...said }: Said): Transaction {
  const { hash: _hash, from: _from, authorizationList, ...fields } = said
  const type = Number(fields.type)
  const tx = Transaction.from({
    ...fields,
    type,
    data: input,
    gasLimit: gas,
    nonce: Number(fields.nonce),
    ...(type < 2 && { gasPrice }),
    ...(authorizationList && { authorizationList: authorizationList.map(readAuthorization) }),
  })
  tx.signature = { r: pad(r), s: pad(s), v: yParity === undefined ? v : Number(yParity) + 27 }
  return tx
}
const readAuthorization = ({ address, nonce, chainId, r, s, yParity }: Said) => ({
  address,
  nonce: BigInt(nonce),
  chainId: BigInt(chainId),
  signature: { r: pad(r), s: pad(s), yParity: Number(yParity) as 0 | 1 },
})
const pad = (quantity: string) => `0x${quantity.slice(2).padStart(64, '0')}`

test.each<TxType>([0, 1, 2, 3, 4])(
  'a type %i transaction rebuilt from its answer has its hash',
  async (txType) => {
    for (const via of ['direct', 'delegate'] as const) {
      const report = chain.submitReport({ requests: [request(7)], txType, via, format: 2 })
      for (const { hash, from } of [...report.votes, report.dataTransaction]) {
        const { result } = await ask('eth_getTransactionByHash', [hash])
        expect(Number(result.type)).toBe(txType)
        expect(rebuild(result).hash).toBe(hash)
        expect(rebuild(result).from?.toLowerCase()).toBe(from)
        expect(result.from).toBe(from)
      }
    }
    for (const member of chain.members) member.delegated = false
  },
)

test('a report leaves its logs where they are looked for', async () => {
  const report = chain.submitReport({
    requests: [request(9), request(8)],
    timestamp: 1_800_000_000,
  })
  const { blockNumber } = report.dataTransaction
  const topic = EXIT_BUS_ABI.getEvent('ValidatorExitRequest')?.topicHash
  const filter = (topics: unknown) => [
    { address: chain.exitBus, topics, fromBlock: '0x0', toBlock: 'latest' },
  ]
  const indexTopic = (index: number) => `0x${index.toString(16).padStart(64, '0')}`
  const { result } = await ask('eth_getLogs', filter([topic, null, null, [8, 9].map(indexTopic)]))
  expect(result.map((log: { topics: string[] }) => Number(log.topics[3]))).toEqual([8, 9])
  expect(result[0]).toMatchObject({ transactionHash: report.dataTransaction.hash, removed: false })
  expect(Number(result[0].blockNumber)).toBe(blockNumber)
  const decoded = EXIT_BUS_ABI.parseLog(result[0])
  expect(decoded?.args).toMatchObject([1n, 5n, 8n, request(8).pubkey, 1_800_000_000n])

  const reached = CONSENSUS_ABI.getEvent('ConsensusReached')?.topicHash
  const found = await ask('eth_getLogs', [
    { address: [chain.consensus], topics: [reached], fromBlock: '0x0' },
  ])
  const log = found.result.at(-1)
  expect(CONSENSUS_ABI.parseLog(log)?.args).toMatchObject([report.refSlot, report.hash, 2n])
  expect(log.transactionHash).toBe(report.consensusTransaction?.hash)
  expect(log.transactionHash).toBe(report.votes[1]?.hash)
})

test('contracts answer calls, and change when told', async () => {
  const call = async (to: string, data: string) =>
    (await ask('eth_call', [{ to, data }, 'finalized'])) as { result: string; error?: unknown }
  const bus = await call(chain.locator, LOCATOR_ABI.encodeFunctionData('validatorsExitBusOracle'))
  expect(bus.result).toBe(`0x${'0'.repeat(24)}${chain.exitBus.slice(2)}`)
  const query = EXIT_BUS_ABI.encodeFunctionData('getConsensusContract')
  const before = await call(chain.exitBus, query)
  chain.replaceConsensus()
  expect((await call(chain.exitBus, query)).result).not.toBe(before.result)

  const { result } = await call(
    chain.stakingRouter,
    STAKING_ROUTER_ABI.encodeFunctionData('getStakingModule', [1]),
  )
  const [module] = STAKING_ROUTER_ABI.decodeFunctionResult('getStakingModule', result)
  const name = await call(
    module.stakingModuleAddress,
    MODULE_ABI.encodeFunctionData('getNodeOperator', [5, true]),
  )
  expect(MODULE_ABI.decodeFunctionResult('getNodeOperator', name.result).name).toBe('Five')

  const member = chain.addMember('delegating', true)
  const getDelegate = DELEGATE_ABI.encodeFunctionData('getDelegate')
  const delegate = await call(memberAddress(member), getDelegate)
  expect(delegate.result.slice(-40)).toBe(member.wallet.address.slice(2).toLowerCase())
  expect((await call(member.wallet.address, getDelegate)).result).toBe('0x')
  expect(await call(chain.exitBus, getDelegate)).toMatchObject({ error: { code: 3 } })
})

test('two nodes over one chain each have their own head, limits and lies', async () => {
  const late = await startExecutionNode({ chain, lag: 5, maxLogRange: 10 })
  chain.mine(20)
  const { number } = (await ask('eth_getBlockByNumber', ['latest', false])).result
  expect((await ask('eth_blockNumber', [], late.url)).result).toBe(`0x${(number - 5).toString(16)}`)
  const wide = await ask('eth_getLogs', [{ fromBlock: '0x0', toBlock: number }], late.url)
  expect(wide.error.code).toBe(-32005)
  const stop = late.onResult('eth_chainId', () => '0x1')
  expect((await ask('eth_chainId', [], late.url)).result).toBe('0x1')
  stop()
  expect((await ask('eth_chainId', [], late.url)).result).toBe('0x88bb0')
  expect((await ask('eth_unheardOf', [], late.url)).error.code).toBe(-32601)
  await late.close()
})

test('a reorg changes hashes, and drops or keeps what was in the blocks', async () => {
  const { dataTransaction } = chain.submitReport({ requests: [request(3)] })
  const { hash, blockNumber } = dataTransaction
  const before = (await ask('eth_getTransactionByHash', [hash])).result.blockHash
  chain.reorg(blockNumber, { keep: true })
  expect((await ask('eth_getTransactionByHash', [hash])).result.blockHash).not.toBe(before)
  expect((await ask('eth_getBlockByHash', [before, false])).result).toBeNull()
  chain.reorg(blockNumber)
  expect((await ask('eth_getTransactionByHash', [hash])).result).toBeNull()
})

test('batches, JWT and basic authentication', async () => {
  const id = (n: number, method: string) => ({ jsonrpc: '2.0', id: n, method, params: [] })
  node.faults.add({
    kind: 'rpc-error',
    code: -32000,
    message: 'no',
    match: { rpc: 'net_version' },
    times: 1,
  })
  const batch = await post([id(1, 'eth_chainId'), id(2, 'net_version')])
  expect(batch).toMatchObject([
    { id: 1, result: '0x88bb0' },
    { id: 2, error: { message: 'no' } },
  ])

  const jwtSecret = 'ab'.repeat(32)
  const guarded = await startExecutionNode({ chain, jwtSecret: `0x${jwtSecret}` })
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const claims = `${part({ alg: 'HS256' })}.${part({ iat: Math.floor(Date.now() / 1000) })}`
  const mac = createHmac('sha256', Buffer.from(jwtSecret, 'hex')).update(claims).digest('base64url')
  const token = { authorization: `Bearer ${claims}.${mac}` }
  expect((await post(id(1, 'eth_chainId'), guarded.url, token)).result).toBe('0x88bb0')
  expect(await post(id(1, 'eth_chainId'), guarded.url)).toEqual({ message: 'unauthorized' })
  await guarded.close()
})
