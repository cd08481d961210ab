import type { ValidatorIndex } from '../domain/primitives.ts'
import type { Registry, RegistryEntry } from '../domain/registry.ts'

export type RegistryCacheOptions = {
  /** Milliseconds between cycles (JOB_INTERVAL). */
  readonly intervalMs: number
  /** Validators in one request (VALIDATORS_BATCH_SIZE). */
  readonly batchSize: number
  /** Unix ms. */
  readonly now: () => number
}

/** What nodes said about validators whose messages are held. */
export type RegistryCache = {
  /** Those of these validators that are known. */
  get(indices: readonly ValidatorIndex[]): Registry
  /** Validators that are to be asked for again now. */
  due(): readonly ValidatorIndex[]
  /** As many of them as fit into a request that is made for these validators anyway. */
  passengers(indices: readonly ValidatorIndex[]): readonly ValidatorIndex[]
  /** An answer to a question of the loader's: what it leaves out is forgotten. */
  learn(asked: readonly ValidatorIndex[], found: Registry): void
  /** An answer to somebody else's question: it counts for those that are held here. */
  overhear(found: Registry): void
}

type Held = {
  entry: RegistryEntry
  /** In which of the slices it is read again. */
  readonly slice: number
  /** Intervals since the start. */
  readAt: number
  askedAt: number
}

/** How old the state of a validator that nobody asked for may be: 8 intervals, at most an hour. */
const MAX_AGE_INTERVALS = 8
const MAX_AGE_MS = 60 * 60 * 1_000
/** Intervals without a question after which a validator is forgotten; a long load takes several. */
const FORGET_AFTER_INTERVALS = 100

/**
 * The states of validators whose exit nobody asked for are read again in slices, one in each
 * interval, so that ten thousand of them cost a call or two. There are nine slices: a state is
 * eight intervals old when its turn comes. Those with open requests are looked up in each cycle
 * anyway, and stay fresh by that.
 *
 * Only known validators are remembered, never that one is unknown. And nothing is final here: an
 * exit may be reorganised away, and so may a deposit, which gives its index to another key.
 */
export function createRegistryCache(options: RegistryCacheOptions): RegistryCache {
  const { intervalMs, batchSize, now } = options
  const slices = 1 + Math.min(MAX_AGE_INTERVALS, Math.floor(MAX_AGE_MS / intervalMs))
  const held = new Map<ValidatorIndex, Held>()
  const startedAt = now()
  let lastSlice = 0

  const interval = () => Math.floor((now() - startedAt) / intervalMs)

  function put(entry: RegistryEntry): void {
    const before = held.get(entry.index)
    if (before === undefined) {
      // One after the other, so that all slices are of one size.
      lastSlice = (lastSlice + 1) % slices
      const at = interval()
      held.set(entry.index, { entry, slice: lastSlice, readAt: at, askedAt: at })
      return
    }
    before.readAt = interval()
    // The same text once more would take its memory once more.
    const pubkey = before.entry.pubkey === entry.pubkey ? before.entry.pubkey : entry.pubkey
    before.entry = { ...entry, pubkey }
  }

  /** Its turn came since it was read. After a clock was set back it is everybody's turn. */
  function isDue({ slice, readAt }: Held, at: number): boolean {
    if (at < readAt) return true
    const turnsUntil = (interval: number) => Math.floor((interval - slice) / slices)
    return turnsUntil(at) > turnsUntil(readAt)
  }

  function due(): readonly ValidatorIndex[] {
    const at = interval()
    const indices: ValidatorIndex[] = []
    for (const [index, one] of held) {
      // Whose message is gone is not read any more.
      if (at - one.askedAt > FORGET_AFTER_INTERVALS) held.delete(index)
      else if (isDue(one, at)) indices.push(index)
    }
    return indices
  }

  return {
    due,
    get(indices) {
      const known = new Map<ValidatorIndex, RegistryEntry>()
      const at = interval()
      for (const index of indices) {
        const found = held.get(index)
        if (found === undefined) continue
        found.askedAt = at
        known.set(index, found.entry)
      }
      return known
    },
    passengers(indices) {
      const seats = (batchSize - (indices.length % batchSize)) % batchSize
      if (seats === 0) return []
      const aboard = new Set(indices)
      return due()
        .filter((index) => !aboard.has(index))
        .slice(0, seats)
    },
    learn(asked, found) {
      for (const index of asked) {
        const entry = found.get(index)
        if (entry === undefined) held.delete(index)
        else put(entry)
      }
    },
    overhear(found) {
      for (const [index, entry] of found) if (held.has(index)) put(entry)
    },
  }
}
