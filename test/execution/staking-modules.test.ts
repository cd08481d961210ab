import { Interface } from 'ethers'
import { afterEach, describe, expect, test } from 'vitest'
import { createExecutionNode } from '../../src/execution/execution-node.ts'
import { createStakingModuleReader } from '../../src/execution/staking-modules.ts'
import { createHttpClient } from '../../src/lib/http.ts'
import type { Address, ModuleId, OperatorId } from '../../src/lib/primitives.ts'
import { createExecutionChain } from '../sim/execution-chain.ts'
import { startExecutionNode } from '../sim/execution-node.ts'

const never = new AbortController().signal
const MODULE = 4 as ModuleId
const OPERATOR = 7 as OperatorId
const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

async function setUp() {
  const chain = createExecutionChain({
    modules: [{ id: MODULE, name: 'Community Staking', exitDeadlineSeconds: 172_800 }],
  })
  const sim = await startExecutionNode({ chain })
  closers.push(sim.close)
  const node = createExecutionNode(createHttpClient(sim.url), () => {})
  const reader = createStakingModuleReader(chain.locator as Address)
  const module = chain.modules[0] as (typeof chain.modules)[number]
  return {
    chain,
    sim,
    module,
    router: () => reader.router(node, never),
    find: async (id = MODULE) => reader.module(node, chain.stakingRouter as Address, id, never),
    exitLimit: () => reader.exitLimit(node, module.address as Address, OPERATOR, never),
    operatorCount: () => reader.operatorCount(node, module.address as Address, never),
  }
}

describe('a staking module', () => {
  test('is found through Locator and router, at the finalized block', async () => {
    const { chain, sim, module, router, find, exitLimit, operatorCount } = await setUp()

    expect(await router()).toBe(chain.stakingRouter)
    expect(await find()).toEqual({
      id: MODULE,
      address: module.address,
      name: 'Community Staking',
    })
    expect(await exitLimit()).toBe(172_800)
    expect(await operatorCount()).toBe(40)
    expect(sim.rpcCalls('eth_call').map(({ params }) => params[1])).toEqual(
      Array.from({ length: 4 }, () => 'finalized'),
    )
  })

  test('is read although a newer router tells more of it', async () => {
    const { chain, module, find } = await setUp()
    const fields = `uint24,address,uint16,uint16,uint16,uint8,string,uint64,uint256,uint256,uint16,uint64,uint64,uint8,bytes`
    const newer = new Interface([
      `function getStakingModule(uint256) view returns (tuple(${fields}))`,
    ])
    chain.setContract(chain.stakingRouter, () =>
      newer.encodeFunctionResult('getStakingModule', [
        [4, module.address, 1, 1, 1, 0, 'new', 1, 1, 0, 1, 1, 1, 2, `0x${'ff'.repeat(100)}`],
      ]),
    )

    expect(await find()).toEqual({ id: MODULE, address: module.address, name: 'new' })
  })

  test('a name is cut, and one that is no text is none', async () => {
    const { chain, module, find } = await setUp()
    module.name = `${'long '.repeat(40)}\n`
    expect((await find()).name).toHaveLength(61)

    const bytesForName = new Interface([
      'function getStakingModule(uint256) view returns (tuple(uint24,address,uint16,uint16,uint16,uint8,bytes))',
    ])
    chain.setContract(chain.stakingRouter, () =>
      bytesForName.encodeFunctionResult('getStakingModule', [
        [4, module.address, 1, 1, 1, 0, '0xff00fe'],
      ]),
    )
    expect(await find()).toEqual({ id: MODULE, address: module.address, name: undefined })
  })

  test('that is not there is an error', async () => {
    const { chain, find } = await setUp()

    await expect(find(9 as ModuleId)).rejects.toThrow('the staking router knows no module 9')
    for (const answer of ['0x', `0x${'00'.repeat(32)}`, `0x${'ff'.repeat(320)}`]) {
      chain.setContract(chain.stakingRouter, () => answer)
      await expect(find(), answer).rejects.toThrow('knows no module 4')
    }
  })

  test('has no limit of its own where it knows no such function, or says nonsense', async () => {
    const { chain, module, exitLimit, operatorCount } = await setUp()
    module.exitDeadlineSeconds = undefined
    expect(await exitLimit()).toBeUndefined()
    module.exitDeadlineSeconds = 0
    expect(await exitLimit()).toBeUndefined()
    module.exitDeadlineSeconds = 2 ** 32
    expect(await exitLimit()).toBeUndefined()

    for (const answer of ['0x', '0x01', `0x${'ff'.repeat(32)}`]) {
      chain.setContract(module.address, () => answer)
      expect(await exitLimit(), answer).toBeUndefined()
    }
    chain.setContract(module.address, () => '0x')
    expect(await operatorCount()).toBeUndefined()
  })

  test('a node that gives no answer is an error, not a module without a limit', async () => {
    const { sim, exitLimit } = await setUp()
    sim.faults.add({ kind: 'rpc-error', code: -32_603, message: 'internal error', times: 1 })
    await expect(exitLimit()).rejects.toThrow('internal error')
    sim.faults.add({ kind: 'reset', times: 1 })
    await expect(exitLimit()).rejects.toThrow()
    sim.faults.add({ kind: 'hang', times: 1 })
    await expect(exitLimit()).rejects.toThrow()
    sim.faults.clear()
    sim.faults.add({ kind: 'rpc-error', code: -32_000, message: 'execution reverted', times: 1 })
    expect(await exitLimit()).toBeUndefined()
  })
})
