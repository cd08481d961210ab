import type { SigningContext } from '../consensus/fork.ts'
import type { CryptoPool } from '../lib/crypto-pool.ts'
import type { Epoch, ValidatorIndex } from '../lib/primitives.ts'
import { createCollection } from './collection.ts'
import { createContents, type FileFound } from './contents.ts'
import { createOpener } from './decode.ts'
import { fitsRegistry, type Ground, isSameGround, restsOnNodes } from './ground.ts'
import { createMatcher, type Wanted } from './hints.ts'
import { createJudge, type ReadKeys, type ReadRegistry } from './judge.ts'
import { whileListed } from './listing-watch.ts'
import { createRounds, type ToJudge } from './rounds.ts'
import type { LoadedExit, LoadProgress, MessageSnapshot } from './snapshot.ts'
import type { MessageStore } from './store.ts'

export type MessageLoaderParts = {
  readonly store: MessageStore
  /** Byte strings that the configured password may stand for; none if there is no password. */
  readonly passwords: readonly Uint8Array[]
  readonly pool: Pick<CryptoPool, 'size' | 'verify' | 'derive'>
  readonly readRegistry: ReadRegistry
  /** Second opinions on messages that do not fit the registry; none unless given. */
  readonly readKeys?: ReadKeys
  /** What exits must be signed for now. @throws when it cannot be told */
  readonly readSigningContext: (signal: AbortSignal) => Promise<SigningContext>
  /** The epoch of now, where it is known: a message for a later one waits. */
  readonly reachedEpoch?: () => Epoch | undefined
  /** Unix ms. */
  readonly now?: () => number
  /** Told every few seconds of a long load, at each exit that is asked for, and at the end. */
  readonly onProgress?: (progress: LoadProgress) => void
  /** Milliseconds between looks at the location during a long load; for tests. */
  readonly lookAgainMs?: number
}

export type MessageLoader = {
  /**
   * Reads the location once. Not to be called again before it has ended.
   *
   * @param wanted - see `prefer`
   * @throws StoreError when the location cannot be read, what `readRegistry` and
   *   `readSigningContext` throw: the snapshot before stays
   */
  load(signal: AbortSignal, wanted?: readonly Wanted[]): Promise<MessageSnapshot>
  /**
   * Tells which exits are asked for, also to a load that is under way: files that name one of these
   * validators outside are read and opened first, and their messages judged at once.
   */
  prefer(wanted: readonly Wanted[]): void
  /** The snapshot of the last load that ended well. */
  current(): MessageSnapshot | undefined
  /** What the load under way has verified so far: usable at once. Empty between loads. */
  early(): ReadonlyMap<ValidatorIndex, LoadedExit>
}

const PROGRESS_MS = 2_000
/** A load that takes longer looks again this often whether files came or went meanwhile. */
const LOOK_AGAIN_MS = 60_000
/** Envelopes under way for each thread: one works, one waits. */
const ENVELOPES_PER_THREAD = 2

/**
 * Turns files into verified exits, and publishes whole snapshots. Nothing that did not change is
 * opened, decrypted or verified twice.
 */
