import { resolve } from 'node:path'
import { messageOf } from '../lib/message-of.ts'
import { applyFact, type Fact, type Facts, factsOf, noFacts } from '../requests/facts.ts'
import { checkPlace } from './inspect.ts'
import { JournalLockedError, type Lock, lockJournal } from './lock.ts'
import { openJournalReadOnly } from './read-only.ts'
import { AnothersJournalError, openFileStore, openMemoryStore, type Store } from './store.ts'
import type { Identity } from './tables.ts'

/** Facts so far, and where new ones are added. No decisions are made here. */
export type Journal = {
  /** The working set: reading it costs nothing. */
  readonly facts: Facts
  /**
   * Adds them to the working set, and writes all of them or none; on disk when it returns, unless
   * the journal is degraded. Never throws: what cannot be written is kept in memory.
   */
  append(facts: readonly Fact[]): void
  /** Looks after the file; while it cannot be written, tries again now. Call it at each cycle. */
  retry(): void
  /** Whether facts are kept in memory alone, although there should be a file. */
  degraded(): boolean
  /** Tries once more, then lets go of file and lock. */
  close(): void
}

export type JournalOptions = {
  /** Without it the journal is forgotten with the process. */
  readonly file: string | undefined
  /** Taken before by `takeLock`; it is taken now unless given. */
  readonly lock?: Lock | undefined
  readonly identity: Identity
  /** Unix ms. */
  readonly now: () => number
  /** Something the operator must know, in one sentence. Each is said once. */
  readonly onProblem: (message: string) => void
  /** The file is written again. */
  readonly onRecovery: (message: string) => void
}

type Tell = Pick<JournalOptions, 'onProblem' | 'onRecovery'>

/** While it cannot be written, appending tries again this often. */
const RETRY_MS = 10_000

/**
 * The first half of opening the journal, for whoever has to do something between the halves. Where
 * there can be no lock, the second half tries again, and tells why.
 *
 * @throws JournalLockedError when another daemon writes this file
 */
export function takeLock({ file, now }: Pick<JournalOptions, 'file' | 'now'>): Lock | undefined {
  if (file === undefined) return undefined
  try {
    checkPlace(resolve(file))
    return lockJournal(resolve(file), now())
  } catch (error) {
    if (error instanceof JournalLockedError) throw error
    return undefined
  }
}

/**
 * Opens the journal, and goes on from what it holds.
 *
 * A file that cannot be used is no reason to stop: the daemon keeps everything in memory, and once the
 * file can be written again, the whole working set is written to it.
 *
 * @throws JournalLockedError when another daemon writes this file
 */
export function openJournal({
  file,
  lock: taken,
  identity,
  now,
  ...tell
}: JournalOptions): Journal {
  const path = file === undefined ? undefined : resolve(file)
  const facts = noFacts()
  let lock = taken
  let store: Store | undefined
  /** Whether what the file held is in the working set. */
  let isRead = false
  let isClosed = false
  /** What is there is the good journal of another protocol, and stays until this one is sure. */
  let isAnothers = false
  let triedAt = Number.NEGATIVE_INFINITY
  const outage = createOutage(path, tell)

  function connect(): void {
    triedAt = now()
    const opened = openStore()
    try {
      const isNew = isRead || !isEmpty(facts)
      if (!isRead) adopt(facts, opened.found)
      isRead = true
      if (isNew) opened.rewrite(facts)
    } catch (error) {
      opened.close()
      throw error
    }
    store = opened
  }

  function openStore(): Store {
    if (path === undefined) return openMemoryStore(identity)
    checkPlace(path)
    lock ??= lockJournal(path, now())
    return openFileStore({
      file: path,
      identity,
      now: now(),
      isIdentitySure: facts.contracts !== undefined,
      tell: tell.onProblem,
    })
  }

  function reconnect(): void {
    try {
      connect()
      outage.end()
    } catch (error) {
      note(error)
    }
  }

  function disconnect(error: unknown): void {
    closeQuietly(store)
    store = undefined
    note(error)
  }

  function note(error: unknown): void {
    isAnothers = error instanceof AnothersJournalError
    outage.tell(error)
  }

  /** What can be read counts, even where nothing can be written. */
  function readAnyway(): void {
    try {
      adopt(facts, openJournalReadOnly(path ?? '', identity))
      isRead = true
    } catch {
      // Why the file cannot be used was said.
    }
  }

  try {
    connect()
  } catch (error) {
    if (error instanceof JournalLockedError) throw error
    note(error)
    readAnyway()
  }

  return {
    facts,
    append(added) {
      for (const fact of added) applyFact(facts, fact)
      if (added.length === 0 || isClosed) return
      if (store === undefined) {
        const isSureNow = isAnothers && added.some(({ kind }) => kind === 'contracts')
        if (isSureNow || now() - triedAt >= RETRY_MS) reconnect()
        return
      }
      try {
        store.write(added)
      } catch (error) {
        disconnect(error)
      }
    },
    retry() {
      if (isClosed) return
      if (store?.isGone()) {
        disconnect(new Error('the file was removed or replaced'))
        closeQuietly(lock)
        lock = undefined
      }
      if (store === undefined) reconnect()
    },
    degraded: () => store === undefined && !isClosed,
    close() {
      if (isClosed) return
      if (store === undefined) reconnect()
      isClosed = true
      closeQuietly(store)
      closeQuietly(lock)
    },
  }
}

/** Tells why the file cannot be used, each reason once until that is over. */
function createOutage(path: string | undefined, tell: Tell) {
  const said = new Set<string>()
  return {
    tell(error: unknown): void {
      const why = messageOf(error)
      if (said.has(why)) return
      said.add(why)
      const what =
        error instanceof AnothersJournalError
          ? `${why}: it stays as it is until LOCATOR_ADDRESS has been seen to name contracts on chain`
          : `cannot be written: ${why}`
      tell.onProblem(
        `STATE_FILE ${path} ${what}. Until then everything is kept in memory, and a restart reads it from the chain again`,
      )
    },
    end(): void {
      said.clear()
      tell.onRecovery(`STATE_FILE ${path} is written again, with everything learnt meanwhile`)
    },
  }
}

const isEmpty = (facts: Facts) => factsOf(facts).length === 0

/**
 * Puts older facts before those of the working set. Blocks were read without a gap only up to the
 * lower cursor.
 */
function adopt(facts: Facts, older: Facts): void {
  const newer = factsOf(facts)
  const lower = lowerCursor(older, facts)
  for (const part of Object.values(facts)) {
    if (part instanceof Map || part instanceof Set) part.clear()
  }
  for (const fact of [...factsOf(older), ...newer]) applyFact(facts, fact)
  Object.assign(facts, lower)
}

function lowerCursor(a: Facts, b: Facts): Pick<Facts, 'cursor' | 'cursorHash' | 'coverage'> {
  const isLower = a.cursor !== undefined && (b.cursor === undefined || a.cursor < b.cursor)
  const { cursor, cursorHash, coverage } = isLower ? a : b
  return { cursor, cursorHash, coverage }
}

/** What cannot be closed properly is left to the end of the process. */
function closeQuietly(open: { close(): void } | undefined): void {
  try {
    open?.close()
  } catch {
    // Everything that was told to be written is written.
  }
}
