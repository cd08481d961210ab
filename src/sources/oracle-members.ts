import type { Interface } from 'ethers'
import { consensusAbi, decodeOutput, delegateAbi } from '../domain/abi.ts'
import { type Address, type Hex, parseAddress } from '../domain/primitives.ts'
import { type ExecutionNode, RpcError } from './execution-node.ts'

/** The oracle has about ten members. A node that names more than this gets no thousands of calls. */
const MAX_MEMBERS = 100

const ZERO_ADDRESS = `0x${'0'.repeat(40)}`

/**
 * Who signs for the oracle at the finalized block, as one node says: each member of HashConsensus,
 * or its delegate where the member is a contract that names one (`getDelegate()`, `delegatee()`).
 *
 * @returns distinct addresses, at least one
 * @throws when a call got no answer, or `getMembers()` another one than a list of addresses: part
 *   of the signers would look like all of them
 */
export async function readOracleSigners(
  node: Pick<ExecutionNode, 'call'>,
  consensus: Address,
  signal: AbortSignal,
): Promise<readonly Address[]> {
  const members = await readMembers(node, consensus, signal)
  const signers = new Set<Address>()
  for (const member of members) {
    signers.add((await readDelegate(node, member, signal)) ?? member)
  }
  return [...signers]
}

async function readMembers(
  node: Pick<ExecutionNode, 'call'>,
  consensus: Address,
  signal: AbortSignal,
): Promise<readonly Address[]> {
  const answer = await node.call(consensus, encode(consensusAbi, 'getMembers'), signal)
  const told = firstOf(consensusAbi, 'getMembers', answer)
  const members = Array.isArray(told) ? [...told].flatMap((one) => parseAddress(one) ?? []) : []
  if (members.length === 0 || members.length > MAX_MEMBERS) {
    throw new Error(`getMembers() of HashConsensus ${consensus} gave ${members.length} addresses`)
  }
  return members
}

const DELEGATE_NAMES = ['getDelegate', 'delegatee'] as const

/** `undefined` where the member answers nothing, no address, or the zero address. */
async function readDelegate(
  node: Pick<ExecutionNode, 'call'>,
  member: Address,
  signal: AbortSignal,
): Promise<Address | undefined> {
  for (const name of DELEGATE_NAMES) {
    const answer = await ask(node, member, name, signal)
    // An account without code has nothing to say to the other name either.
    if (answer === '0x') return undefined
    const delegate = answer && parseAddress(firstOf(delegateAbi, name, answer))
    if (delegate !== undefined && delegate !== ZERO_ADDRESS) return delegate
  }
  return undefined
}

/** `undefined` where the member reverts. */
async function ask(
  node: Pick<ExecutionNode, 'call'>,
  member: Address,
  name: (typeof DELEGATE_NAMES)[number],
  signal: AbortSignal,
): Promise<Hex | undefined> {
  try {
    return await node.call(member, encode(delegateAbi, name), signal)
  } catch (error) {
    if (error instanceof RpcError && isRevert(error)) return undefined
    throw error
  }
}

/**
 * Whether the contract refused, and not the node. Clients differ: code 3 (geth, reth, Erigon),
 * −32015 (Nethermind), −32000 with one of many texts (Besu, older ones, invalid opcodes).
 */
const isRevert = ({ code, message }: RpcError) =>
  code === 3 ||
  code === -32_015 ||
  /revert|invalid opcode|bad instruction|invalid jump|out of gas|stack (under|over)flow/i.test(
    message,
  )

/** ethers decodes late: what is no address throws only when it is looked at. */
function firstOf(abi: Interface, name: string, answer: Hex): unknown {
  try {
    const [first] = decodeOutput(abi, name, answer)?.toArray(true) ?? []
    return first
  } catch {
    return undefined
  }
}

const encode = (abi: Interface, name: string): Hex => abi.encodeFunctionData(name) as Hex
