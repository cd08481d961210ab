import { createHash } from 'node:crypto'
import type { Address } from '../lib/primitives.ts'
import {
  applyFact,
  type Fact,
  type Facts,
  factsOf,
  MAX_CONTRACTS,
  MAX_HISTORY,
  noFacts,
} from '../requests/facts.ts'
import { type Cell, type Connection, DamagedRowError } from './connection.ts'
import {
  ADDED_IN,
  COLUMNS,
  fromCoverage,
  type Rows,
  type Table,
  toCoverage,
  toHistoryFact,
  toHistoryRow,
  toRequestFact,
  toRequestRow,
} from './rows.ts'

/** In the header of the file: "VEjn". */
export const APPLICATION_ID = 0x56_45_6a_6e
/** In the header of the file. A change of the tables needs another one. */
export const SCHEMA_VERSION = 5
/** Are read, and rewritten. */
export const OLD_VERSIONS: readonly number[] = [1, 2, 3, 4]

/** A journal belongs to one protocol on one chain. */
export type Identity = { readonly chainId: bigint; readonly locator: Address }

/**
 * Facts, in the order in which they came (`seq`). Times (`at`, `seen_at`) are unix ms, `timestamp`
 * is the protocol's, in seconds. `digest` is over the rest of the row: a damaged one must not pass
 * for a request that is known.
 */
const SCHEMA = `
CREATE TABLE disk.request (
  seq INTEGER PRIMARY KEY,
  key TEXT NOT NULL UNIQUE,
  seen_at INTEGER NOT NULL,
  chain_id TEXT NOT NULL,
  exit_bus TEXT NOT NULL,
  block_number INTEGER NOT NULL,
  block_hash TEXT NOT NULL,
  transaction_hash TEXT NOT NULL,
  log_index INTEGER NOT NULL,
  module_id INTEGER NOT NULL,
  operator_id INTEGER NOT NULL,
  validator_index INTEGER NOT NULL,
  pubkey TEXT NOT NULL,
  timestamp INTEGER NOT NULL,
  logged TEXT NOT NULL,
  digest TEXT NOT NULL
) STRICT;
CREATE INDEX disk.request_by_validator ON request (validator_index);
CREATE TABLE disk.signed_transaction (
  seq INTEGER PRIMARY KEY,
  hash TEXT NOT NULL UNIQUE,
  serialized TEXT NOT NULL,
  digest TEXT NOT NULL
) STRICT;
CREATE TABLE disk.contract (
  seq INTEGER PRIMARY KEY,
  role TEXT NOT NULL,
  address TEXT NOT NULL,
  digest TEXT NOT NULL,
  UNIQUE (role, address)
) STRICT;
CREATE TABLE disk.history (
  seq INTEGER PRIMARY KEY,
  validator_index INTEGER NOT NULL,
  at INTEGER NOT NULL,
  what TEXT NOT NULL,
  answers TEXT NOT NULL,
  digest TEXT NOT NULL
) STRICT;
CREATE INDEX disk.history_by_validator ON history (validator_index);
CREATE UNIQUE INDEX disk.latest_in_history ON history (validator_index, what)
  WHERE what IN ('intended', 'refused');
CREATE TABLE disk.cursor (
  seq INTEGER PRIMARY KEY CHECK (seq = 1),
  block INTEGER NOT NULL,
  hash TEXT NOT NULL,
  coverage TEXT NOT NULL,
  digest TEXT NOT NULL
) STRICT;
CREATE TABLE disk.unread (
  seq INTEGER PRIMARY KEY,
  from_block INTEGER NOT NULL,
  to_block INTEGER NOT NULL,
  reason TEXT NOT NULL,
  hosts TEXT NOT NULL,
  digest TEXT NOT NULL
) STRICT;
CREATE TABLE disk.final_block (
  seq INTEGER PRIMARY KEY,
  hash TEXT NOT NULL UNIQUE,
  content TEXT NOT NULL,
  digest TEXT NOT NULL
) STRICT;
`

const TABLES = Object.keys(COLUMNS) as Table[]

