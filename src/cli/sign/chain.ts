import { readSigningContext } from '../../app/messages.ts'
import { agreedChain, StartUpError } from '../../app/start-up.ts'
import { currentEpoch } from '../../consensus/chain-info.ts'
import { type SigningContext, type SigningDomain, signingDomains } from '../../consensus/fork.ts'
import { createKeysReader } from '../../consensus/registry-reader.ts'
import { messageOf } from '../../lib/message-of.ts'
import type { Epoch, Pubkey, ValidatorIndex } from '../../lib/primitives.ts'
import { CommandError } from '../context.ts'
import { inTime, type Parts } from '../gather/parts.ts'

/** What an exit of this chain is signed for. */
export type SigningChain = {
  /** As the daemon verifies it. */
  readonly context: SigningContext
  readonly domain: SigningDomain
  /** Of the finalized state: an exit of an epoch to come would have to wait. */
  readonly epoch: Epoch
}

const SET_NODES = 'set CONSENSUS_NODE to synced nodes of one network'

/**
 * Asks the consensus nodes, and no execution node.
 *
 * @throws CommandError when they do not tell, or do not agree
 */
export async function readSigningChain(parts: Parts, signal: AbortSignal): Promise<SigningChain> {
  const chainId = await findChain(parts, signal)
  try {
    const context = await readSigningContext({ ...parts, chainId }, signal)
    const [domain, ...others] = signingDomains(context)
    if (domain === undefined || (context.otherwise ?? []).length > 0) {
      const count = others.length + 1
      throw new CommandError(
        `sign: the nodes name ${count} domains that exits are signed for`,
        SET_NODES,
        1,
      )
    }
    return { context, domain, epoch: await readEpoch(parts, signal) }
  } catch (error) {
    throw asComplaint('what exits are signed for is not known', error, signal)
  }
}

function asComplaint(what: string, error: unknown, signal: AbortSignal): CommandError {
  signal.throwIfAborted()
  if (error instanceof CommandError) return error
  return new CommandError(`sign: ${what}: ${messageOf(error)}`, SET_NODES, 1)
}

async function findChain({ nodes }: Parts, signal: AbortSignal): Promise<bigint> {
  const statuses = await inTime(signal, (deadline) => nodes.consensus.check(deadline))
  const unused = statuses.flatMap(({ host, synced, why }) => (synced ? [] : [`${host}: ${why}`]))
  try {
    const chainId = agreedChain(statuses, nodes.expectedChainId)
    if (chainId !== undefined && unused.length < statuses.length) {
      nodes.consensus.expectChain(chainId)
      return chainId
    }
  } catch (error) {
    if (error instanceof StartUpError)
      throw new CommandError(`sign: ${error.message}`, SET_NODES, 1)
    throw error
  }
  throw new CommandError(`sign: no consensus node can be used: ${unused.join(', ')}`, SET_NODES, 1)
}

/** The least that a node says, and no later than by the clock: an earlier one is as good. */
async function readEpoch({ nodes, readChainInfo, now }: Parts, signal: AbortSignal) {
  const [answers, info] = await Promise.all([
    nodes.consensus.nodes.every((node, deadline) => node.finalizedEpoch(deadline), signal),
    readChainInfo(signal),
  ])
  const told = answers.flatMap((answer) => (answer.ok ? [answer.value] : []))
  const failed = answers.find((answer) => !answer.ok)
  if (told.length === 0 && failed !== undefined) throw failed.error
  return [...told, currentEpoch(info, [], now())].reduce((a, b) => (a < b ? a : b))
}

/** What the nodes know of validators; where they differ on a key, one of them errs. */
export async function readValidators(
  { nodes, registry }: Parts,
  indices: readonly ValidatorIndex[],
  signal: AbortSignal,
) {
  const readKeys = createKeysReader(nodes.consensus.nodes)
  try {
    const [answer, keys] = await Promise.all([
      registry.read(indices, signal),
      readKeys(indices, signal),
    ])
    const keysOf = (index: ValidatorIndex): readonly Pubkey[] => keys.get(index) ?? []
    return { ...answer, keysOf }
  } catch (error) {
    throw asComplaint('the validators cannot be looked up', error, signal)
  }
}

export type Validators = Awaited<ReturnType<typeof readValidators>>
