import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { type Connection, openDatabase } from '../../src/journal/connection.ts'
import { type Journal, type JournalOptions, openJournal } from '../../src/journal/journal.ts'
import type {
  Address,
  Bytes32,
  Hex,
  ModuleId,
  OperatorId,
  Pubkey,
  ValidatorIndex,
} from '../../src/lib/primitives.ts'
import type { ExitRequest, RequestKey } from '../../src/requests/exit-request.ts'
import type { Fact } from '../../src/requests/facts.ts'

const bytes = <T extends Hex>(seed: number, length: number) =>
  `0x${seed.toString(16).padStart(length * 2, '0')}` as T
export const address = (seed: number) => bytes<Address>(seed, 20)
export const hash = (seed: number) => bytes<Bytes32>(seed, 32)
export const validator = (index: number) => index as ValidatorIndex

export const IDENTITY = { chainId: 560_048n, locator: address(0x10) }
export const NOON = Date.parse('2025-01-01T12:00:00Z')

export const requestOf = (seed: number): ExitRequest => ({
  key: `request ${seed}` as RequestKey,
  // More than a double holds.
  chainId: 2n ** 63n + 1n,
  exitBus: address(1),
  blockNumber: 20_000_000 + seed,
  blockHash: hash(seed),
  transactionHash: hash(1_000_000 + seed),
  logIndex: seed % 7,
  moduleId: 3 as ModuleId,
  operatorId: (2 ** 40 - 1) as OperatorId,
  validatorIndex: (1_000_000 + seed) as ValidatorIndex,
  pubkey: bytes<Pubkey>(seed, 48),
  timestamp: 1_735_689_600 + seed,
})

export const seen = (seed: number): Fact => ({
  kind: 'request',
  at: NOON + seed,
  request: requestOf(seed),
})
export const forgotten = (seed: number): Fact => ({ kind: 'forgotten', key: requestOf(seed).key })
export const cursor = (block: number, seed = block): Fact => ({
  kind: 'cursor',
  block,
  hash: hash(seed),
})
export const transaction = (seed: number): Fact => ({
  kind: 'transaction',
  hash: hash(seed),
  serialized: bytes<Hex>(seed, 5_000),
})
export const finalBlock = (seed: number, ...confirmedBy: readonly string[]): Fact => ({
  kind: 'final-block',
  block: {
    hash: hash(seed),
    slot: seed,
    receiptsRoot: hash(seed + 1),
    confirmedBy,
    contract: address(1),
    receipts: [{ place: 3, firstLog: 7, path: [bytes<Hex>(seed, 400), bytes<Hex>(seed, 90)] }],
  },
})
export const contracts = (exitBus: number, consensus: number): Fact => ({
  kind: 'contracts',
  exitBus: address(exitBus),
  consensus: address(consensus),
})
export const intended = (index: number, at: number, isFirst = false): Fact => ({
  kind: 'offer-intended',
  at,
  validator: validator(index),
  ...(isFirst && { isFirst }),
})
export const answered = (
  index: number,
  at: number,
  accepted: boolean,
  answers: readonly string[] = [`node: ${accepted ? 200 : 400}`],
): Fact => ({
  kind: 'offer-answered',
  at,
  validator: validator(index),
  accepted,
  answers,
})
export const sighted = (
  index: number,
  at: number,
  what: 'active' | 'exiting' | 'settled',
): Fact => ({ kind: 'sighting', at, validator: validator(index), seen: what })

/** One of everything, and an exit that a reorg took out again. */
export const STORY: readonly Fact[] = [
  contracts(1, 2),
  contracts(1, 3),
  contracts(4, 3),
  contracts(1, 2),
  seen(1),
  seen(2),
  transaction(1),
  transaction(2),
  intended(7, 10),
  answered(7, 11, false),
  intended(7, 20),
  answered(7, 21, true),
  intended(8, 22),
  sighted(7, 30, 'exiting'),
  sighted(7, 40, 'active'),
  intended(7, 50),
  answered(7, 51, true),
  answered(8, 52, true),
  sighted(8, 60, 'settled'),
  cursor(100),
  cursor(200),
]

/** A folder of its own, gone after the test. */
export function createFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'journal-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

export type OpenJournal = Journal & {
  readonly problems: readonly string[]
  readonly recoveries: readonly string[]
  /** ms that pass for it. */
  wait(milliseconds: number): void
}

/** A journal that is closed after the test, with what it says. */
export function open(file: string | undefined, more: Partial<JournalOptions> = {}): OpenJournal {
  const problems: string[] = []
  const recoveries: string[] = []
  let time = NOON
  const journal = openJournal({
    file,
    identity: IDENTITY,
    now: () => time,
    onProblem: (message) => problems.push(message),
    onRecovery: (message) => recoveries.push(message),
    ...more,
  })
  onTestFinished(() => journal.close())
  return Object.assign(journal, {
    problems,
    recoveries,
    wait(milliseconds: number) {
      time += milliseconds
    },
  })
}

/** Another program on the same file, which is `disk` to it. */
export function openWithSqlite(file: string): Connection {
  const database = openDatabase(file, 'write')
  onTestFinished(database.close)
  return database
}

export const filesOf = (folder: string) => (existsSync(folder) ? readdirSync(folder).sort() : [])
