import { createHash } from 'node:crypto'
import { openDatabase } from '../../src/journal/connection.ts'
import type { Fact } from '../../src/requests/facts.ts'
import { IDENTITY } from './support.ts'

export type OlderVersion = 1 | 2

/** The tables as older versions made them. */
const schemaOf = (version: OlderVersion) => `
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
  what TEXT NOT NULL,${version === 1 ? '' : ' answers TEXT NOT NULL,'}
  digest TEXT NOT NULL
) STRICT;
CREATE INDEX disk.history_by_validator ON history (validator_index);
CREATE UNIQUE INDEX disk.latest_in_history ON history (validator_index, what)
  WHERE what IN ('intended', 'refused');
CREATE TABLE disk.cursor (
  seq INTEGER PRIMARY KEY CHECK (seq = 1),
  block INTEGER NOT NULL,${version === 1 ? '' : ' hash TEXT NOT NULL,'}
  digest TEXT NOT NULL
) STRICT;
`

type Row = readonly [table: string, columns: string, cells: readonly (string | number)[]]

/** A file as that version left it. The first has no answers in the history, and no hash of the cursor. */
export function writeOlderVersion(
  version: OlderVersion,
  file: string,
  facts: readonly Fact[],
): void {
  const database = openDatabase(file, 'write')
  database.transaction(() => {
    database.exec(`PRAGMA disk.application_id = ${0x56_45_6a_6e}`)
    database.exec(`PRAGMA disk.user_version = ${version}`)
    database.exec(schemaOf(version))
    const { chainId, locator } = IDENTITY
    database.run('INSERT INTO disk.identity VALUES (?, ?)', [String(chainId), locator])
    for (const [table, columns, cells] of facts.flatMap((fact) => rowsOf(fact, version))) {
      if (table === 'cursor') database.exec('DELETE FROM disk.cursor')
      const places = cells.map(() => '?').join(', ')
      database.run(
        `INSERT OR REPLACE INTO disk.${table} (${columns}, digest) VALUES (${places}, ?)`,
        [...cells, digestOf(cells)],
      )
    }
  })
  database.exec('PRAGMA disk.journal_mode = WAL')
  database.close()
}

const digestOf = (cells: readonly unknown[]) =>
  createHash('sha256').update(JSON.stringify(cells)).digest('hex').slice(0, 16)

function rowsOf(fact: Fact, version: OlderVersion): readonly Row[] {
  const isFirst = version === 1
  switch (fact.kind) {
    case 'request': {
      const { request } = fact
      const columns =
        'key, seen_at, chain_id, exit_bus, block_number, block_hash, transaction_hash, log_index, module_id, operator_id, validator_index, pubkey, timestamp'
      const { key, chainId, exitBus, ...rest } = request
      return [
        [
          'request',
          columns,
          [key, fact.at, String(chainId), exitBus, ...(Object.values(rest) as (string | number)[])],
        ],
      ]
    }
    case 'transaction':
      return [['signed_transaction', 'hash, serialized', [fact.hash, fact.serialized]]]
    case 'contracts':
      return [
        ['contract', 'role, address', ['exit-bus', fact.exitBus]],
        ['contract', 'role, address', ['consensus', fact.consensus]],
      ]
    case 'offer-intended':
      return [history(fact, 'intended', isFirst ? undefined : [])]
    case 'offer-answered':
      return [
        history(fact, fact.accepted ? 'accepted' : 'refused', isFirst ? undefined : fact.answers),
      ]
    case 'sighting':
      return [history(fact, fact.seen, isFirst ? undefined : [])]
    case 'cursor':
      return isFirst
        ? [['cursor', 'block', [fact.block]]]
        : [['cursor', 'block, hash', [fact.block, fact.hash ?? '']]]
    case 'final-block':
    case 'unread':
    case 'forgotten':
      return []
  }
}

const history = (
  fact: { validator: number; at: number },
  what: string,
  answers?: readonly string[],
): Row => {
  const cells = [fact.validator, fact.at, what]
  return answers === undefined
    ? ['history', 'validator_index, at, what', cells]
    : ['history', 'validator_index, at, what, answers', [...cells, JSON.stringify(answers)]]
}
