import { afterEach, describe, expect, test } from 'vitest'
import { createExecutionNode } from '../../src/execution/execution-node.ts'
import { readLateFees } from '../../src/execution/late-fees.ts'
import { createHttpClient } from '../../src/lib/http.ts'
import type { Address, OperatorId } from '../../src/lib/primitives.ts'
import { BONDED_MODULE_ABI } from '../sim/abi.ts'
import { createExecutionChain } from '../sim/execution-chain.ts'
import { startExecutionNode } from '../sim/execution-node.ts'

const ETH = 10n ** 18n
const never = new AbortController().signal
const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

async function setUp() {
  const chain = createExecutionChain({ modules: [{ id: 3 }] })
  const sim = await startExecutionNode({ chain })
  closers.push(sim.close)
  const node = createExecutionNode(createHttpClient(sim.url), () => {})
  const module = chain.modules[0] as (typeof chain.modules)[number]
  return {
    chain,
    sim,
    module,
    read: (...operators: number[]) =>
      readLateFees(node, module.address as Address, operators as OperatorId[], never),
  }
}

describe('what a late exit costs', () => {
  test.each([
    ['penalty', false],
    ['fee', true],
  ] as const)('is told by a module with bonds, as its %s', async (by, isForEach32Eth) => {
    const { module, sim, read } = await setUp()
    module.lateFee = { wei: ETH / 10n, by }
    const fee = { wei: ETH / 10n, isForEach32Eth }

    expect(await read(5, 6)).toEqual([fee, fee])
    const calls = sim.rpcCalls('eth_call')
    expect(calls).toHaveLength(by === 'fee' ? 2 + 2 * 2 : 2 + 2 * 3)
    expect(new Set(calls.map(({ params }) => params[1]))).toEqual(new Set(['finalized']))
  })

  test('is not known of a module without bonds, for one call', async () => {
    const { sim, read } = await setUp()

    expect(await read(5, 6)).toEqual([undefined, undefined])
    expect(sim.rpcCalls('eth_call')).toHaveLength(1)
  })

  test('is not known where it is nothing, more than a stake, or no number', async () => {
    const { chain, module, read } = await setUp()
    for (const wei of [0n, 32n * ETH + 1n, 2n ** 256n - 1n]) {
      module.lateFee = { wei, by: 'fee' }
      expect(await read(5), String(wei)).toEqual([undefined])
    }
    for (const answer of ['0x', '0x01', `0x${'ff'.repeat(32)}`, `0x${'00'.repeat(32)}`]) {
      chain.setContract(module.address, () => answer)
      expect(await read(5), answer).toEqual([undefined])
    }
    module.lateFee = { wei: 32n * ETH, by: 'fee' }
    const curveless = BONDED_MODULE_ABI.encodeFunctionResult('PARAMETERS_REGISTRY', [
      module.address,
    ])
    chain.setContract(module.address, (data) => (data.length > 10 ? undefined : curveless))
    expect(await read(5)).toEqual([undefined])
  })

  test('a node that gives no answer is an error, not a module without bonds', async () => {
    const { sim, read } = await setUp()
    sim.faults.add({ kind: 'rpc-error', code: -32_603, message: 'internal error', times: 1 })

    await expect(read(5)).rejects.toThrow('internal error')
  })
})
