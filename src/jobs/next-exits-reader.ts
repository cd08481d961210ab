import type { Nodes } from '../app/nodes.ts'
import { NodeRefusedError } from '../consensus/answers.ts'
import type { ChainInfo } from '../consensus/chain-info.ts'
import type { ConsensusNode } from '../consensus/consensus-node.ts'
import type { RegistryEntry } from '../consensus/registry.ts'
import { createStakingModuleReader, type StakingModule } from '../execution/staking-modules.ts'
import type {
  Address,
  Epoch,
  ModuleId,
  OperatorId,
  Pubkey,
  ValidatorIndex,
} from '../lib/primitives.ts'
import { type FinalizedSnapshot, type OperatorOrder, orderKeys } from '../requests/next-exits.ts'

export type OrderReaderParts = {
  readonly locator: Address
  readonly nodes: Pick<Nodes, 'execution' | 'consensus'>
  readonly readChainInfo: (signal: AbortSignal) => Promise<ChainInfo>
  /** Unix ms. */
  readonly now: () => number
}

/** What is the same for every operator that is read at one time. */
export type FinalizedState = {
  readonly snapshot: FinalizedSnapshot
  readonly consolidating: ReadonlySet<ValidatorIndex>
}

/**
 * Reads in which order an operator's validators will be asked for: two calls for each thousand keys
 * (VALIDATORS_BATCH_SIZE), and six more. Counts neither for nor against a node.
 */
export function createOrderReader({ locator, nodes, readChainInfo, now }: OrderReaderParts) {
  const modules = createStakingModuleReader(locator)
  const askExecution = nodes.execution.nodes.firstUncounted
  const askConsensus = nodes.consensus.nodes.firstUncounted

  return {
    /** @throws when no consensus node answers */
    async state(signal: AbortSignal): Promise<FinalizedState> {
      const info = await readChainInfo(signal)
      return askConsensus(async (node) => {
        const block = await node.finalizedBlock(signal)
        const { slot } = block
        const snapshot = {
          ...block,
          epoch: (slot / info.slotsPerEpoch) as Epoch,
          timestamp: info.genesisTime + Number(slot * info.secondsPerSlot),
        }
        return { snapshot, consolidating: await readConsolidating(node, signal) }
      }, signal)
    },

    /** @throws when no execution node answers, or there is no such module */
    module: (id: ModuleId, signal: AbortSignal): Promise<StakingModule> =>
      askExecution(
        async (node) => modules.module(node, await modules.router(node, signal), id, signal),
        signal,
      ),

    /** @throws when no node gives the keys or the validators */
    async operator(
      { id: moduleId, address }: Pick<StakingModule, 'id' | 'address'>,
      operatorId: OperatorId,
      { snapshot, consolidating }: FinalizedState,
      signal: AbortSignal,
    ): Promise<OperatorOrder> {
      const { counts, name, keys } = await askExecution(async (node) => {
        const counts = await modules.operatorCounts(node, address, operatorId, signal)
        return {
          counts,
          name: await modules.operatorName(node, address, operatorId, signal),
          keys: await modules.readSigningKeys(node, address, operatorId, counts.deposited, signal),
        }
      }, signal)
      const registry = await askConsensus((node) => lookUp(node, keys, signal), signal)
      const { deposited, exited, target = deposited } = counts
      return {
        moduleId,
        operatorId,
        moduleAddress: address,
        name,
        keys: orderKeys(keys, registry, consolidating),
        overTarget: Math.max(0, deposited - exited - target),
        snapshot,
        readAt: now(),
      }
    },
  }
}

/** A node that does not serve consolidations (older than Electra) excludes none. */
async function readConsolidating(
  node: ConsensusNode,
  signal: AbortSignal,
): Promise<ReadonlySet<ValidatorIndex>> {
  try {
    return await node.pendingConsolidations(signal)
  } catch (error) {
    if (error instanceof NodeRefusedError) return new Set()
    throw error
  }
}

/** @throws when the node cannot be asked about one of them: its place in the order is not known */
async function lookUp(
  node: ConsensusNode,
  keys: readonly Pubkey[],
  signal: AbortSignal,
): Promise<ReadonlyMap<Pubkey, RegistryEntry>> {
  if (keys.length === 0) return new Map()
  const { entries, unreadable } = await node.validators('finalized', keys, signal)
  const [problem] = unreadable.values()
  if (problem !== undefined) throw new Error(problem)
  return new Map([...entries.values()].map((entry) => [entry.pubkey, entry]))
}
