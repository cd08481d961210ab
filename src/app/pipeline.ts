import type { Config } from '../config.ts'
import { type ChainInfo, currentEpoch } from '../consensus/chain-info.ts'
import type { RegistryReader } from '../consensus/registry-reader.ts'
import { createSightingsReader, createWithdrawalsReader } from '../consensus/sightings.ts'
import { createLogReader } from '../execution/logs.ts'
import { createRequestReader } from '../execution/request-reader.ts'
import { createHoldLook } from '../exits/hold-file.ts'
import { createModuleLimits } from '../jobs/module-limits.ts'
import { problemOf } from '../lib/layer.ts'
import type { Metrics } from '../observe/metrics.ts'
import type { CycleParts, Log } from '../requests/cycle-parts.ts'
import type { MessagesTask } from './messages.ts'
import type { Nodes } from './nodes.ts'
import type { Offer } from './offer.ts'
import { createProver, trustedExitBus } from './prover.ts'

export type PipelineParts = {
  readonly config: Config
  readonly chainId: bigint
  readonly nodes: Nodes
  readonly readChainInfo: (signal: AbortSignal) => Promise<ChainInfo>
  readonly registry: RegistryReader
  readonly messages: MessagesTask
  readonly journal: CycleParts['journal']
  readonly offer: Offer
  readonly log: Log
  readonly metrics: Metrics
  readonly now: () => number
  /** Milliseconds that only go forward: the process' own unless given. */
  readonly elapsed?: (() => number) | undefined
  readonly onUnlistedSigner: () => void
  /** Ends what goes on in the background. */
  readonly lifetime: AbortSignal
  /** Told the last block that was read. */
  readonly onRead: (upTo: number | undefined) => void
}

/** Gives each step of the cycle its part of the world. */
export function createPipeline(parts: PipelineParts): CycleParts {
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
    },
    now,
  )
  const limits = createModuleLimits({
    locator: config.locatorAddress,
    scope: config.scope,
    nodes: execution.nodes,
    log,
    now,
    lifetime: parts.lifetime,
  })
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
    termsOf: limits.termsOf,
    elapsed: parts.elapsed ?? (() => performance.now()),
    settings: {
      mode: config.delivery.mode,
      dryRun: config.dryRun,
      maxExitsPerHour: config.maxExitsPerHour,
      scope: config.scope,
    },

    async checkNodes(signal) {
      const statuses = await look(signal)
      await limits.refresh()
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
    readMessages: parts.messages.read,
    readSightings: createSightingsReader(consensus.nodes, parts.registry),
    async readChain(signal) {
      const info = await readChainInfo(signal)
      return {
        currentEpoch: currentEpoch(info, nodes.headSlot(), now()),
        shardCommitteePeriod: info.shardCommitteePeriod,
        slotStart: (slot) => info.genesisTime + Number(slot * info.secondsPerSlot),
        epochStart: (epoch) =>
          info.genesisTime + Number(epoch * info.slotsPerEpoch * info.secondsPerSlot),
      }
    },
    readPendingWithdrawals: createWithdrawalsReader(consensus.nodes),
    isHeld: createHoldReader(config.holdFile, log),
    nextOfferAt: parts.offer.nextOfferAt,
    rehearse: (request, deadline) => parts.offer.rehearse?.(request, deadline) ?? {},
    offer: parts.offer.offer,
  }
}

/** A problem is told once, and again when it is another one. */
function createHoldReader(path: string | undefined, log: Log): CycleParts['isHeld'] {
  if (path === undefined) return async () => false
  const look = createHoldLook(path)
  let told: string | undefined
  return async () => {
    const { isHeld, problem } = await look()
    if (problem !== undefined && problem !== told) log.warn(problem)
    told = problem
    return isHeld
  }
}
