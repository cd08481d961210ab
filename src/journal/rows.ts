import type { Address, Bytes32, Hex, ValidatorIndex } from '../lib/primitives.ts'
import type { ExitRequest } from '../requests/exit-request.ts'
import { type HistoryFact, keptAnswers } from '../requests/facts.ts'
import type { Coverage } from '../requests/scope.ts'
import type { Cell } from './connection.ts'

/** In the order of the table `request`: each field has a column, in snake case. */
const REQUEST_FIELDS = [
  'key',
  'seenAt',
  'chainId',
  'exitBus',
  'blockNumber',
  'blockHash',
  'transactionHash',
  'logIndex',
  'moduleId',
  'operatorId',
  'validatorIndex',
  'pubkey',
  'timestamp',
  'logged',
] as const

const toColumn = (field: string) => field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

/** Columns of each table of facts, in the order of the digest that stands behind them. */
export const COLUMNS = {
  request: REQUEST_FIELDS.map(toColumn),
  signed_transaction: ['hash', 'serialized'],
  final_block: ['hash', 'content'],
  contract: ['role', 'address'],
  history: ['validator_index', 'at', 'what', 'answers'],
  cursor: ['block', 'hash', 'coverage'],
  unread: ['from_block', 'to_block', 'reason', 'hosts'],
}
export type Table = keyof typeof COLUMNS

/** The schema version that added a table or a column; the others are as old as the first. */
export const ADDED_IN: Readonly<Record<string, number>> = {
  'history.answers': 2,
  'cursor.hash': 2,
  unread: 3,
  'cursor.coverage': 4,
  final_block: 5,
  'request.logged': 5,
}

export type Rows = {
  readonly request: readonly Cell[]
  readonly signed_transaction: [hash: Bytes32, serialized: Hex]
  /** `content` is JSON. */
  readonly final_block: [hash: Bytes32, content: string]
  readonly contract: [role: 'exit-bus' | 'consensus', address: Address]
  /** `answers` is JSON: text with half a character in it would not come back as it was. */
  readonly history: [validator: ValidatorIndex, at: number, what: string, answers?: string]
  /** `hash` is empty where no node told it. */
  readonly cursor: [block: number, hash?: Bytes32 | '', coverage?: string]
  /** `hosts` is JSON. */
  readonly unread: [fromBlock: number, toBlock: number, reason: string, hosts: string]
}

export function toRequestRow(seenAt: number, request: ExitRequest): Rows['request'] {
  const { timestamp, blockNumber } = request.logged ?? {}
  const logged = timestamp === undefined ? '' : JSON.stringify([timestamp, blockNumber])
  const cells = { ...request, seenAt, chainId: String(request.chainId), logged }
  return REQUEST_FIELDS.map((field) => cells[field])
}

export function toRequestFact(row: Rows['request']) {
  const cells = Object.fromEntries(REQUEST_FIELDS.map((field, at) => [field, row[at]]))
  const { seenAt, chainId, logged, ...request } = cells
  const [timestamp, blockNumber] = logged ? JSON.parse(String(logged)) : []
  return {
    kind: 'request' as const,
    at: seenAt as number,
    request: {
      ...request,
      chainId: BigInt(String(chainId)),
      ...(logged ? { logged: { timestamp, blockNumber } } : {}),
    } as ExitRequest,
  }
}

export const toHistoryRow = (fact: HistoryFact): Rows['history'] => [
  fact.validator,
  fact.at,
  whatOf(fact),
  JSON.stringify(fact.kind === 'offer-answered' ? keptAnswers(fact.answers) : []),
]

function whatOf(fact: HistoryFact) {
  if (fact.kind === 'sighting') return fact.seen
  if (fact.kind === 'offer-intended') return fact.isFirst ? 'begun' : 'intended'
  return fact.accepted ? 'accepted' : 'refused'
}

export function toHistoryFact([validator, at, what, answers = '[]']: Rows['history']): HistoryFact {
  if (what === 'begun') return { kind: 'offer-intended', at, validator, isFirst: true }
  if (what === 'intended') return { kind: 'offer-intended', at, validator }
  if (what === 'accepted' || what === 'refused') {
    const accepted = what === 'accepted'
    return { kind: 'offer-answered', at, validator, accepted, answers: JSON.parse(answers) }
  }
  return { kind: 'sighting', at, validator, seen: what as 'active' | 'exiting' | 'settled' }
}

/** JSON: the lowest block, and pairs of a module and its operators. */
export const fromCoverage = (coverage: Coverage | undefined): string =>
  coverage === undefined ? '' : JSON.stringify([coverage.from, [...coverage.scope]])

export function toCoverage(text = ''): Coverage | undefined {
  if (text === '') return undefined
  const [from, scope] = JSON.parse(text)
  return { from, scope: new Map(scope) }
}