/** Makes the tables of an empty file. Header and tables come in one transaction. */
export function createTables(database: Connection, { chainId, locator }: Identity): void {
  database.transaction(() => {
    database.exec(`PRAGMA disk.application_id = ${APPLICATION_ID}`)
    database.exec(
      'CREATE TABLE disk.identity (chain_id TEXT NOT NULL, locator TEXT NOT NULL) STRICT',
    )
    database.run('INSERT INTO disk.identity VALUES (?, ?)', [String(chainId), locator])
    database.exec(SCHEMA)
    database.exec(`PRAGMA disk.user_version = ${SCHEMA_VERSION}`)
  })
}

/** The facts of an older version are written anew, in one transaction. */
export function migrate(database: Connection, facts: Facts): void {
  database.transaction(() => {
    for (const table of TABLES) database.exec(`DROP TABLE IF EXISTS disk.${table}`)
    database.exec(SCHEMA)
    for (const fact of factsOf(facts)) writeFact(database, fact)
    database.exec(`PRAGMA disk.user_version = ${SCHEMA_VERSION}`)
  })
}

/** @throws SqliteError when there is no such table */
export function readIdentity(database: Connection): Identity | undefined {
  const [row] = database.rows('chain_id, locator', 'disk.identity')
  if (row === undefined || !/^\d+$/.test(String(row[0]))) return undefined
  return { chainId: BigInt(String(row[0])), locator: row[1] as Address }
}

/** @throws DamagedRowError; SqliteError */
export function readFacts(database: Connection): Facts {
  const facts = noFacts()
  for (const row of read(database, 'request')) applyFact(facts, toRequestFact(row))
  for (const [hash, serialized] of read(database, 'signed_transaction')) {
    applyFact(facts, { kind: 'transaction', hash, serialized })
  }
  for (const [, content] of read(database, 'final_block')) {
    applyFact(facts, { kind: 'final-block', block: JSON.parse(content) })
  }
  for (const row of read(database, 'history')) applyFact(facts, toHistoryFact(row))
  for (const [block, hash, coverage] of read(database, 'cursor')) {
    const fact = { kind: 'cursor', block, hash: hash || undefined } as const
    applyFact(facts, { ...fact, coverage: toCoverage(coverage) })
  }
  facts.unread = read(database, 'unread').map(([fromBlock, toBlock, reason, hosts]) => ({
    fromBlock,
    toBlock,
    reason,
    hosts: JSON.parse(hosts),
  }))
  readContracts(database, facts)
  return facts
}

function readContracts(database: Connection, facts: Facts): void {
  const latest = new Map<Rows['contract'][0], Address>()
  for (const [role, address] of read(database, 'contract')) {
    latest.set(role, address)
    const those = role === 'exit-bus' ? facts.exitBuses : facts.consensusContracts
    those.add(address)
  }
  const exitBus = latest.get('exit-bus')
  const consensus = latest.get('consensus')
  if (exitBus !== undefined && consensus !== undefined) facts.contracts = { exitBus, consensus }
}

/** Adds one fact. The caller holds a transaction. */
export function writeFact(database: Connection, fact: Fact): void {
  switch (fact.kind) {
    case 'request':
      insert(database, 'request', toRequestRow(fact.at, fact.request), UPDATE_REQUEST)
      return
    case 'forgotten':
      database.run('DELETE FROM disk.request WHERE key = ?', [fact.key])
      if (fact.validator === undefined) return
      database.run('DELETE FROM disk.history WHERE validator_index = ?', [fact.validator])
      return
    case 'transaction': {
      const row = [fact.hash, fact.serialized]
      insert(database, 'signed_transaction', row, 'ON CONFLICT (hash) DO NOTHING')
      return
    }
    case 'final-block':
      replace(database, 'final_block', [fact.block.hash, JSON.stringify(fact.block)])
      return
    case 'contracts':
      replace(database, 'contract', ['exit-bus', fact.exitBus])
      replace(database, 'contract', ['consensus', fact.consensus])
      for (const role of ['exit-bus', 'consensus']) database.run(PRUNE_CONTRACTS, [role])
      return
    case 'offer-intended':
    case 'offer-answered':
    case 'sighting':
      replace(database, 'history', toHistoryRow(fact) as Cell[])
      database.run(PRUNE_HISTORY, [fact.validator])
      return
    case 'cursor':
      database.exec('DELETE FROM disk.cursor')
      insert(database, 'cursor', [fact.block, fact.hash ?? '', fromCoverage(fact.coverage)])
      return
    case 'unread':
      database.exec('DELETE FROM disk.unread')
      for (const { fromBlock, toBlock, reason, hosts } of fact.blocks) {
        insert(database, 'unread', [fromBlock, toBlock, reason, JSON.stringify(hosts)])
      }
  }
}

