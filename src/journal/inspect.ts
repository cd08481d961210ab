import { closeSync, openSync, readSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Facts } from '../requests/facts.ts'
import { type Connection, isDamage, openDatabase } from './connection.ts'
import {
  APPLICATION_ID,
  type Identity,
  OLD_VERSIONS,
  readFacts,
  readIdentity,
  SCHEMA_VERSION,
} from './tables.ts'

/** What is found where the journal shall be. A fault is in words: "is damaged (…)". */
export type Found =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'journal'; readonly facts: Facts }
  /** `isAnothers`: nothing is wrong with it but that it is of another chain or Locator. */
  | { readonly kind: 'fault'; readonly fault: string; readonly isAnothers: boolean }

/**
 * Looks at what is there, before anything is written to it.
 *
 * The header is read as bytes, so that the database of another program is never opened. Do not call
 * this while the process has the file open: closing it would drop SQLite's locks on it (fcntl).
 *
 * @throws when it cannot be told: no permission, a lock
 */
export function inspect(file: string, identity: Identity): Found {
  const header = readHeader(file)
  if (header === undefined) return { kind: 'nothing' }
  const fault = faultOfHeader(header)
  if (fault !== undefined) return { kind: 'fault', fault, isAnothers: false }
  try {
    return readWhole(file, identity)
  } catch (error) {
    if (!isDamage(error)) throw error
    return { kind: 'fault', fault: `is damaged (${(error as Error).message})`, isAnothers: false }
  }
}

function readWhole(file: string, identity: Identity): Found {
  const database = openDatabase(file, 'write')
  try {
    const fault = faultOfKind(database) ?? faultOfContent(database)
    if (fault !== undefined) return { kind: 'fault', fault, isAnothers: false }
    const found = readIdentity(database)
    const anothers = faultOfIdentity(found, identity)
    if (anothers !== undefined) {
      return { kind: 'fault', fault: anothers, isAnothers: found !== undefined }
    }
    return { kind: 'journal', facts: readFacts(database) }
  } finally {
    database.close()
  }
}

/** @throws when there is no folder for the file, or a folder in its place */
export function checkPlace(file: string): void {
  const folder = dirname(file)
  const parent = statSync(folder, { throwIfNoEntry: false })
  if (parent === undefined) {
    throw new Error(`the folder ${folder} does not exist: make it, or mount it`)
  }
  if (!parent.isDirectory()) throw new Error(`${folder} is not a folder`)
  const there = statSync(file, { throwIfNoEntry: false })
  if (there?.isDirectory()) {
    throw new Error(
      `${file} is a folder (Docker makes one where the file of a mount does not exist): remove it, or name a file in it`,
    )
  }
  if (there !== undefined && !there.isFile()) throw new Error(`${file} is not a file`)
}

/** @see https://www.sqlite.org/fileformat2.html#the_database_header */
const HEADER_BYTES = 100
const MAGIC = 'SQLite format 3\0'
const USER_VERSION_AT = 60
const APPLICATION_ID_AT = 68

/** @returns `undefined` where there is no file, or an empty one */
function readHeader(file: string): Buffer | undefined {
  if (statSync(file, { throwIfNoEntry: false }) === undefined) return undefined
  const descriptor = openSync(file, 'r')
  try {
    const header = Buffer.alloc(HEADER_BYTES)
    const bytes = readSync(descriptor, header, 0, HEADER_BYTES, 0)
    return bytes === 0 ? undefined : header.subarray(0, bytes)
  } finally {
    closeSync(descriptor)
  }
}

function faultOfHeader(header: Buffer): string | undefined {
  if (header.length < HEADER_BYTES || header.toString('latin1', 0, MAGIC.length) !== MAGIC) {
    return 'is no SQLite database, or a damaged one'
  }
  const id = header.readUInt32BE(APPLICATION_ID_AT)
  return faultOfNumbers(id, header.readUInt32BE(USER_VERSION_AT))
}

function faultOfNumbers(applicationId: unknown, version: unknown): string | undefined {
  if (applicationId !== APPLICATION_ID) return 'is the database of another program'
  if (version === SCHEMA_VERSION || OLD_VERSIONS.includes(Number(version))) return undefined
  return `has schema version ${version}, not ${SCHEMA_VERSION}`
}

/** Of a damaged file a few are enough to say. */
const MOST_ERRORS = 3

function faultOfContent(database: Connection): string | undefined {
  const told = database
    .rows('integrity_check', `pragma_integrity_check(${MOST_ERRORS}, 'disk')`)
    .flat()
  return told.length === 1 && told[0] === 'ok' ? undefined : `is damaged (${told.join('; ')})`
}

function faultOfIdentity(
  found: Identity | undefined,
  { chainId, locator }: Identity,
): string | undefined {
  if (found === undefined) return 'is damaged (it does not say whose it is)'
  if (found.chainId !== chainId) return `is of chain ${found.chainId}, not ${chainId}`
  if (found.locator !== locator) return `is of Locator ${found.locator}, not ${locator}`
  return undefined
}

/** As `faultOfHeader`, by what SQLite sees: the latest header may be in the log still. */
export const faultOfKind = (database: Connection) =>
  faultOfNumbers(database.number('application_id'), database.number('user_version'))
