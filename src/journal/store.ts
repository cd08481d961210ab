import { statSync } from 'node:fs'
import { type Fact, type Facts, factsOf, noFacts } from '../requests/facts.ts'
import { type Connection, openDatabase } from './connection.ts'
import { inspect } from './inspect.ts'
import { setAside, takeBack } from './set-aside.ts'
import {
  createTables,
  deleteFacts,
  type Identity,
  migrate,
  OLD_VERSIONS,
  writeFact,
} from './tables.ts'

/** The durable copy. Everything throws when it cannot be written. */
export type Store = {
  /** What it held when it was opened. */
  readonly found: Facts
  /** All of them or none, on disk when this returns. */
  write(facts: readonly Fact[]): void
  /** Puts this in the place of everything that is there. */
  rewrite(facts: Facts): void
  /** Whether the file is no longer where it was opened: what is written now would be lost. */
  isGone(): boolean
  close(): void
}

/** A journal that is forgotten with the process. */
export function openMemoryStore(identity: Identity): Store {
  const database = openDatabase(':memory:', 'write')
  createTables(database, identity)
  return createStore(database, noFacts(), () => false)
}

/** A good journal, of another protocol than the configured one, which may be a mistake. */
export class AnothersJournalError extends Error {
  override readonly name = 'AnothersJournalError'
}

export type FileStoreOptions = {
  /** Absolute path; its lock is held. */
  readonly file: string
  readonly identity: Identity
  /** Unix ms. */
  readonly now: number
  /** The Locator of this identity was seen to name contracts: LOCATOR_ADDRESS is no typing error. */
  readonly isIdentitySure: boolean
  /** Told what was set aside, and why. */
  readonly tell: (message: string) => void
}

/**
 * Opens the file, or makes it. What is no journal of this identity is set aside; where one fits
 * that was set aside for another identity earlier, that is taken back.
 *
 * @throws AnothersJournalError while the identity is not sure; others when it cannot be written
 */
export function openFileStore(options: FileStoreOptions): Store {
  const { file, identity } = options
  let found = inspect(file, identity)
  if (found.kind === 'fault') {
    if (found.isAnothers && !options.isIdentitySure) throw new AnothersJournalError(found.fault)
    const aside = setAside(file, options.now)
    const back = found.isAnothers ? takeBack(file, identity) : undefined
    const instead =
      back === undefined ? 'a new one is made from the chain' : `${back} was taken back, which fits`
    options.tell(`STATE_FILE ${file} ${found.fault}: it was set aside as ${aside}, and ${instead}`)
    found = inspect(file, identity)
  }
  const database = openDatabase(file, 'write')
  try {
    if (found.kind !== 'journal') createTables(database, identity)
    database.exec('PRAGMA disk.journal_mode = WAL')
    database.exec('PRAGMA disk.synchronous = FULL')
    if (
      found.kind === 'journal' &&
      OLD_VERSIONS.includes(Number(database.number('user_version')))
    ) {
      migrate(database, found.facts)
    }
    proveWritable(database)
  } catch (error) {
    database.close()
    throw error
  }
  const { ino } = statSync(file)
  const isGone = () => {
    try {
      return statSync(file, { throwIfNoEntry: false })?.ino !== ino
    } catch {
      // It cannot even be looked at: what is written now may not last.
      return true
    }
  }
  return createStore(database, found.kind === 'journal' ? found.facts : noFacts(), isGone)
}

/** SQLite opens what it may not write for reading, without a word. */
function proveWritable(database: Connection): void {
  database.transaction(() => {
    database.exec('UPDATE disk.identity SET chain_id = chain_id')
  })
}

function createStore(database: Connection, found: Facts, isGone: () => boolean): Store {
  return {
    found,
    write(facts) {
      database.transaction(() => {
        for (const fact of facts) writeFact(database, fact)
      })
    },
    rewrite(facts) {
      database.transaction(() => {
        deleteFacts(database)
        for (const fact of factsOf(facts)) writeFact(database, fact)
      })
    },
    isGone,
    close: database.close,
  }
}
