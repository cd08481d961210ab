import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { delegateAbi } from '../../src/execution/abi.ts'
import { createExecutionNode } from '../../src/execution/execution-node.ts'
import { createLogReader } from '../../src/execution/logs.ts'
import { readOracleSeats, readRecentVoters } from '../../src/execution/oracle-members.ts'
import { createHttpClient } from '../../src/lib/http.ts'
import { type Address, parseAddress } from '../../src/lib/primitives.ts'
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

const readSeats = (consensus = chain.consensus) =>
  readOracleSeats(
    createExecutionNode(createHttpClient(sim.url), () => {}),
    consensus as Address,
    never,
  )
/** Their keys of today, distinct. */
const read = async (consensus = chain.consensus) => [
  ...new Set((await readSeats(consensus)).flatMap(({ signer }) => signer ?? [])),
]
const lower = (addresses: readonly string[]) => addresses.map((one) => one.toLowerCase())

/** The member contract of the second member answers like this. */
const answers = (handler: (name: string) => string | undefined) =>
  chain.setContract(chain.members[1]?.contract ?? '', (data) =>
    handler(delegateAbi.getFunction(data.slice(0, 10))?.name ?? 'other'),
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
    ['answers no address', `0x${'f'.repeat(64)}`],
    ['answers half a word', '0x1234'],
  ])('a member contract that %s signs itself', async (_, answer) => {
    answers(() => answer)
    expect(await read()).toEqual(lower(chain.members.map(memberAddress)))
  })

  test.each([
    ['getDelegate', ['getDelegate']],
    ['delegatee, in an older contract', ['delegatee']],
  ])('a member whose delegate is zero has no signer, by %s', async (_, names) => {
    const nobody = `0x${'0'.repeat(64)}`
    answers((name) => (names.includes(name) ? nobody : undefined))
    const member = chain.members[1]?.contract

    expect(await read()).toEqual(lower(chain.signerAddresses().toSpliced(1, 1)))
    expect((await readSeats())[1]).toEqual({ member, signer: undefined, next: undefined })
  })

  test('the delegate that was announced, and from when it signs', async () => {
    const [, member] = chain.members
    const next = { delegate: `0x${'12'.repeat(20)}` as const, activeFrom: 1_800_000_000 }
    Object.assign(member ?? {}, { next })

    expect((await readSeats())[1]?.next).toEqual({
      signer: next.delegate,
      activeFrom: 1_800_000_000,
    })
    expect(await read()).toEqual(lower(chain.signerAddresses()))
  })

  test.each([
    ['is not known', undefined],
    ['answers nothing', '0x'],
    ['answers half', `0x${'0'.repeat(24)}${'12'.repeat(20)}`],
    ['names nobody', `0x${'0'.repeat(128)}`],
    ['names who signs already', 'same'],
  ])('no delegate follows where getPendingDelegate %s', async (_, answer) => {
    const delegate = word(chain.signerAddresses()[1] ?? '')
    answers((name) => {
      if (name === 'getDelegate') return delegate
      return answer === 'same' ? `${delegate}${'1'.padStart(64, '0')}` : answer
    })
    expect((await readSeats())[1]?.next).toBeUndefined()
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

describe('who voted within a week', () => {
  const setOf = (addresses: readonly string[]) => new Set(lower(addresses) as Address[])
  const voters = (among: readonly string[], otherwise?: readonly string[]) =>
    readRecentVoters(
      createExecutionNode(createHttpClient(sim.url), () => {}),
      createLogReader(10_000),
      chain.consensus as Address,
      setOf(among),
      otherwise && setOf(otherwise),
      never,
    )

  test('those of the asked that did; all of them where blocks of that week are pruned', async () => {
    chain.submitReport({ requests: [], signers: [0, 1] })
    chain.finalize()
    const all = lower(chain.signerAddresses())
    expect([...(await voters(all))]).toEqual(all.slice(0, 2))

    sim.set({ firstLogBlock: chain.finalized - 10_064 })
    expect([...(await voters(all))]).toEqual(all)
  })

  test('no answer is none, or leaves those that are known otherwise', async () => {
    chain.submitReport({ requests: [], signers: [0] })
    chain.finalize()
    sim.faults.add({ kind: 'status', status: 503, match: { rpc: 'eth_getLogs' } })
    const all = lower(chain.signerAddresses())
    await expect(voters(all)).rejects.toThrow('503')
    expect([...(await voters(all, all.slice(1)))]).toEqual(all.slice(1))
  })
})
