import { type Address, parseAddress } from '../lib/primitives.ts'
import { consensusAbi, delegateAbi } from './abi.ts'
import { callUnlessReverts, encodeCall, outputAt } from './contract-calls.ts'
import type { ExecutionNode } from './execution-node.ts'

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

/**
 * How many members must have voted for a report before it counts, as one node says.
 *
 * @returns `undefined` where the contract does not tell
 * @throws when the call got no answer
 */
export async function readChainQuorum(
  node: Pick<ExecutionNode, 'call'>,
  consensus: Address,
  signal: AbortSignal,
): Promise<number | undefined> {
  const name = 'getQuorum'
  const data = encodeCall(consensusAbi, name)
  const answer = await callUnlessReverts(node, consensus, data, signal)
  const quorum = answer && outputAt(consensusAbi, name, answer, 0)
  return typeof quorum === 'bigint' && quorum <= BigInt(MAX_MEMBERS) ? Number(quorum) : undefined
}

async function readMembers(
  node: Pick<ExecutionNode, 'call'>,
  consensus: Address,
  signal: AbortSignal,
): Promise<readonly Address[]> {
  const answer = await node.call(consensus, encodeCall(consensusAbi, 'getMembers'), signal)
  const members = addressesIn(outputAt(consensusAbi, 'getMembers', answer, 0))
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
    const answer = await callUnlessReverts(node, member, encodeCall(delegateAbi, name), signal)
    // An account without code has nothing to say to the other name either.
    if (answer === '0x') return undefined
    const delegate = answer && parseAddress(outputAt(delegateAbi, name, answer, 0))
    if (delegate !== undefined && delegate !== ZERO_ADDRESS) return delegate
  }
  return undefined
}

/** Also here: what is no address throws only when it is looked at. */
function addressesIn(list: unknown): readonly Address[] {
  try {
    return Array.isArray(list) ? [...list].flatMap((one) => parseAddress(one) ?? []) : []
  } catch {
    return []
  }
}
