import type { Pubkey, ValidatorIndex } from '../domain/primitives.ts'
import { isExiting, type Registry } from '../domain/registry.ts'
import type { Sighting, Sightings } from '../domain/request.ts'
import type { Endpoints } from '../lib/endpoints.ts'
import type { ConsensusNode } from './consensus-node.ts'
import type { StateId, ValidatorStates } from './validators.ts'

/** What every consensus node that is up says about these validators, at head and finalized. */
export type SightingsReader = (
  indices: readonly ValidatorIndex[],
  signal: AbortSignal,
) => Promise<ReadonlyMap<ValidatorIndex, Sightings>>

/** @throws when no node answers about head */
export function createSightingsReader(nodes: Endpoints<ConsensusNode>): SightingsReader {
  async function ask(state: StateId, indices: readonly ValidatorIndex[], signal: AbortSignal) {
    if (indices.length === 0) return []
    return nodes.every((node, _host, deadline) => node.validators(state, indices, deadline), signal)
  }

  return async function readSightings(indices, signal) {
    const head = await ask('head', indices, signal)
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
 */
export function createRegistryReader(nodes: Endpoints<ConsensusNode>) {
  return async function readRegistry(
    indices: readonly ValidatorIndex[],
    signal: AbortSignal,
  ): Promise<Registry> {
    if (indices.length === 0) return new Map()
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