/** Only what no proof binds changes, and when it was seen: it keeps its place. */
const UPDATE_REQUEST = `ON CONFLICT (key) DO UPDATE SET seen_at = excluded.seen_at,
  block_number = excluded.block_number, timestamp = excluded.timestamp, logged = excluded.logged,
  digest = excluded.digest WHERE timestamp <> excluded.timestamp
  OR block_number <> excluded.block_number OR logged <> excluded.logged`

/** As the working set is bounded: the latest, the first submission, first and latest acceptance. */
const PRUNE_HISTORY = `DELETE FROM disk.history WHERE validator_index = ?1 AND what != 'begun' AND seq NOT IN (
  SELECT seq FROM (SELECT seq FROM disk.history WHERE validator_index = ?1
    ORDER BY seq DESC LIMIT ${MAX_HISTORY})
  UNION ALL SELECT min(seq) FROM disk.history WHERE validator_index = ?1 AND what = 'accepted'
    HAVING count(*) > 0
  UNION ALL SELECT max(seq) FROM disk.history WHERE validator_index = ?1 AND what = 'accepted'
    HAVING count(*) > 0)`

/** As the working set is bounded, too. */
const PRUNE_CONTRACTS = `DELETE FROM disk.contract WHERE role = ?1 AND seq NOT IN (
  SELECT seq FROM disk.contract WHERE role = ?1 ORDER BY seq DESC LIMIT ${MAX_CONTRACTS})`

/** Empties the tables of facts. The caller holds a transaction. */
export function deleteFacts(database: Connection): void {
  for (const table of TABLES) database.exec(`DELETE FROM disk.${table}`)
}

/** 64 bits are plenty against accidents. */
const digestOf = (cells: readonly unknown[]) =>
  createHash('sha256').update(JSON.stringify(cells)).digest('hex').slice(0, 16)

/** @returns what there is of it in the version of this file @throws DamagedRowError */
function read<Name extends Table>(database: Connection, table: Name): readonly Rows[Name][] {
  const version = Number(database.number('user_version'))
  const isThere = (name: string) => (ADDED_IN[name] ?? 1) <= version
  if (!isThere(table)) return []
  const columns = COLUMNS[table].filter((column) => isThere(`${table}.${column}`))
  const rows = database.rows(`${columns.join(', ')}, digest`, `disk.${table} ORDER BY seq`)
  return rows.map((row) => {
    const cells = row.slice(0, -1)
    if (digestOf(cells) !== row.at(-1)) throw new DamagedRowError(`a row of "${table}" is damaged`)
    return cells as unknown as Rows[Name]
  })
}

/** @param onConflict - what becomes of a row that says the same; without it there must be none */
function insert(
  database: Connection,
  table: Table,
  cells: readonly Cell[],
  onConflict = '',
  verb = 'INSERT',
): void {
  const places = cells.map(() => '?').join(', ')
  const columns = `(${COLUMNS[table].join(', ')}, digest)`
  const sql = `${verb} INTO disk.${table} ${columns} VALUES (${places}, ?) ${onConflict}`
  database.run(sql, [...cells, digestOf(cells)])
}

/** In the place of a row that says the same, and later than all others. */
const replace = (database: Connection, table: Table, cells: readonly Cell[]): void =>
  insert(database, table, cells, '', 'INSERT OR REPLACE')
