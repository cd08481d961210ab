import { createCycle } from '../../cycle.ts'
import { FAR_FUTURE_EPOCH } from '../../lib/primitives.ts'
import type { Case, CycleParts, CycleReport, Messages } from '../../requests/cycle-parts.ts'
import type { Sighting, Sightings } from '../../requests/derive.ts'
import type { Facts } from '../../requests/facts.ts'
import { NOTHING_NEW, openDryPipeline } from '../dry-run.ts'
import { journalIn } from '../journal.ts'
import { noTask } from '../no-messages.ts'
import { readToTheEnd } from '../reading.ts'
import type { World } from '../world.ts'
import type { MessagesFound } from './messages.ts'
import { findShortfall, type Shortfall } from './shortfall.ts'

export type CycleTask = {
  readonly world: World
  readonly chainId: bigint
  readonly messages: MessagesFound
  /** What a daemon wrote down so far. It is added to here, and forgotten. */
  readonly facts: Facts
  /** First block of the requests to be replayed, if any. */
  readonly fromBlock: number | undefined
}

export type CycleFound = {
  readonly report: CycleReport
  /** What would have been decided when the validators were active; only with `fromBlock`. */
  readonly replayed: readonly Case[] | undefined
  readonly shortfall: Shortfall
  /** Blocks that were read. */
  readonly window: { readonly from: number; readonly to: number }
}

/** One cycle of the daemon, in memory, without a way out. */
export async function runDryCycle(task: CycleTask, lifetime: AbortSignal): Promise<CycleFound> {
  const { world, chainId, messages, facts, fromBlock } = task
  const head = await world.nodes.execution.nodes.first(
    (node, _host, deadline) => node.finalizedBlock(deadline),
    lifetime,
  )
  const preload = Math.max(world.config.blocksPreload, head.number - (fromBlock ?? head.number))
  const window = { from: Math.max(0, head.number - preload), to: head.number }
  const { pipeline, readUpTo } = openDryPipeline({
    ...world,
    config: { ...world.config, blocksPreload: preload },
    chainId,
    messages: noTask(NO_MESSAGES),
    journal: journalIn(facts),
    lifetime,
  })
  const parts: CycleParts = {
    ...pipeline,
    checkNodes: async () => {
      // The nodes were looked at just now; deadlines of modules come with that look.
      await pipeline.checkNodes(lifetime)
      return []
    },
    readMessages: (wanted, deadline) =>
      messages.messages === undefined
        ? pipeline.readMessages(wanted, deadline)
        : Promise.resolve(messages.messages),
    prove: createPatientProver(pipeline.prove, world.progress),
    readRequests: (known, deadline) =>
      readToTheEnd(
        {
          readRequests: pipeline.readRequests,
          readUpTo,
          first: window.from,
          last: window.to,
          progress: (done, total) => world.progress('reading blocks', done, total),
        },
        known,
        deadline,
      ),
  }
  const report = await createCycle(parts)(lifetime)
  const replayed = fromBlock === undefined ? undefined : await replay(parts, fromBlock, lifetime)
  const { readSightings } = pipeline
  const { readChainInfo } = world
  const looks = { readSightings, readChainInfo }
  const shortfall = await findShortfall(report.cases, looks, lifetime)
  return { report, replayed, shortfall, window }
}

/** A slow node leaves questions open for the daemon's next cycle; here they are asked at once. */
function createPatientProver(
  prove: CycleParts['prove'],
  progress: World['progress'],
): CycleParts['prove'] {
  return async function proveAll(requests, signal) {
    let before = -1
    for (;;) {
      const proofs = await prove(requests, signal)
      const proven = requests.filter(({ key }) => proofs.statusOf(key) === 'proven').length
      if (proofs.problems.length === 0 || proven <= before) return proofs
      progress('proving requests', proven, requests.length)
      before = proven
    }
  }
}

/** Where messages cannot be read, none is held. */
const NO_MESSAGES: Messages = {
  loaded: true,
  problem: undefined,
  find: () => undefined,
  whyMissing: () => undefined,
}

/** The same requests once more, as if nothing had been offered and every validator were active. */
async function replay(
  parts: CycleParts,
  fromBlock: number,
  signal: AbortSignal,
): Promise<readonly Case[]> {
  const { facts } = parts.journal
  const since = [...facts.requests].filter(([, { request }]) => request.blockNumber >= fromBlock)
  const { cases } = await createCycle({
    ...parts,
    journal: journalIn({
      ...facts,
      requests: new Map(since),
      offers: new Map(),
      sightings: new Map(),
      history: new Map(),
    }),
    readRequests: async () => NOTHING_NEW,
    async readSightings(validators, deadline) {
      const seen = await parts.readSightings(validators, deadline)
      return new Map([...seen].map(([index, sightings]) => [index, asIfActive(sightings)]))
    },
    readPendingWithdrawals: async () => new Set(),
  })(signal)
  return cases
}

function asIfActive({ head }: Sightings): Sightings {
  const stay = (one: Sighting): Sighting =>
    one.entry === undefined
      ? one
      : { ...one, entry: { ...one.entry, exitEpoch: FAR_FUTURE_EPOCH, status: 'active_ongoing' } }
  return { head: head.map(stay), finalized: [] }
}
