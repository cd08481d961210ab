import type { Endpoints } from '../lib/endpoints.ts'
import { type Bytes32, type Epoch, toldUint64 } from '../lib/primitives.ts'
import type { ConsensusNode } from './consensus-node.ts'

/** What says for which chain an exit must be signed, as one node tells it. */
type ChainOpinion = {
  readonly genesisValidatorsRoot: Bytes32
  /** `/eth/v1/config/spec`, values as the node wrote them. */
  readonly spec: Readonly<Record<string, unknown>>
}

type Times = {
  readonly genesisTime: number
  readonly slotsPerEpoch: bigint
  readonly secondsPerSlot: bigint
  /** Epochs. */
  readonly shardCommitteePeriod: bigint
}

/**
 * What is the same for every node of one beacon chain, and changes only with a node's release.
 * Where nodes differ, one of them errs: of the times those count that hold no exit back.
 */
export type ChainInfo = Times & {
  /** Of each node that ever answered, in their order; at least one. */
  readonly opinions: readonly ChainOpinion[]
}

/** A new release of a node may schedule a fork. */
const REFRESH_MS = 60 * 60 * 1_000

/** Mainnet preset and configuration, for nodes that leave a value out. */
const SLOTS_PER_EPOCH = 32n
const SECONDS_PER_SLOT = 12n
const SHARD_COMMITTEE_PERIOD = 256n

/** A node that has not told yet, and may be asked now, is asked this often. */
const ASK_THE_REST_MS = 60 * 1_000

/**
 * Asks every node once, and again hourly; an answer that is too old still serves when the node
 * gives none.
 */
export function createChainInfoReader(
  nodes: Endpoints<ConsensusNode>,
  now: () => number = Date.now,
): (signal: AbortSignal) => Promise<ChainInfo> {
  const told = new Map<string, ChainOpinion & Times>()
  let askedAt: number | undefined

  function isFresh(): boolean {
    if (askedAt === undefined || told.size === 0) return false
    const age = now() - askedAt
    // A time ahead was set by a clock that has been set back since.
    if (age < 0 || age >= REFRESH_MS) return false
    return age < ASK_THE_REST_MS || nodes.hosts().every((host) => told.has(host))
  }

  return async function readChainInfo(signal) {
    if (!isFresh()) {
      const answers = await nodes.every(fetchChainInfo, signal)
      for (const answer of answers) if (answer.ok) told.set(answer.host, answer.value)
      if (told.size === 0) {
        const failed = answers.find((answer) => !answer.ok)
        throw failed?.error ?? new Error('no consensus node may be asked')
      }
      if (answers.some(({ ok }) => ok)) askedAt = now()
    }
    return join(nodes.states().flatMap(({ host }) => told.get(host) ?? []))
  }
}

function join(all: readonly (ChainOpinion & Times)[]): ChainInfo {
  const least = (pick: (one: Times) => bigint) => all.map(pick).reduce((a, b) => (a <= b ? a : b))
  return {
    opinions: all.map(({ genesisValidatorsRoot, spec }) => ({ genesisValidatorsRoot, spec })),
    genesisTime: Math.min(...all.map(({ genesisTime }) => genesisTime)),
    slotsPerEpoch: least(({ slotsPerEpoch }) => slotsPerEpoch),
    secondsPerSlot: least(({ secondsPerSlot }) => secondsPerSlot),
    shardCommitteePeriod: least(({ shardCommitteePeriod }) => shardCommitteePeriod),
  }
}

async function fetchChainInfo(node: ConsensusNode, signal: AbortSignal) {
  const [genesis, spec] = await Promise.all([node.genesis(signal), node.spec(signal)])
  const number = (name: string, otherwise: bigint) => toldUint64(spec[name]) || otherwise
  return {
    genesisTime: genesis.time,
    genesisValidatorsRoot: genesis.validatorsRoot,
    spec,
    slotsPerEpoch: number('SLOTS_PER_EPOCH', SLOTS_PER_EPOCH),
    secondsPerSlot: secondsPerSlot(spec),
    // Zero is a legal value here: a network may let validators leave at once.
    shardCommitteePeriod: toldUint64(spec.SHARD_COMMITTEE_PERIOD) ?? SHARD_COMMITTEE_PERIOD,
  }
}

/** @param spec - of a node; newer ones tell milliseconds (SLOT_DURATION_MS) */
export function secondsPerSlot(spec: ChainOpinion['spec']): bigint {
  const milliseconds = toldUint64(spec.SLOT_DURATION_MS) ?? 0n
  return toldUint64(spec.SECONDS_PER_SLOT) || milliseconds / 1_000n || SECONDS_PER_SLOT
}

/**
 * The middle one of what the clock and the nodes' heads say, of an even number the later one: no
 * clock that is wrong, and no node that lags or lies, decides it where others tell. An exit that is
 * sent too early is refused and sent again by most nodes; Lodestar keeps it until its epoch comes,
 * and takes no other one for that validator meanwhile.
 *
 * @param headSlots - of the nodes that are synced
 * @param now - unix ms
 */
export function currentEpoch(info: ChainInfo, headSlots: readonly bigint[], now: number): Epoch {
  const seconds = BigInt(Math.max(0, Math.floor(now / 1_000) - info.genesisTime))
  const told = [seconds / info.secondsPerSlot, ...headSlots].toSorted((a, b) => (a < b ? -1 : 1))
  return ((told[Math.floor(told.length / 2)] ?? 0n) / info.slotsPerEpoch) as Epoch
}
