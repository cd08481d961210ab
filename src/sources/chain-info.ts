import { type Bytes32, type Epoch, parseUint64 } from '../domain/primitives.ts'
import type { Endpoints } from '../lib/endpoints.ts'
import type { ConsensusNode } from './consensus-node.ts'

/** What is the same for every node of one beacon chain, and changes only with a node's release. */
export type ChainInfo = {
  readonly genesisTime: number
  readonly genesisValidatorsRoot: Bytes32
  /** `/eth/v1/config/spec`, values as the node wrote them. */
  readonly spec: Readonly<Record<string, unknown>>
  readonly slotsPerEpoch: bigint
  readonly secondsPerSlot: bigint
  /** Epochs. */
  readonly shardCommitteePeriod: bigint
}

/** A new release of a node may schedule a fork. */
const REFRESH_MS = 60 * 60 * 1_000

/** Mainnet preset and configuration, for nodes that leave a value out. */
const SLOTS_PER_EPOCH = 32n
const SECONDS_PER_SLOT = 12n
const SHARD_COMMITTEE_PERIOD = 256n

/** Asks once, and again hourly; an answer that is too old still serves when no node answers. */
export function createChainInfoReader(
  nodes: Endpoints<ConsensusNode>,
  now: () => number = Date.now,
): (signal: AbortSignal) => Promise<ChainInfo> {
  let known: { readonly info: ChainInfo; readonly at: number } | undefined

  return async function readChainInfo(signal) {
    if (known !== undefined && now() - known.at < REFRESH_MS) return known.info
    try {
      const info = await nodes.first(fetchChainInfo, signal)
      known = { info, at: now() }
      return info
    } catch (error) {
      if (known === undefined || signal.aborted) throw error
      return known.info
    }
  }
}

async function fetchChainInfo(node: ConsensusNode, _host: string, signal: AbortSignal) {
  const [genesis, spec] = await Promise.all([node.genesis(signal), node.spec(signal)])
  const number = (name: string, otherwise: bigint) => parseUint64(spec[name]) || otherwise
  return {
    genesisTime: genesis.time,
    genesisValidatorsRoot: genesis.validatorsRoot,
    spec,
    slotsPerEpoch: number('SLOTS_PER_EPOCH', SLOTS_PER_EPOCH),
    secondsPerSlot: number('SECONDS_PER_SLOT', SECONDS_PER_SLOT),
    // Zero is a legal value here: a network may let validators leave at once.
    shardCommitteePeriod: parseUint64(spec.SHARD_COMMITTEE_PERIOD) ?? SHARD_COMMITTEE_PERIOD,
  }
}

/**
 * The later of what the clock and the nodes' heads say: a node that lags, or a clock that is
 * behind, must not hold an exit back. One that is sent too early is refused and sent again.
 *
 * @param headSlot - highest head slot of any node, if any answered
 * @param now - unix ms
 */
export function currentEpoch(info: ChainInfo, headSlot: bigint | undefined, now: number): Epoch {
  const seconds = BigInt(Math.max(0, Math.floor(now / 1_000) - info.genesisTime))
  const clockSlot = seconds / info.secondsPerSlot
  const slot = headSlot !== undefined && headSlot > clockSlot ? headSlot : clockSlot
  return (slot / info.slotsPerEpoch) as Epoch
}
