import { statSync } from 'node:fs'
import { type Fact, type Facts, factsOf, noFacts } from '../requests/facts.ts'
import { type Connection, openDatabase } from './connection.ts'
import { inspect } from './inspect.ts'
import { setAside } from './set-aside.ts'
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

/**
 * Opens the file, or makes it. What is no journal of this identity is set aside.
 *
 * @param file - absolute path; its lock is held
 * @param now - unix ms
 * @param tell - told what was set aside, and why
 * @throws when it cannot be written
 */
export function openFileStore(
  file: string,
  identity: Identity,
  now: number,
  tell: (message: string) => void,
): Store {
  const found = inspect(file, identity)
  if (found.kind === 'fault') {
    const aside = setAside(file, now)
    tell(
      `journal ${file} ${found.fault}: it was set aside as ${aside}, and a new one is made from the chain`,
    )
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
