import type { Endpoints } from '../lib/endpoints.ts'
import type { Pubkey, ValidatorIndex } from '../lib/primitives.ts'
import type { ConsensusNode } from './consensus-node.ts'
import type { Registry, RegistryEntry } from './registry.ts'

export type RegistryAnswer = {
  readonly entries: Registry
  /** Validators that no node can be asked about, and what one said: neither known nor unknown. */
  readonly unreadable: ReadonlyMap<ValidatorIndex, string>
}

export type RegistryReader = {
  /**
   * Public keys and epochs, at most an hour old. The first node that answers counts; validators
   * that it leaves out are asked for at the others, since one node's "unknown" is weak evidence.
   */
  read(indices: readonly ValidatorIndex[], signal: AbortSignal): Promise<RegistryAnswer>
  /** What somebody else's question brought, newer than what is held here. */
  learn(found: Registry): void
}

/** An exit, or a reorg that gives an index to another key, shows after this time at most, ms. */
const REFRESH_MS = 60 * 60 * 1_000

type Held = { readonly entry: RegistryEntry; readonly readAt: number }

/**
 * Only known validators are remembered, never that one is unknown. Nothing is final here: an exit
 * may be reorganised away, and so may a deposit.
 *
 * @param now - unix ms
 */
export function createRegistryReader(
  nodes: Endpoints<ConsensusNode>,
  now: () => number,
): RegistryReader {
  const held = new Map<ValidatorIndex, Held>()
  let sweptAt = now()

  /** A time ahead was set by a clock that has been set back since. */
  const isFresh = (readAt: number) => now() >= readAt && now() - readAt < REFRESH_MS

  function put(entry: RegistryEntry): void {
    const before = held.get(entry.index)?.entry.pubkey
    // The same text once more would take its memory once more.
    const pubkey = before === entry.pubkey ? before : entry.pubkey
    held.set(entry.index, { entry: { ...entry, pubkey }, readAt: now() })
  }

  /** Those whose messages are gone, now and then: there may be a hundred thousand. */
  function sweep(): void {
    if (isFresh(sweptAt)) return
    sweptAt = now()
    for (const [index, one] of held) if (!isFresh(one.readAt)) held.delete(index)
  }

  return {
    async read(indices, signal) {
      const entries = new Map<ValidatorIndex, RegistryEntry>()
      const due: ValidatorIndex[] = []
      for (const index of indices) {
        const one = held.get(index)
        if (one !== undefined && isFresh(one.readAt)) entries.set(index, one.entry)
        else due.push(index)
      }
      if (due.length === 0) return { entries, unreadable: new Map() }
      const answer = await ask(nodes, due, signal)
      for (const entry of answer.entries.values()) put(entry)
      for (const index of due) {
        const one = held.get(index)
        if (one !== undefined && isFresh(one.readAt)) entries.set(index, one.entry)
        else held.delete(index)
      }
      sweep()
      return { entries, unreadable: answer.unreadable }
    },
    learn(found) {
      for (const [index, entry] of found) if (held.has(index)) put(entry)
    },
  }
}

async function ask(
  nodes: Endpoints<ConsensusNode>,
  indices: readonly ValidatorIndex[],
  signal: AbortSignal,
): Promise<RegistryAnswer> {
  const first = await nodes.first(
    (node, deadline) => node.validators('head', indices, deadline),
    signal,
  )
  const missing = indices.filter((index) => !first.entries.has(index))
  if (missing.length === 0 || nodes.states().length === 1) return first
  const answers = await nodes.every(
    (node, deadline) => node.validators('head', missing, deadline),
    signal,
  )
  const others = answers.flatMap((answer) => (answer.ok ? [answer.value] : []))
  return {
    entries: new Map([...others.flatMap(({ entries }) => [...entries]), ...first.entries]),
    unreadable: new Map(
      [...first.unreadable].filter(([index]) => others.every((one) => one.unreadable.has(index))),
    ),
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
      (node, deadline) => node.validators('head', indices, deadline),
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
