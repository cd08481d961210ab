import type { SigningContext } from '../../domain/fork.ts'
import type { ValidatorIndex } from '../../domain/primitives.ts'
import type { CryptoPool } from '../../lib/crypto-pool.ts'
import { createCollection } from './collection.ts'
import { createContents, type FileFound } from './contents.ts'
import { createOpener } from './decode.ts'
import { createMatcher, type Wanted } from './hints.ts'
import { createJudge, type ReadKeys, type ReadRegistry } from './judge.ts'
import { createRounds } from './rounds.ts'
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
  /** Unix ms. */
  readonly now?: () => number
  /** Told every few seconds of a long load, and at the end of each. */
  readonly onProgress?: (progress: LoadProgress) => void
}

export type MessageLoader = {
  /**
   * Reads the location once. Not to be called again before it has ended.
   *
   * @param wanted - validators whose exits are asked for: sealed files that name one of them
   *   outside are opened first
   * @throws StoreError when the location cannot be read, what `readRegistry` and
   *   `readSigningContext` throw: the snapshot before stays
   */
  load(signal: AbortSignal, wanted?: readonly Wanted[]): Promise<MessageSnapshot>
  /** The snapshot of the last load that ended well. */
  current(): MessageSnapshot | undefined
  /** What the load under way has verified so far: usable at once. Empty between loads. */
  early(): ReadonlyMap<ValidatorIndex, LoadedExit>
}

const PROGRESS_MS = 2_000
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
  let early: ReadonlyMap<ValidatorIndex, LoadedExit> = new Map()

  async function load(signal: AbortSignal, wanted: readonly Wanted[]): Promise<MessageSnapshot> {
    const readAt = now()
    const listed = await store.list(signal)
    const context = await readSigningContext(signal)
    const collected = createCollection()
    early = collected.exits
    const wantedIndices = new Set(wanted.map(({ index }) => index))
    const rounds = createRounds((entries) => judge(entries, context, addJudged, signal), now)
    let lastProgressAt = readAt

    const addJudged: typeof collected.add = (...judged) => {
      collected.add(...judged)
      tellProgress()
    }
    function tellProgress() {
      if (now() - lastProgressAt < PROGRESS_MS) return
      lastProgressAt = now()
      parts.onProgress?.(collected.progress(listed.length))
    }

    function takeIn(file: FileFound) {
      const entries = collected.takeIn(file)
      const isWanted = entries.some(([place]) => wantedIndices.has(place.validatorIndex))
      rounds.add(entries, isWanted)
      tellProgress()
    }

    const open = createOpener(pool, passwords)
    const isWanted = createMatcher(wanted)
    const reading = { listed, open, isWanted, onFile: takeIn, onPlainRead: rounds.start }
    try {
      await contents.read(reading, signal)
      await rounds.end()
    } finally {
      rounds.stop()
    }
    parts.onProgress?.(collected.progress(listed.length))

    const files = collected.files()
    return {
      exits: collected.exits,
      refused: collected.refused(),
      superseded: collected.superseded,
      files,
      emptied: files === 0 && snapshot !== undefined && (snapshot.files > 0 || snapshot.emptied),
      readAt,
    }
  }

  return {
    async load(signal, wanted = []) {
      try {
        snapshot = await load(signal, wanted)
        return snapshot
      } finally {
        early = new Map()
      }
    },
    current: () => snapshot,
    early: () => early,
  }
}
