import type { MessagesTask } from '../../app/messages.ts'
import { isExiting } from '../../consensus/registry.ts'
import { createCycle } from '../../cycle.ts'
import { FAR_FUTURE_EPOCH, type ValidatorIndex } from '../../lib/primitives.ts'
import type { Case, CycleParts } from '../../requests/cycle-parts.ts'
import { deadlineOf } from '../../requests/deadlines.ts'
import type { RegistryAnswer, RegistryAnswers } from '../../requests/derive.ts'
import type { Facts } from '../../requests/facts.ts'
import { type DryCycle, NOTHING_NEW, runDryCycle } from './dry-cycle.ts'
import type { Parts } from './parts.ts'
import { copyJournal } from './read-journal.ts'

export type RequestsTask = {
  readonly chainId: bigint
  /** What a daemon wrote down so far. */
  readonly facts: Facts
  readonly messages: MessagesTask
  /** First block of the requests to be replayed, if any. */
  readonly fromBlock: number | undefined
}

export type RequestsFound = DryCycle & {
  /** Blocks that were to be read. */
  readonly window: { readonly from: number; readonly to: number }
  /** What would have been decided when the validators were active; only with `fromBlock`. */
  readonly replayed: readonly Case[] | undefined
  /** Not proven, while the registry has them under the same key, not exiting. */
  readonly owed: ReadonlySet<ValidatorIndex>
  /** The epoch of their message comes after the deadline. */
  readonly late: ReadonlySet<ValidatorIndex>
}

/** Every request of the look-back, and what a cycle would do about it. */
export async function gatherRequests(
  parts: Parts,
  { chainId, facts, messages, fromBlock }: RequestsTask,
  signal: AbortSignal,
): Promise<RequestsFound> {
  const { number: to } = await parts.nodes.execution.nodes.first(
    (node, deadline) => node.finalizedBlock(deadline),
    signal,
  )
  const blocksPreload = Math.max(parts.config.blocksPreload, to - (fromBlock ?? to))
  const window = { from: Math.max(0, to - blocksPreload), to }
  const config = { ...parts.config, blocksPreload }
  const journal = copyJournal(facts)
  const cycle = await runDryCycle(parts, { config, chainId, messages, journal, window }, signal)
  const { cases } = cycle.report
  return {
    ...cycle,
    window,
    replayed: fromBlock === undefined ? undefined : await replay(cycle.parts, fromBlock, signal),
    owed: await findOwed(cases, cycle.parts, signal),
    late: await findLate(cases, parts, signal),
  }
}

/** The same requests once more, as if nothing had been submitted and every validator were active. */
async function replay(
  parts: CycleParts,
  fromBlock: number,
  signal: AbortSignal,
): Promise<readonly Case[]> {
  const { facts } = parts.journal
  const since = [...facts.requests].filter(([, { request }]) => request.blockNumber >= fromBlock)
  const nothing = {
    offers: new Map(),
    firstOffers: new Map(),
    sightings: new Map(),
    history: new Map(),
  }
  const { cases } = await createCycle({
    ...parts,
    settings: { ...parts.settings, maxExitsPerHour: undefined },
    journal: copyJournal({ ...facts, ...nothing, requests: new Map(since) }),
    readRequests: async () => NOTHING_NEW,
    async readSightings(validators, deadline) {
      const seen = await parts.readSightings(validators, deadline)
      return new Map([...seen].map(([index, sightings]) => [index, asIfActive(sightings)]))
    },
    readPendingWithdrawals: async () => new Set(),
  })(signal)
  return cases
}

function asIfActive({ head }: RegistryAnswers): RegistryAnswers {
  const stay = (one: RegistryAnswer): RegistryAnswer =>
    one.entry === undefined
      ? one
      : { ...one, entry: { ...one.entry, exitEpoch: FAR_FUTURE_EPOCH, status: 'active_ongoing' } }
  return { head: head.map(stay), finalized: [] }
}

/** The daemon looks up only what is proven. Whoever checks wants to know what it passes over. */
async function findOwed(
  cases: readonly Case[],
  { readSightings }: CycleParts,
  signal: AbortSignal,
): Promise<ReadonlySet<ValidatorIndex>> {
  const open = cases.filter(({ state }) => state === 'unproven').map(({ request }) => request)
  if (open.length === 0) return new Set()
  const indices = [...new Set(open.map(({ validatorIndex }) => validatorIndex))]
  const seen = await readSightings(indices, signal).catch(() => undefined)
  signal.throwIfAborted()
  const owed = open.filter(({ validatorIndex, pubkey }) => {
    const head = seen?.get(validatorIndex)?.head
    // Where nobody answers, that is a failure of its own.
    return head?.some(({ entry }) => entry?.pubkey === pubkey && !isExiting(entry))
  })
  return new Set(owed.map(({ validatorIndex }) => validatorIndex))
}

async function findLate(
  cases: readonly Case[],
  { readChainInfo }: Parts,
  signal: AbortSignal,
): Promise<ReadonlySet<ValidatorIndex>> {
  const waiting = cases.filter(({ next }) => next.kind === 'wait' && next.code === 'message-epoch')
  if (waiting.length === 0) return new Set()
  const info = await readChainInfo(signal)
  const startOf = (epoch: bigint) =>
    BigInt(info.genesisTime) + epoch * info.slotsPerEpoch * info.secondsPerSlot
  const late = waiting.filter(
    ({ request, limit, message }) =>
      message !== undefined && startOf(message.exit.epoch) > deadlineOf(request, limit),
  )
  return new Set(late.map(({ request }) => request.validatorIndex))
}
