import type { Endpoints } from '../lib/endpoints.ts'
import type { ValidatorIndex } from '../lib/primitives.ts'
import type { RegistryAnswer, RegistryAnswers } from '../requests/derive.ts'
import type { ConsensusNode } from './consensus-node.ts'
import { isExiting } from './registry.ts'
import type { RegistryReader } from './registry-reader.ts'
import type { StateId, ValidatorStates } from './validators.ts'

/** What every consensus node that is up says about these validators, at head and finalized. */
export type SightingsReader = (
  indices: readonly ValidatorIndex[],
  signal: AbortSignal,
) => Promise<ReadonlyMap<ValidatorIndex, RegistryAnswers>>

/**
 * @param registry - learns what the first node says
 * @throws when no node answers about head
 */
export function createSightingsReader(
  nodes: Endpoints<ConsensusNode>,
  registry: Pick<RegistryReader, 'learn'>,
): SightingsReader {
  async function ask(state: StateId, indices: readonly ValidatorIndex[], signal: AbortSignal) {
    if (indices.length === 0) return []
    return nodes.every((node, deadline) => node.validators(state, indices, deadline), signal)
  }

  return async function readSightings(indices, signal) {
    const answers = await ask('head', indices, signal)
    const head = answers.filter((answer) => answer.ok)
    const failed = answers.find((answer) => !answer.ok)
    if (indices.length > 0 && head.length === 0) {
      throw failed?.error ?? new Error('no consensus node answered')
    }
    registry.learn(new Map(head.flatMap(({ value }) => [...value.entries]).reverse()))
    // Nothing is settled that is not exiting at head: only those are worth a second question.
    const leaving = indices.filter((index) =>
      head.some(({ value }) => {
        const entry = value.entries.get(index)
        return entry !== undefined && isExiting(entry)
      }),
    )
    const finalized = (await ask('finalized', leaving, signal)).filter((answer) => answer.ok)
    return new Map(
      indices.map((index) => [
        index,
        { head: head.flatMap(sightingOf(index)), finalized: finalized.flatMap(sightingOf(index)) },
      ]),
    )
  }
}

/** What a node that cannot be asked about a validator says of it is nothing. */
const sightingOf =
  (index: ValidatorIndex) =>
  ({ host, value }: { host: string; value: ValidatorStates }): readonly RegistryAnswer[] =>
    value.unreadable.has(index)
      ? []
      : [{ host, optimistic: value.optimistic, entry: value.entries.get(index) }]

/** Validators whose pending partial withdrawal every node that can tell sees. */
export function createWithdrawalsReader(nodes: Endpoints<ConsensusNode>) {
  return async function readPendingWithdrawals(
    signal: AbortSignal,
  ): Promise<ReadonlySet<ValidatorIndex>> {
    const answers = await nodes.every(
      (node, deadline) => node.pendingPartialWithdrawals(deadline),
      signal,
    )
    const [first, ...rest] = answers.flatMap((answer) => (answer.ok ? [answer.value] : []))
    return new Set([...(first ?? [])].filter((index) => rest.every((other) => other.has(index))))
  }
}
