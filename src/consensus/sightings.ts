import type { Endpoints } from '../lib/endpoints.ts'
import type { Pubkey, ValidatorIndex } from '../lib/primitives.ts'
import type { Sighting, Sightings } from '../requests/derive.ts'
import type { ConsensusNode } from './consensus-node.ts'
import { isExiting, type Registry } from './registry.ts'
import type { RegistryCache } from './registry-cache.ts'
import type { StateId, ValidatorStates } from './validators.ts'

/** What every consensus node that is up says about these validators, at head and finalized. */
export type SightingsReader = (
  indices: readonly ValidatorIndex[],
  signal: AbortSignal,
) => Promise<ReadonlyMap<ValidatorIndex, Sightings>>

/**
 * @param registry - hears the answers, and may have a little more asked
 * @throws when no node answers about head
 */
export function createSightingsReader(
  nodes: Endpoints<ConsensusNode>,
  registry: RegistryCache,
): SightingsReader {
  async function ask(state: StateId, indices: readonly ValidatorIndex[], signal: AbortSignal) {
    if (indices.length === 0) return []
    return nodes.every((node, _host, deadline) => node.validators(state, indices, deadline), signal)
  }

  /** The registry counts what the first node says, so its passengers go there alone. */
  async function askHead(indices: readonly ValidatorIndex[], signal: AbortSignal) {
    if (indices.length === 0) return []
    const [first] = nodes.hosts()
    const more = [...indices, ...registry.passengers(indices)]
    const answers = await nodes.every(
      (node, host, deadline) => node.validators('head', host === first ? more : indices, deadline),
      signal,
    )
    const told = answers.flatMap((answer) => (answer.ok ? [...answer.value.entries] : []))
    registry.overhear(new Map(told.reverse()))
    return answers
  }

  return async function readSightings(indices, signal) {
    const head = await askHead(indices, signal)
    const answered = head.filter((answer) => answer.ok)
    const failed = head.find((answer) => !answer.ok)
    if (indices.length > 0 && answered.length === 0) {
      throw failed?.error ?? new Error('no consensus node answered')
    }
    // Nothing is settled that is not exiting at head: only those are worth a second question.
    const leaving = indices.filter((index) =>
      answered.some(({ value }) => {
        const entry = value.entries.get(index)
        return entry !== undefined && isExiting(entry)
      }),
    )
    const finalized = (await ask('finalized', leaving, signal)).filter((answer) => answer.ok)
    return new Map(
      indices.map((index) => [
        index,
        { head: answered.map(sightingOf(index)), finalized: finalized.map(sightingOf(index)) },
      ]),
    )
  }
}

const sightingOf =
  (index: ValidatorIndex) =>
  ({ host, value }: { host: string; value: ValidatorStates }): Sighting => ({
    host,
    optimistic: value.optimistic,
    entry: value.entries.get(index),
  })

/**
 * Public keys and epochs for the message loader. The first node that answers counts; validators
 * that it leaves out are asked for at the others, since one node's "unknown" is weak evidence.
 *
 * @param registry - what need not be asked again yet
 */
export function createRegistryReader(nodes: Endpoints<ConsensusNode>, registry: RegistryCache) {
  let refreshing: Promise<void> | undefined

  return async function readRegistry(
    indices: readonly ValidatorIndex[],
    signal: AbortSignal,
  ): Promise<Registry> {
    refreshing ??= learn(registry.due(), signal).finally(() => {
      refreshing = undefined
    })
    await refreshing
    const known = registry.get(indices)
    const unknown = indices.filter((index) => !known.has(index))
    if (unknown.length === 0) return known
    await learn(unknown, signal)
    return registry.get(indices)
  }

  async function learn(indices: readonly ValidatorIndex[], signal: AbortSignal): Promise<void> {
    if (indices.length > 0) registry.learn(indices, await ask(indices, signal))
  }

  async function ask(indices: readonly ValidatorIndex[], signal: AbortSignal): Promise<Registry> {
    const { entries } = await nodes.first(
      (node, _host, deadline) => node.validators('head', indices, deadline),
      signal,
    )
    const missing = indices.filter((index) => !entries.has(index))
    if (missing.length === 0 || nodes.states().length === 1) return entries
    const others = await nodes.every(
      (node, _host, deadline) => node.validators('head', missing, deadline),
      signal,
    )
    const found = others.flatMap((answer) => (answer.ok ? [...answer.value.entries] : []))
    return new Map([...found, ...entries])
  }
}

/** Every public key that some node has, for validators whose messages do not fit the first one's. */
export function createKeysReader(nodes: Endpoints<ConsensusNode>) {
  return async function readKeys(
    indices: readonly ValidatorIndex[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<ValidatorIndex, readonly Pubkey[]>> {
    if (nodes.states().length === 1) return new Map()
    const answers = await nodes.every(
      (node, _host, deadline) => node.validators('head', indices, deadline),
      signal,
    )
    const found = answers.flatMap((answer) => (answer.ok ? [answer.value.entries] : []))
    return new Map(
      indices.map((index) => [
        index,
        [...new Set(found.flatMap((entries) => entries.get(index)?.pubkey ?? []))],
      ]),
    )
  }
}

/** Validators whose pending partial withdrawal every node that can tell sees. */
export function createWithdrawalsReader(nodes: Endpoints<ConsensusNode>) {
  return async function readPendingWithdrawals(
    signal: AbortSignal,
  ): Promise<ReadonlySet<ValidatorIndex>> {
    const answers = await nodes.every(
      (node, _host, deadline) => node.pendingPartialWithdrawals(deadline),
      signal,
    )
    const [first, ...rest] = answers.flatMap((answer) => (answer.ok ? [answer.value] : []))
    return new Set([...(first ?? [])].filter((index) => rest.every((other) => other.has(index))))
  }
}
