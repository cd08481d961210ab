import { createOffer } from '../../app/offer.ts'
import { createPipeline } from '../../app/pipeline.ts'
import type {
  Case,
  CycleParts,
  CycleReport,
  Messages,
  OfferResult,
  Reading,
} from '../../cycle/types.ts'
import { createCycle } from '../../cycle.ts'
import { applyFact, type Fact, type Facts } from '../../domain/facts.ts'
import { FAR_FUTURE_EPOCH } from '../../domain/primitives.ts'
import type { Sighting, Sightings } from '../../domain/request.ts'
import { readToTheEnd } from '../explain/reading.ts'
import type { MessagesFound } from './messages.ts'
import type { World } from './world.ts'

export type CycleTask = {
  readonly world: World
  readonly chainId: bigint
  readonly messages: MessagesFound
  /** What a daemon wrote down so far. It is added to here, and forgotten. */
  readonly facts: Facts
  /** First block of the requests to be replayed, if any. */
  readonly fromBlock: number | undefined
}

export type CycleFound = Pick<CycleParts, 'limitOf'> & {
  readonly report: CycleReport
  /** What would have been decided when the validators were active; only with `fromBlock`. */
  readonly replayed: readonly Case[] | undefined
  /** Blocks that were read. */
  readonly window: { readonly from: number; readonly to: number }
}

/** Whoever checks hands nothing out, whatever the cycle decides. */
const refuse = async (): Promise<OfferResult> => ({ accepted: false, answers: [] })

/** One cycle of the daemon, in memory, without a way out. */
export async function runDryCycle(task: CycleTask, lifetime: AbortSignal): Promise<CycleFound> {
  const { world, messages, facts, fromBlock } = task
  const head = await world.nodes.execution.nodes.first(
    (node, _host, deadline) => node.finalizedBlock(deadline),
    lifetime,
  )
  const preload = Math.max(world.config.blocksPreload, head.number - (fromBlock ?? head.number))
  const window = { from: Math.max(0, head.number - preload), to: head.number }
  const { pipeline, readUpTo } = openPipeline(task, preload, lifetime)
  const parts: CycleParts = {
    ...pipeline,
    settings: { ...pipeline.settings, dryRun: true },
    journal: journalIn(facts),
    isHeld: async () => false,
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
  return { report, replayed, window, limitOf: pipeline.limitOf }
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

function openPipeline({ world, chainId, facts }: CycleTask, preload: number, signal: AbortSignal) {
  let upTo: number | undefined
  const { nextOfferAt } = createOffer(world.config, world.nodes, world.fetch, world.metrics)
  const pipeline = createPipeline({
    ...world,
    config: { ...world.config, blocksPreload: preload },
    chainId,
    messages: NO_TASK,
    journal: journalIn(facts),
    offer: { offer: refuse, nextOfferAt, settled: async () => {} },
    onUnlistedSigner: () => {},
    lifetime: signal,
    onRead: (block) => {
      upTo = block
    },
  })
  return { pipeline, readUpTo: () => upTo }
}

/** Where messages cannot be read, none is held. */
const NO_MESSAGES: Messages = {
  loaded: true,
  problem: undefined,
  find: () => undefined,
  whyMissing: () => undefined,
}

const NO_TASK = {
  begin: () => {},
  read: async () => NO_MESSAGES,
  isLoaded: () => true,
  snapshot: () => undefined,
  close: async () => {},
}

const journalIn = (facts: Facts) => ({
  facts,
  append(added: readonly Fact[]): void {
    for (const fact of added) applyFact(facts, fact)
  },
})

const NOTHING_NEW: Reading = {
  requests: [],
  reportedBy: new Map(),
  contracts: [],
  cursor: undefined,
  finalizedAt: undefined,
  complete: true,
  problems: [],
  alarms: [],
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
