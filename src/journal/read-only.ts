import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Facts } from '../requests/facts.ts'
import { type Connection, isDamage, openDatabase } from './connection.ts'
import { faultOfKind } from './inspect.ts'
import { type Identity, readFacts, readIdentity } from './tables.ts'

/**
 * What a journal holds now, also while a daemon writes it. Nothing is changed.
 *
 * @param identity - refuse a journal of another chain or Locator
 * @throws when there is none, or none that can be read
 */
export function openJournalReadOnly(file: string, identity?: Identity): Facts {
  const path = resolve(file)
  if (!existsSync(path)) throw new Error(`STATE_FILE ${path} does not exist`)
  try {
    return readSnapshot(path, identity)
  } catch (error) {
    if (!isDamage(error)) throw error
    throw new Error(`${path} is no state file, or a damaged one`, { cause: error })
  }
}

function readSnapshot(path: string, identity: Identity | undefined): Facts {
  // Where nobody writes there is no log; to make one could shut out a daemon of another user.
  const database = openDatabase(path, existsSync(`${path}-wal`) ? 'read' : 'frozen')
  try {
    return readFrom(database, path, identity)
  } finally {
    database.close()
  }
}

function readFrom(database: Connection, path: string, identity: Identity | undefined): Facts {
  // Reads in one transaction see one moment.
  database.exec('BEGIN')
  const fault = faultOfKind(database)
  if (fault !== undefined) throw new Error(`${path} ${fault}`)
  const found = readIdentity(database)
  if (
    identity !== undefined &&
    (found?.chainId !== identity.chainId || found.locator !== identity.locator)
  ) {
    throw new Error(`${path} is of another chain or Locator`)
  }
  return readFacts(database)
}
