import { type Address, type Bytes32, parseAddress, parseBytes32 } from '../lib/primitives.ts'
import type { OracleSeat, OracleSeats } from '../proof/allowlist-drift.ts'
import { consensusAbi, delegateAbi, TOPICS } from './abi.ts'
import { callUnlessReverts, encodeCall, outputAt } from './contract-calls.ts'
import type { ExecutionNode } from './execution-node.ts'
import type { LogReader } from './logs.ts'

/** The oracle has about ten members. A node that names more than this gets no thousands of calls. */
const MAX_MEMBERS = 100

const ZERO = `0x${'0'.repeat(40)}`
/** 7 days of slots: 7 * 86,400 s / 12 s. */
const WEEK_BLOCKS = 50_400
/** Nine members vote three times a day: 189 in a week. */
const MAX_VOTES = 500

type Caller = Pick<ExecutionNode, 'call'>

/**
 * Who signs for the oracle at the finalized block, as one node says: for each member of
 * HashConsensus its delegate, where the member is a contract that names one (`getDelegate()`, in
 * older ones `delegatee()`), and itself otherwise; and the delegate that was announced.
 *
 * @throws when a call got no answer, or `getMembers()` another one than a list of addresses: part
 *   of the seats would look like all of them
 */
export async function readOracleSeats(
  node: Caller,
  consensus: Address,
  signal: AbortSignal,
): Promise<OracleSeats> {
  const seats: OracleSeat[] = []
  for (const member of await readMembers(node, consensus, signal)) {
    const delegate = await readDelegate(node, member, signal)
    const signer = delegate === undefined ? member : delegate === ZERO ? undefined : delegate
    const next = delegate === undefined ? undefined : await readNext(node, member, signal)
    seats.push({ member, signer, next: next?.signer === signer ? undefined : next })
  }
  return seats
}

/**
 * Which of these addresses voted within the last 7 days, as one node says; all of them where it does
 * not have all of those blocks. Advice only, so the sender of a vote is taken from the node's word.
 *
 * @param otherwise - who counts as one of them where blocks are never answered for; with `undefined`
 *   that is an error
 */
export async function readRecentVoters(
  node: ExecutionNode,
  readLogs: LogReader,
  consensus: Address,
  among: ReadonlySet<Address>,
  otherwise: ReadonlySet<Address> | undefined,
  signal: AbortSignal,
): Promise<ReadonlySet<Address>> {
  const { number: toBlock } = await node.finalizedBlock(signal)
  const fromBlock = Math.max(0, toBlock - WEEK_BLOCKS)
  const filter = { address: consensus, topics: [TOPICS.reportReceived], fromBlock, toBlock }
  const votes = new Set<Bytes32>()
  const note = (log: unknown) => {
    const hash = parseBytes32((log as { readonly transactionHash?: unknown }).transactionHash)
    if (hash !== undefined && votes.size < MAX_VOTES) votes.add(hash)
  }
  let isPruned = false
  const onPart = (logs: readonly unknown[]) => logs.forEach(note)
  try {
    await readLogs(node, filter, onPart, signal, ({ refused }) => {
      isPruned ||= refused
    })
  } catch (error) {
    signal.throwIfAborted()
    if (otherwise === undefined) throw error
    return new Set([...among].filter((one) => otherwise.has(one)))
  }
  // Any of them may have voted in the blocks that are gone.
  if (isPruned) return among
  const voters = new Set<Address>()
  for (const hash of votes) {
    if (voters.size === among.size) break
    const body = await node.transaction(hash, signal)
    const from = parseAddress((body as { readonly from?: unknown } | null)?.from)
    if (from !== undefined && among.has(from)) voters.add(from)
  }
  return voters
}

/**
 * How many members must have voted for a report before it counts, as one node says.
 *
 * @returns `undefined` where the contract does not tell
 * @throws when the call got no answer
 */
export async function readChainQuorum(
  node: Caller,
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
  node: Caller,
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

/** `undefined` where the member is no contract that names a delegate; zero where it has none. */
async function readDelegate(node: Caller, member: Address, signal: AbortSignal) {
  for (const name of ['getDelegate', 'delegatee']) {
    const answer = await callUnlessReverts(node, member, encodeCall(delegateAbi, name), signal)
    // An account without code has nothing to say to the other name either.
    if (answer === '0x') return undefined
    const delegate = answer && parseAddress(outputAt(delegateAbi, name, answer, 0))
    if (delegate !== undefined) return delegate
  }
  return undefined
}

/** The delegate that follows; `undefined` where none is announced, or the contract is older. */
async function readNext(node: Caller, member: Address, signal: AbortSignal) {
  const name = 'getPendingDelegate'
  const answer = await callUnlessReverts(node, member, encodeCall(delegateAbi, name), signal)
  if (answer === undefined) return undefined
  const signer = parseAddress(outputAt(delegateAbi, name, answer, 0))
  const activeFrom = outputAt(delegateAbi, name, answer, 1)
  if (signer === undefined || signer === ZERO || typeof activeFrom !== 'bigint') return undefined
  return { signer, activeFrom: Number(activeFrom) }
}

/** Also here: what is no address throws only when it is looked at. */
function addressesIn(list: unknown): readonly Address[] {
  try {
    return Array.isArray(list) ? [...list].flatMap((one) => parseAddress(one) ?? []) : []
  } catch {
    return []
  }
}