export function createMessageLoader(parts: MessageLoaderParts): MessageLoader {
  const { store, passwords, pool, readRegistry, readSigningContext, now = Date.now } = parts
  const contents = createContents(store, ENVELOPES_PER_THREAD * pool.size, now)
  const judge = createJudge(
    readRegistry,
    (signal) => (checks) => pool.verify(checks, signal),
    parts.readKeys,
  )
  let snapshot: MessageSnapshot | undefined
  /** While it stays the same, and the registry too, the snapshot is what a load would lead to. */
  let ground: Ground | undefined
  let isWanted = createMatcher([])
  let wantedIndices: ReadonlySet<ValidatorIndex> = new Set()
  let early: ReadonlyMap<ValidatorIndex, LoadedExit> = new Map()

  /**
   * Nothing is opened, and nothing made anew, when nothing differs.
   *
   * @returns undefined when the location changed meanwhile
   */
  async function load(
    signal: AbortSignal,
    lookAgainMs: number,
  ): Promise<MessageSnapshot | undefined> {
    const readAt = now()
    const [listed, context] = await Promise.all([store.list(signal), readSigningContext(signal)])
    const found: Ground = { listed, context }
    if (snapshot !== undefined && (await isUnchanged(snapshot, found, signal))) {
      const { files, exits, refused } = snapshot
      parts.onProgress?.({ files, done: files, valid: exits.size, refused: refused.length })
      return { ...snapshot, readAt }
    }
    ground = undefined
    const work = (inner: AbortSignal) => loadAll(found, readAt, inner)
    const result = await whileListed(store, listed, signal, lookAgainMs, work)
    if (result === undefined) return undefined
    const { loaded, isSettled } = result
    if (isSettled && !restsOnNodes(loaded)) ground = found
    return loaded
  }

  async function isUnchanged(
    before: MessageSnapshot,
    found: Ground,
    signal: AbortSignal,
  ): Promise<boolean> {
    if (ground === undefined || !isSameGround(ground, found)) return false
    if (before.exits.size === 0) return true
    return fitsRegistry(before, await readRegistry([...before.exits.keys()], signal))
  }

  async function loadAll({ listed, context }: Ground, readAt: number, signal: AbortSignal) {
    const collected = createCollection(parts.reachedEpoch ?? (() => undefined))
    early = collected.exits
    const rounds = createRounds((entries) => judge(entries, context, addJudged, signal), now)
    let lastProgressAt = readAt

    const addJudged: typeof collected.add = (place, result, used) => {
      collected.add(place, result, used)
      tellProgress(wantedIndices.has(place.validatorIndex))
    }
    function tellProgress(isAwaited = false) {
      if (!isAwaited && now() - lastProgressAt < PROGRESS_MS) return
      lastProgressAt = now()
      parts.onProgress?.(collected.progress(listed.length))
    }

    function takeIn(file: FileFound) {
      const entries = collected.takeIn(file)
      if (wantedIndices.size === 0) rounds.add(entries)
      else {
        const isUrgent = ([{ validatorIndex }]: ToJudge) => wantedIndices.has(validatorIndex)
        rounds.addUrgent(entries.filter(isUrgent))
        rounds.add(entries.filter((entry) => !isUrgent(entry)))
      }
      tellProgress()
    }

    const open = createOpener(pool, passwords)
    const wanted = () => isWanted
    const reading = { listed, open, wanted, onFile: takeIn, onPlainRead: rounds.start }
    let isSettled = false
    try {
      isSettled = await contents.read(reading, signal)
      await rounds.end()
    } finally {
      rounds.stop()
    }
    parts.onProgress?.(collected.progress(listed.length))

    const files = collected.files()
    const loaded: MessageSnapshot = {
      exits: collected.exits,
      refused: collected.refused(),
      superseded: collected.superseded,
      files,
      emptied: files === 0 && snapshot !== undefined && (snapshot.files > 0 || snapshot.emptied),
      readAt,
    }
    return { loaded, isSettled }
  }

  function prefer(wanted: readonly Wanted[]): void {
    const isKnown = wanted.every(({ index }) => wantedIndices.has(index))
    if (isKnown && wanted.length === wantedIndices.size) return
    isWanted = createMatcher(wanted)
    wantedIndices = new Set(wanted.map(({ index }) => index))
  }

  return {
    async load(signal, wanted = []) {
      prefer(wanted)
      try {
        // Each attempt may take twice as long, so that a location that never rests is loaded too.
        for (let lookAgainMs = parts.lookAgainMs ?? LOOK_AGAIN_MS; ; lookAgainMs *= 2) {
          const loaded = await load(signal, lookAgainMs)
          if (loaded === undefined) continue
          snapshot = loaded
          return loaded
        }
      } finally {
        early = new Map()
      }
    },
    prefer,
    current: () => snapshot,
    early: () => early,
  }
}
