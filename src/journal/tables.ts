import { createHash } from 'node:crypto'
import type { Address, Bytes32, Hex } from '../lib/primitives.ts'
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
  fromCoverage,
  type HistoryRow,
  type RequestRow,
  toCoverage,
  toHistoryFact,
  toHistoryRow,
  toRequest,
  toRow,
} from './rows.ts'

/** In the header of the file: "VEjn". */
export const APPLICATION_ID = 0x56_45_6a_6e
/** In the header of the file. A change of the tables needs another one. */
export const SCHEMA_VERSION = 4
/**
 * Are read, and rewritten. 1 had no answers in the history, and no hash of the cursor; neither it
 * nor 2 had a table of unread blocks; 3 did not say for what was read up to the cursor.
 */
export const OLD_VERSIONS: readonly number[] = [1, 2, 3]

/** A journal belongs to one protocol on one chain. */
export type Identity = { readonly chainId: bigint; readonly locator: Address }

/**
 * Facts, in the order in which they came (`seq`). Times (`at`, `seen_at`) are unix ms, `timestamp`
 * is the protocol's, in seconds. `digest` is over the rest of the row: a damaged one must not pass
 * for a request that is known.
 */
const UNREAD_SCHEMA = `CREATE TABLE disk.unread (
  seq INTEGER PRIMARY KEY,
  from_block INTEGER NOT NULL,
  to_block INTEGER NOT NULL,
  reason TEXT NOT NULL,
  hosts TEXT NOT NULL,
  digest TEXT NOT NULL
) STRICT;`
const SCHEMA = `
CREATE TABLE disk.identity (chain_id TEXT NOT NULL, locator TEXT NOT NULL) STRICT;
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
${UNREAD_SCHEMA}
`

const REQUEST =
  'key, seen_at, chain_id, exit_bus, block_number, block_hash, transaction_hash, log_index, module_id, operator_id, validator_index, pubkey, timestamp'
const TRANSACTION = 'hash, serialized'
const CONTRACT = 'role, address'
const HISTORY = 'validator_index, at, what, answers'
const CURSOR = 'block, hash, coverage'
const OLD_CURSORS: Readonly<Record<number, string>> = {
  1: 'block',
  2: 'block, hash',
  3: 'block, hash',
}
const UNREAD = 'from_block, to_block, reason, hosts'
type TransactionRow = [hash: Bytes32, serialized: Hex]
type ContractRow = [role: 'exit-bus' | 'consensus', address: Address]
/** `coverage` is JSON, or empty. */
type CursorRow = [block: number, hash: Bytes32 | '', coverage: string]
/** `hosts` is JSON. */
type UnreadRow = [fromBlock: number, toBlock: number, reason: string, hosts: string]

/** Makes the tables of an empty file. Header and tables come in one transaction. */
export function createTables(database: Connection, { chainId, locator }: Identity): void {
  database.transaction(() => {
    database.exec(`PRAGMA disk.application_id = ${APPLICATION_ID}`)
    database.exec(`PRAGMA disk.user_version = ${SCHEMA_VERSION}`)
    database.exec(SCHEMA)
    database.run('INSERT INTO disk.identity VALUES (?, ?)', [String(chainId), locator])
  })
}

