import type { ValidatorIndex } from '../lib/primitives.ts'
import type { Registry, RegistryEntry } from './registry.ts'

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
  readonly entry: RegistryEntry
  /** Unix ms. */
  readonly readAt: number
  readonly readIn: Turn
  askedIn: Turn
}
/** Intervals that went by since the start. */
type Turn = number

/** How old the state of a validator that nobody asked for may be: 8 intervals, at most an hour. */
const MAX_AGE_INTERVALS = 8
const MAX_AGE_MS = 60 * 60 * 1_000
/** A cycle that comes earlier than by this part of an interval belongs to the same one. */
const EARLY = 0.3
/** Intervals that late cycles may add up to before what is too old is read all at once. */
const LATE = 2
/** Intervals without a question after which a validator is forgotten; a long load takes several. */
const FORGET_AFTER_INTERVALS = 100

/**
 * The states of validators whose exit nobody asked for are read again in slices, one in each
 * interval, so that ten thousand of them cost a call or two. A slice is a ninth of them, those that
 * were read longest ago: a state is eight intervals old when its turn comes. Those with open
 * requests are looked up in each cycle anyway, and stay fresh by that.
 *
 * Only known validators are remembered, never that one is unknown. And nothing is final here: an
 * exit may be reorganised away, and so may a deposit, which gives its index to another key.
 */
export function createRegistryCache(options: RegistryCacheOptions): RegistryCache {
  const { intervalMs, batchSize, now } = options
  const slices = 1 + Math.min(MAX_AGE_INTERVALS, Math.floor(MAX_AGE_MS / intervalMs))
  const maxAgeMs = Math.min((MAX_AGE_INTERVALS + LATE) * intervalMs, MAX_AGE_MS)
  /** What was read longest ago stands first. */
  const held = new Map<ValidatorIndex, Held>()
  let turn: Turn = 0
  let turnedAt = now()
  /** The turn whose slice is cut, and how many stay as they are in it. */
  let cutIn: Turn = 0
  let spared = 0

  /** Counts what the time between two cycles comes to; a clock that was set back starts afresh. */
  function currentTurn(): Turn {
    const passed = Math.floor((now() - turnedAt) / intervalMs + EARLY)
    if (passed === 0) return turn
    turn += passed > 0 ? passed : slices
    turnedAt = now()
    return turn
  }

  function put(entry: RegistryEntry): void {
    const before = held.get(entry.index)
    const readIn = currentTurn()
    // The same text once more would take its memory once more.
    const pubkey = before?.entry.pubkey === entry.pubkey ? before.entry.pubkey : entry.pubkey
    const askedIn = before?.askedIn ?? readIn
    held.delete(entry.index)
    held.set(entry.index, { entry: { ...entry, pubkey }, readAt: now(), readIn, askedIn })
  }

  /** @param aboard - are asked for anyway */
  function due(aboard: ReadonlySet<ValidatorIndex> = new Set()): readonly ValidatorIndex[] {
    const at = currentTurn()
    const older: ValidatorIndex[] = []
    let late = 0
    for (const [index, { askedIn, readIn, readAt }] of held) {
      // Whose message is gone is not read any more.
      if (at - askedIn > FORGET_AFTER_INTERVALS) held.delete(index)
      else if (readIn < at && !aboard.has(index)) {
        older.push(index)
        if (now() - readAt > maxAgeMs) late += 1
      }
    }
    if (at > cutIn) {
      spared = older.length - Math.ceil((older.length * (at - cutIn)) / slices)
      cutIn = at
    }
    return older.slice(0, Math.max(older.length - Math.max(spared, 0), late))
  }

  return {
    due: () => due(),
    get(indices) {
      const known = new Map<ValidatorIndex, RegistryEntry>()
      const at = currentTurn()
      for (const index of indices) {
        const found = held.get(index)
        if (found === undefined) continue
        found.askedIn = at
        known.set(index, found.entry)
      }
      return known
    },
    passengers(indices) {
      const seats = (batchSize - (indices.length % batchSize)) % batchSize
      if (seats === 0) return []
      return due(new Set(indices)).slice(0, seats)
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
