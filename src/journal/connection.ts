import { pathToFileURL } from 'node:url'
import Database from 'libsql'

/** What the tables hold: no null, no blob. */
export type Cell = string | number

/** One database file, named `disk` in SQL. Everything here is synchronous. */
export type Connection = {
  exec(sql: string): void
  /** One statement that changes something. */
  run(sql: string, cells: readonly Cell[]): void
  /**
   * Cells of every row.
   * @throws SqliteError; DamagedRowError when the cells are not even text
   */
  rows(columns: string, from: string): readonly (readonly unknown[])[]
  /** What a pragma with a number says. */
  number(pragma: 'application_id' | 'user_version'): unknown
  /** All of the work or none of it. */
  transaction(work: () => void): void
  /** Lets go of the file and of every lock on it, at once. */
  close(): void
}

/** How long another process' short transaction is waited for. The event loop stands still. */
const BUSY_TIMEOUT_MS = 500

/**
 * Opens a database file beside an empty one in memory.
 *
 * libsql's `close` leaves a file open until the garbage collector has taken every statement that
 * was prepared on it; and the last close of a write-ahead log removes it by its name, which may be
 * another file's by then. A database that is attached is closed by DETACH, at once.
 *
 * libsql ends the process when it is given a boolean to bind, and when it meets text that is not
 * UTF-8, as in a damaged file: hence `Cell`, and rows come as JSON in hex.
 *
 * @param path - absolute, or `:memory:`
 * @param access - `write` creates the file if need be; `frozen` is for a file that nobody writes:
 *   nothing is locked, and no file is made beside it
 * @throws SqliteError
 */
export function openDatabase(path: string, access: 'write' | 'read' | 'frozen'): Connection {
  const database = new Database(':memory:')
  database.exec(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`)
  database.exec(`ATTACH DATABASE ${quote(locate(path, access))} AS disk`)
  const statements = new Map<string, Database.Statement<unknown[]>>()

  function prepare(sql: string) {
    const statement = statements.get(sql) ?? database.prepare(sql)
    statements.set(sql, statement)
    return statement
  }

  return {
    exec: (sql) => void database.exec(sql),
    run: (sql, cells) => void prepare(sql).run(cells),
    rows(columns, from) {
      const rows = prepare(`SELECT hex(json_array(${columns})) FROM ${from}`).raw().all()
      return (rows as string[][]).map(([hex = '']) => parseCells(hex))
    },
    number: (pragma) => (prepare(`PRAGMA disk.${pragma}`).raw().all() as unknown[][])[0]?.[0],
    transaction(work) {
      database.exec('BEGIN IMMEDIATE')
      try {
        work()
        database.exec('COMMIT')
      } catch (error) {
        // A full disk has ended the transaction already.
        if (database.inTransaction) database.exec('ROLLBACK')
        throw error
      }
    },
    close() {
      if (database.inTransaction) database.exec('ROLLBACK')
      database.exec('DETACH DATABASE disk')
      database.close()
    },
  }
}

function parseCells(hex: string): readonly unknown[] {
  try {
    return JSON.parse(Buffer.from(hex, 'hex').toString())
  } catch (cause) {
    throw new DamagedRowError('a row is damaged', { cause })
  }
}

function locate(path: string, access: 'write' | 'read' | 'frozen'): string {
  if (access === 'write') return path
  return `${pathToFileURL(path)}?${access === 'read' ? 'mode=ro' : 'immutable=1'}`
}

/** A string in SQL. */
export const quote = (text: string) => `'${text.replaceAll("'", "''")}'`

/** Primary result code: the lowest byte of what SQLite says. */
const resultOf = (error: unknown): number | undefined => {
  const { rawCode } = error as { readonly rawCode?: unknown }
  return typeof rawCode === 'number' ? rawCode & 0xff : undefined
}

/** A row is not what was written. */
export class DamagedRowError extends Error {
  override readonly name = 'DamagedRowError'
}

/** Somebody else holds the lock (SQLITE_BUSY). */
export const isBusy = (error: unknown) => resultOf(error) === 5

/**
 * What says nothing about the content: SQLITE_PERM, _BUSY, _LOCKED, _NOMEM, _READONLY, _INTERRUPT,
 * _IOERR, _FULL, _CANTOPEN, _PROTOCOL.
 */
const CIRCUMSTANCES = new Set([3, 5, 6, 7, 8, 9, 10, 13, 14, 15])

/** While reading: the content is not what SQLite, or we, wrote. */
export function isDamage(error: unknown): boolean {
  if (error instanceof DamagedRowError) return true
  const result = resultOf(error)
  return result !== undefined && !CIRCUMSTANCES.has(result)
}
