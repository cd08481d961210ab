import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createExecutionNode } from '../../src/execution/execution-node.ts'
import { readOracleSigners } from '../../src/execution/oracle-members.ts'
import { createHttpClient } from '../../src/lib/http.ts'
import { type Address, parseAddress } from '../../src/lib/primitives.ts'
import { DELEGATE_ABI } from '../sim/abi.ts'
import { memberAddress } from '../sim/contracts.ts'
import { createExecutionChain } from '../sim/execution-chain.ts'
import { type ExecutionNode, startExecutionNode } from '../sim/execution-node.ts'

const never = new AbortController().signal
let chain: ReturnType<typeof createExecutionChain>
let sim: ExecutionNode
beforeEach(async () => {
  chain = createExecutionChain({ delegated: [1] })
  sim = await startExecutionNode({ chain })
})
afterEach(() => sim.close())

const read = (consensus = chain.consensus) =>
  readOracleSigners(
    createExecutionNode(createHttpClient(sim.url), () => {}),
    consensus as Address,
    never,
  )
const lower = (addresses: readonly string[]) => addresses.map((one) => one.toLowerCase())

/** The member contract of the second member answers like this. */
const answers = (handler: (name: string) => string | undefined) =>
  chain.setContract(chain.members[1]?.contract ?? '', (data) =>
    handler(DELEGATE_ABI.getFunction(data.slice(0, 10))?.name ?? 'other'),
  )
const word = (address: string) => `0x${address.slice(2).toLowerCase().padStart(64, '0')}`

describe('who signs for the oracle', () => {
  test('members themselves, and the delegates of those that are contracts', async () => {
    expect(await read()).toEqual(lower(chain.signerAddresses()))
    expect(await read()).not.toEqual(lower(chain.memberAddresses()))
    expect(sim.rpcCalls('eth_call').every(({ params }) => params[1] === 'finalized')).toBe(true)
  })

  test('a delegate behind the other name', async () => {
    const delegate = chain.signerAddresses()[1] ?? ''
    answers((name) => (name === 'getDelegate' ? undefined : word(delegate)))
    expect(await read()).toEqual(lower(chain.signerAddresses()))
  })

  test.each([
    ['reverts', undefined],
    ['answers nothing', '0x'],
    ['answers the zero address', `0x${'0'.repeat(64)}`],
    ['answers no address', `0x${'f'.repeat(64)}`],
    ['answers half a word', '0x1234'],
  ])('a member contract that %s signs itself', async (_, answer) => {
    answers(() => answer)
    expect(await read()).toEqual(lower(chain.members.map(memberAddress)))
  })

  test.each([
    [-32_000, 'execution reverted'],
    [-32_015, 'VM execution error.'],
    [-32_000, 'invalid opcode: opcode 0xfe not defined'],
  ])('a revert in other words: %i %s', async (code, message) => {
    const to = chain.members[1]?.contract ?? ''
    sim.faults.add({ kind: 'rpc-error', code, message, match: { body: new RegExp(to) } })
    expect(await read()).toEqual(lower(chain.memberAddresses()))
  })

  test.each([
    ['a reset', { kind: 'reset' }],
    ['HTTP 503', { kind: 'status', status: 503 }],
    ['a limit', { kind: 'rpc-error', code: -32_005, message: 'daily request count exceeded' }],
    ['a lost state', { kind: 'rpc-error', code: -32_000, message: 'missing trie node' }],
    ['null', { kind: 'null' }],
    ['HTML', { kind: 'html' }],
  ] as const)('%s on the way is no answer of the member: the reading fails', async (_, fault) => {
    const to = chain.members[1]?.contract ?? ''
    sim.faults.add({ ...fault, match: { body: new RegExp(to) } })
    await expect(read()).rejects.toThrow()
  })

  test('a contract that names no members, or too many, gives no list', async () => {
    await expect(read(parseAddress(`0x${'1'.repeat(40)}`))).rejects.toThrow('gave 0 addresses')
    chain.members.length = 0
    await expect(read()).rejects.toThrow('gave 0 addresses')
    for (let i = 0; i < 101; i += 1) chain.addMember(`more ${i}`)
    await expect(read()).rejects.toThrow('gave 101 addresses')
  })
})
