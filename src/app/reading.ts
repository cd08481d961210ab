import type { CommonConfig } from '../config.ts'
import { type ChainInfo, currentEpoch } from '../consensus/chain-info.ts'
import type { RegistryReader } from '../consensus/registry-reader.ts'
import { createSightingsReader } from '../consensus/sightings.ts'
import { createLogReader } from '../execution/logs.ts'
import { createRequestReader } from '../execution/request-reader.ts'
import { problemOf } from '../lib/layer.ts'
import type { Metrics } from '../observe/metrics.ts'
import type { FollowingParts, Log } from '../requests/cycle-parts.ts'
import type { ModuleTermsOf } from '../requests/deadlines.ts'
import { trustedExitBus } from './exit-bus.ts'
import type { Nodes } from './nodes.ts'
import { createProver } from './prover.ts'

export type ReadingParts = {
  readonly config: CommonConfig
  readonly chainId: bigint
  readonly nodes: Nodes
  readonly readChainInfo: (signal: AbortSignal) => Promise<ChainInfo>
  readonly registry: Pick<RegistryReader, 'learn'>
  readonly journal: FollowingParts['journal']
  readonly log: Log
  readonly metrics: Metrics
  readonly now: () => number
  readonly onUnlistedSigner?: () => void
  /** Requests that one node may bring at once: see `ReadingSettings`. */
  readonly mostAtOnce?: number
  /** Ends what goes on in the background. */
  readonly lifetime: AbortSignal
  /** Told the last block that was read. */
  readonly onRead: (upTo: number | undefined) => void
}

/** What follows requests: reading, proof, registry. Nothing of it hands out an exit. */
export function createReading(parts: ReadingParts, termsOf: ModuleTermsOf): FollowingParts {
  const { config, chainId, nodes, readChainInfo, journal, log, metrics, now } = parts
  const { execution, consensus } = nodes
  const readLogs = createLogReader(config.loadLogsStep, now)
  const readRequests = createRequestReader(
    execution.nodes,
    readLogs,
    {
      chainId,
      locator: config.locatorAddress,
      scope: config.scope,
      exitBus: config.proof === 'oracle' ? config.exitBusAddress : trustedExitBus(config, chainId),
      preloadBlocks: config.blocksPreload,
      loopBlocks: config.blocksLoop,
      lifetime: parts.lifetime,
      mostAtOnce: parts.mostAtOnce,
    },
    now,
  )
  /** The start has just looked at all of them. */
  let lookedAt = [...execution.statuses(), ...consensus.statuses()]
  async function look(signal: AbortSignal) {
    const known = lookedAt
    lookedAt = []
    if (known.length > 0 && known.every(({ synced }) => synced)) return known
    return (await Promise.all([execution.check(signal), consensus.check(signal)])).flat()
  }
  return {
    log,
    now,
    journal,
    metrics,
    termsOf,
    settings: { scope: config.scope },

    async checkNodes(signal) {
      const statuses = await look(signal)
      for (const status of statuses) metrics.setNode(status)
      return statuses.flatMap((status) => problemOf(status) ?? [])
    },
    async readRequests(known, signal) {
      const reading = await readRequests(known, signal)
      parts.onRead(reading.upTo)
      return reading
    },
    prove: createProver({
      ...parts,
      nodes: execution.nodes,
      consensusNodes: consensus.nodes,
      readLogs,
    }),
    readSightings: createSightingsReader(consensus.nodes, parts.registry),
    async readChain(signal) {
      const info = await readChainInfo(signal)
      return {
        currentEpoch: currentEpoch(info, nodes.headSlots(), now()),
        shardCommitteePeriod: info.shardCommitteePeriod,
        slotStart: (slot) => info.genesisTime + Number(slot * info.secondsPerSlot),
        epochStart: (epoch) =>
          info.genesisTime + Number(epoch * info.slotsPerEpoch * info.secondsPerSlot),
      }
    },
  }
}