/** The tables of an older version become those of this one, in one transaction. */
export function migrate(database: Connection, facts: Facts): void {
  database.transaction(() => {
    const version = Number(database.number('user_version'))
    const isFirst = version === 1
    if (version < 3) database.exec(UNREAD_SCHEMA)
    deleteFacts(database)
    database.exec(`ALTER TABLE disk.cursor ADD COLUMN coverage TEXT NOT NULL DEFAULT ''`)
    if (isFirst) {
      database.exec(`ALTER TABLE disk.history ADD COLUMN answers TEXT NOT NULL DEFAULT '[]'`)
      database.exec(`ALTER TABLE disk.cursor ADD COLUMN hash TEXT NOT NULL DEFAULT ''`)
    }
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
  const version = Number(database.number('user_version'))
  const isFirst = version === 1
  for (const row of read<RequestRow>(database, 'request', REQUEST)) {
    applyFact(facts, { kind: 'request', at: row[1], request: toRequest(row) })
  }
  for (const [hash, serialized] of read<TransactionRow>(
    database,
    'signed_transaction',
    TRANSACTION,
  )) {
    applyFact(facts, { kind: 'transaction', hash, serialized })
  }
  const history = isFirst ? 'validator_index, at, what' : HISTORY
  for (const [validator, at, what, answers] of read<HistoryRow>(database, 'history', history)) {
    applyFact(facts, toHistoryFact([validator, at, what, answers ?? '[]']))
  }
  const cursor = OLD_CURSORS[version] ?? CURSOR
  for (const [block, hash, coverage] of read<CursorRow>(database, 'cursor', cursor)) {
    const fact = { kind: 'cursor', block, hash: hash || undefined } as const
    applyFact(facts, { ...fact, coverage: toCoverage(coverage) })
  }
  const unread = version >= 3 ? read<UnreadRow>(database, 'unread', UNREAD) : []
  facts.unread = unread.map(([fromBlock, toBlock, reason, hosts]) => ({
    fromBlock,
    toBlock,
    reason,
    hosts: JSON.parse(hosts),
  }))
  readContracts(database, facts)
  return facts
}

function readContracts(database: Connection, facts: Facts): void {
  const latest = new Map<ContractRow[0], Address>()
  for (const [role, address] of read<ContractRow>(database, 'contract', CONTRACT)) {
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
    case 'request': {
      const row = toRow(fact.at, fact.request)
      insert(database, 'request', REQUEST, row, UPDATE_REQUEST)
      return
    }
    case 'forgotten':
      database.run('DELETE FROM disk.request WHERE key = ?', [fact.key])
      return
    case 'transaction': {
      const row = [fact.hash, fact.serialized]
      insert(database, 'signed_transaction', TRANSACTION, row, 'ON CONFLICT (hash) DO NOTHING')
      return
    }
    case 'contracts':
      replace(database, 'contract', CONTRACT, ['exit-bus', fact.exitBus])
      replace(database, 'contract', CONTRACT, ['consensus', fact.consensus])
      for (const role of ['exit-bus', 'consensus']) database.run(PRUNE_CONTRACTS, [role])
      return
    case 'offer-intended':
    case 'offer-answered':
    case 'sighting':
      replace(database, 'history', HISTORY, toHistoryRow(fact))
      database.run(PRUNE_HISTORY, [fact.validator])
      return
    case 'cursor':
      database.exec('DELETE FROM disk.cursor')
      insert(database, 'cursor', CURSOR, [fact.block, fact.hash ?? '', fromCoverage(fact.coverage)])
      return
    case 'unread':
      database.exec('DELETE FROM disk.unread')
      for (const { fromBlock, toBlock, reason, hosts } of fact.blocks) {
        insert(database, 'unread', UNREAD, [fromBlock, toBlock, reason, JSON.stringify(hosts)])
      }
  }
}

/** Only what no proof binds changes, and when it was seen: it keeps its place. */
const UPDATE_REQUEST = `ON CONFLICT (key) DO UPDATE SET seen_at = excluded.seen_at,
  block_number = excluded.block_number, timestamp = excluded.timestamp, digest = excluded.digest
  WHERE timestamp <> excluded.timestamp OR block_number <> excluded.block_number`

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
  for (const table of [
    'request',
    'signed_transaction',
    'contract',
    'history',
    'cursor',
    'unread',
  ]) {
    database.exec(`DELETE FROM disk.${table}`)
  }
}

/** 64 bits are plenty against accidents. */
const digestOf = (cells: readonly unknown[]) =>
  createHash('sha256').update(JSON.stringify(cells)).digest('hex').slice(0, 16)

/** @throws DamagedRowError */
function read<Row>(database: Connection, table: string, columns: string): readonly Row[] {
  const rows = database.rows(`${columns}, digest`, `disk.${table} ORDER BY seq`)
  return rows.map((row) => {
    const cells = row.slice(0, -1)
    if (digestOf(cells) !== row.at(-1)) throw new DamagedRowError(`a row of "${table}" is damaged`)
    return cells as Row
  })
}

/** @param onConflict - what becomes of a row that says the same; without it there must be none */
function insert(
  database: Connection,
  table: string,
  columns: string,
  cells: readonly Cell[],
  onConflict = '',
): void {
  const places = cells.map(() => '?').join(', ')
  const sql = `INSERT INTO disk.${table} (${columns}, digest) VALUES (${places}, ?) ${onConflict}`
  database.run(sql, [...cells, digestOf(cells)])
}

/** In the place of a row that says the same, and later than all others. */
function replace(
  database: Connection,
  table: string,
  columns: string,
  cells: readonly Cell[],
): void {
  const places = cells.map(() => '?').join(', ')
  const sql = `INSERT OR REPLACE INTO disk.${table} (${columns}, digest) VALUES (${places}, ?)`
  database.run(sql, [...cells, digestOf(cells)])
}
