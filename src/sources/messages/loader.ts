import type { VerifyResult } from '../../domain/exit-message.ts'
import type { SigningContext } from '../../domain/fork.ts'
import type { MessageRefusal } from '../../domain/message-reasons.ts'
import type { ValidatorIndex } from '../../domain/primitives.ts'
import type { CryptoPool } from '../../lib/crypto-pool.ts'
import { createContents, type FileFound } from './contents.ts'
import { createOpener, type ExitEntry } from './decode.ts'
import { createJudge, type ReadRegistry } from './judge.ts'
import type {
  LoadedExit,
  LoadProgress,
  MessageSnapshot,
  RefusedMessage,
  SupersededMessage,
} from './snapshot.ts'
import type { MessageStore } from './store.ts'

export type MessageLoaderParts = {
  readonly store: MessageStore
  /** Byte strings that the configured password may stand for; none if there is no password. */
  readonly passwords: readonly Uint8Array[]
  readonly pool: Pick<CryptoPool, 'size' | 'verify' | 'derive'>
  readonly readRegistry: ReadRegistry
  /** What exits must be signed for now. @throws when it cannot be told */
  readonly readSigningContext: (signal: AbortSignal) => Promise<SigningContext>
  /** Unix ms. */
  readonly now?: () => number
  readonly onProgress?: (progress: LoadProgress) => void
}

export type MessageLoader = {
  /**
   * Reads the location once. Not to be called again before it has ended.
   *
   * @throws StoreError when the location cannot be read, what `readRegistry` and
   *   `readSigningContext` throw: the snapshot before stays
   */
  load(signal: AbortSignal): Promise<MessageSnapshot>
  /** The snapshot of the last load that ended well. */
  current(): MessageSnapshot | undefined
  /** What the load under way has verified so far: usable at once. */
  early(): ReadonlyMap<ValidatorIndex, LoadedExit>
}

/** Exits that are looked up and verified together; as many as the node is asked for at once. */
const EXITS_PER_ROUND = 1_000
/** What trickles in from slow decryption is judged this often, ms. */
const ROUND_MS = 5_000

/** Where an entry stands, and how new its file is. */
type Place = {
  readonly file: string
  readonly entry: number
  /** The only entry of its file. */
  readonly alone: boolean
  readonly modifiedAt: number
  readonly validatorIndex: ValidatorIndex
}
type Held = LoadedExit & { readonly modifiedAt: number }

export function createMessageLoader(parts: MessageLoaderParts): MessageLoader {
  const { store, passwords, pool, readRegistry, readSigningContext, now = Date.now } = parts
  const contents = createContents(store, 2 * pool.size, now)
  const judge = createJudge(readRegistry, (signal) => (checks) => pool.verify(checks, signal))
  let snapshot: MessageSnapshot | undefined
  let early = new Map<ValidatorIndex, Held>()

  return {
    current: () => snapshot,
    early: () => early,

    async load(signal) {
      const readAt = now()
      const listed = await store.list(signal)
      const context = await readSigningContext(signal)
      const collected = createCollection()
      early = collected.exits
      let waiting: [Place, ExitEntry][] = []
      let lastRoundAt = now()
      const rounds: Promise<void>[] = []

      function startRound() {
        const round = judge(waiting, context, collected.add, signal)
        // Awaited below; until then a failure is nobody's unhandled rejection.
        round.catch(() => {})
        rounds.push(round)
        waiting = []
        lastRoundAt = now()
        parts.onProgress?.(collected.progress(listed.length))
      }

      await contents.read(
        listed,
        createOpener(pool, passwords),
        (file) => {
          waiting.push(...collected.takeIn(file))
          const isDue = waiting.length > 0 && now() - lastRoundAt >= ROUND_MS
          if (waiting.length >= EXITS_PER_ROUND || isDue) startRound()
        },
        signal,
      )
      startRound()
      await Promise.all(rounds)
      parts.onProgress?.(collected.progress(listed.length))

      const hadFiles = snapshot !== undefined && (snapshot.files > 0 || snapshot.emptied)
      snapshot = {
        exits: collected.exits,
        refused: collected.refused.toSorted(byPlace),
        superseded: collected.superseded,
        files: collected.files(),
        emptied: hadFiles && collected.files() === 0,
        readAt,
      }
      early = new Map()
      return snapshot
    },
  }
}

/** Gathers what one load finds. */
function createCollection() {
  const exits = new Map<ValidatorIndex, Held>()
  const refused: RefusedMessage[] = []
  const superseded: SupersededMessage[] = []
  /** Entries still to be judged, by file. */
  const open = new Map<string, number>()
  let files = 0

  function refuse(
    { code, detail }: MessageRefusal,
    file: string,
    entry?: number,
    validatorIndex?: ValidatorIndex,
  ) {
    refused.push({ code, detail, file, entry, validatorIndex })
  }

  function giveWay(loser: Held | Place, validatorIndex: ValidatorIndex, by: string) {
    superseded.push({ validatorIndex, file: loser.file, entry: loser.entry, by })
  }

  return {
    exits,
    refused,
    superseded,
    files: () => files,

    /** Takes a file in, and returns what is to be judged of it. */
    takeIn({ name, modifiedAt, entries, fault }: FileFound): [Place, ExitEntry][] {
      files += 1
      if (fault !== undefined) refuse(fault, name)
      const toJudge: [Place, ExitEntry][] = []
      const alone = entries.length === 1
      entries.forEach((content, entry) => {
        if (content.kind === 'refused') {
          refuse(content.refusal, name, alone ? undefined : entry)
        } else {
          const { validatorIndex } = content.exit
          toJudge.push([{ file: name, entry, alone, modifiedAt, validatorIndex }, content])
        }
      })
      if (toJudge.length > 0) open.set(name, toJudge.length)
      return toJudge
    },

    add(place: Place, result: VerifyResult, used: boolean): void {
      const { file, entry, alone, modifiedAt, validatorIndex } = place
      const left = (open.get(file) ?? 1) - 1
      if (left === 0) open.delete(file)
      else open.set(file, left)
      if (!result.ok) {
        refuse(result.refusal, file, alone ? undefined : entry, validatorIndex)
        return
      }
      const found: Held = { exit: result.exit, used, file, entry, modifiedAt }
      const held = exits.get(validatorIndex)
      if (held === undefined || isNewer(found, held)) {
        exits.set(validatorIndex, found)
        if (held !== undefined) giveWay(held, validatorIndex, file)
      } else {
        giveWay(found, validatorIndex, held.file)
      }
    },

    progress: (total: number): LoadProgress => ({
      files: total,
      done: files - open.size,
      valid: exits.size,
      refused: refused.length,
    }),
  }
}

/** Judging ends in any order; people read files in theirs. */
const byPlace = (a: RefusedMessage, b: RefusedMessage) =>
  a.file === b.file ? (a.entry ?? -1) - (b.entry ?? -1) : a.file < b.file ? -1 : 1

/** Of two valid messages the newer file's counts; in one file, or at one time, the later one. */
function isNewer(found: Held, held: Held): boolean {
  if (found.modifiedAt !== held.modifiedAt) return found.modifiedAt > held.modifiedAt
  if (found.file !== held.file) return found.file > held.file
  return found.entry > held.entry
}
