import type {
  Address,
  Bytes32,
  ModuleId,
  OperatorId,
  Pubkey,
  ValidatorIndex,
} from '../lib/primitives.ts'
import type { ExitRequest, RequestKey } from '../requests/exit-request.ts'
import { type HistoryFact, keptAnswers } from '../requests/facts.ts'
import type { Coverage } from '../requests/scope.ts'

/** A request as a row of the table `request`, in the order of its columns. */
export type RequestRow = [
  key: RequestKey,
  seenAt: number,
  chainId: string,
  exitBus: Address,
  blockNumber: number,
  blockHash: Bytes32,
  transactionHash: Bytes32,
  logIndex: number,
  moduleId: ModuleId,
  operatorId: OperatorId,
  validatorIndex: ValidatorIndex,
  pubkey: Pubkey,
  timestamp: number,
]

/** `what` in the table `history`. */
export type Happening =
  | 'begun'
  | 'intended'
  | 'accepted'
  | 'refused'
  | 'active'
  | 'exiting'
  | 'settled'

function happening(fact: HistoryFact): Happening {
  if (fact.kind === 'sighting') return fact.seen
  if (fact.kind === 'offer-intended') return fact.isFirst ? 'begun' : 'intended'
  return fact.accepted ? 'accepted' : 'refused'
}

/** What happened to a validator as a row of the table `history`, in the order of its columns. */
export type HistoryRow = [
  validator: ValidatorIndex,
  at: number,
  what: Happening,
  /** JSON: text with half a character in it would not come back as it was. */
  answers: string,
]

export const toHistoryRow = (fact: HistoryFact): HistoryRow => [
  fact.validator,
  fact.at,
  happening(fact),
  JSON.stringify(fact.kind === 'offer-answered' ? keptAnswers(fact.answers) : []),
]

export function toHistoryFact([validator, at, what, answers]: HistoryRow): HistoryFact {
  if (what === 'begun') return { kind: 'offer-intended', at, validator, isFirst: true }
  if (what === 'intended') return { kind: 'offer-intended', at, validator }
  if (what === 'accepted' || what === 'refused') {
    const accepted = what === 'accepted'
    return { kind: 'offer-answered', at, validator, accepted, answers: JSON.parse(answers) }
  }
  return { kind: 'sighting', at, validator, seen: what }
}

export const toRow = (seenAt: number, request: ExitRequest): RequestRow => [
  request.key,
  seenAt,
  String(request.chainId),
  request.exitBus,
  request.blockNumber,
  request.blockHash,
  request.transactionHash,
  request.logIndex,
  request.moduleId,
  request.operatorId,
  request.validatorIndex,
  request.pubkey,
  request.timestamp,
]

export const toRequest = (row: RequestRow): ExitRequest => ({
  key: row[0],
  chainId: BigInt(row[2]),
  exitBus: row[3],
  blockNumber: row[4],
  blockHash: row[5],
  transactionHash: row[6],
  logIndex: row[7],
  moduleId: row[8],
  operatorId: row[9],
  validatorIndex: row[10],
  pubkey: row[11],
  timestamp: row[12],
})

/** JSON: the lowest block, and pairs of a module and its operators. */
export const fromCoverage = (coverage: Coverage | undefined): string =>
  coverage === undefined ? '' : JSON.stringify([coverage.from, [...coverage.scope]])

/** @param text - absent where the table has no such column */
export function toCoverage(text: string | undefined): Coverage | undefined {
  if (text === undefined || text === '') return undefined
  const [from, scope] = JSON.parse(text)
  return { from, scope: new Map(scope) }
}
