import { existsSync } from 'node:fs'
import { hostname } from 'node:os'
import { type Connection, isBusy, openDatabase, quote } from './connection.ts'

/** Another daemon writes this journal. Waiting would not help. */
export class JournalLockedError extends Error {
  override readonly name = 'JournalLockedError'

  /** @param holder - who holds it, in words, where that could be read */
  constructor(file: string, holder: string | undefined) {
    super(
      `STATE_FILE ${file} is in use by another daemon${holder === undefined ? '' : ` (${holder})`}: stop that one, or give this one a STATE_FILE of its own`,
    )
  }
}

export type Lock = { close(): void }

/**
 * Takes the one right to write a journal, by an open transaction on a database file beside it. The
 * operating system ends it with the process, however that dies: no process id is guessed at. Who
 * holds it is written inside, where it can be read meanwhile. The file stays when it is released.
 *
 * @param now - unix ms
 * @throws JournalLockedError when another daemon, or another journal of this one, holds it;
 *   SqliteError when there can be no lock there
 */
export function lockJournal(file: string, now: number): Lock {
  const path = `${file}.lock`
  const database = openDatabase(path, 'write')
  try {
    introduce(database, now)
    database.exec('BEGIN IMMEDIATE')
  } catch (error) {
    database.close()
    throw isBusy(error) ? new JournalLockedError(file, readHolder(path)) : error
  }
  return { close: database.close }
}

/**
 * Who writes this journal now, in words; `undefined` when nobody does. Nothing is changed, and the
 * lock is held no longer than it takes to see that it is free.
 *
 * @throws SqliteError when it cannot be told
 */
export function holderOf(file: string): string | undefined {
  const path = `${file}.lock`
  if (!existsSync(path)) return undefined
  const database = openDatabase(path, 'write')
  try {
    database.exec('BEGIN IMMEDIATE')
    return undefined
  } catch (error) {
    if (!isBusy(error)) throw error
    return readHolder(path) ?? 'a daemon'
  } finally {
    database.close()
  }
}

/** Who holds it is for people: where it cannot be written (a full disk), the lock holds all the same. */
function introduce(database: Connection, now: number): void {
  const since = new Date(now).toISOString()
  try {
    database.transaction(() => {
      database.exec('CREATE TABLE IF NOT EXISTS disk.holder (pid INTEGER, host TEXT, since TEXT)')
      database.exec('DELETE FROM disk.holder')
      database.exec(
        `INSERT INTO disk.holder VALUES (${process.pid}, ${quote(hostname())}, ${quote(since)})`,
      )
    })
  } catch (error) {
    if (isBusy(error)) throw error
  }
}

function readHolder(path: string): string | undefined {
  try {
    const database = openDatabase(path, 'read')
    try {
      const [holder] = database.rows('pid, host, since', 'disk.holder')
      return holder && `pid ${holder[0]} on ${holder[1]}, since ${holder[2]}`
    } finally {
      database.close()
    }
  } catch {
    return undefined
  }
}
