import { keccak256 } from 'ethers/crypto'
import { toBeHex } from 'ethers/utils'
import * as v from 'valibot'
import { bytes32, hexData, parsedBy } from '../lib/parsed-by.ts'
import {
  type Address,
  type Hex,
  type ModuleId,
  type OperatorId,
  type Pubkey,
  parseAddress,
  type ValidatorIndex,
} from '../lib/primitives.ts'
import type { ExitRequest, RequestKey } from '../requests/exit-request.ts'
import { EVERY_MODULE } from '../requests/scope.ts'
import { TOPICS } from './abi.ts'
import type { LogFilter } from './execution-node.ts'

/** One question to a node: the exit requests of some operators of one module in a block range. */
export type ExitLogQuery = {
  readonly chainId: bigint
  /** At least one: that of now, and those that were it before. */
  readonly exitBuses: readonly Address[]
  /** `EVERY_MODULE`: of all, whatever the operators. */
  readonly moduleId: ModuleId
  readonly operatorIds: readonly OperatorId[]
  readonly fromBlock: number
  readonly toBlock: number
}

export type ExitLogReading =
  | { readonly ok: true; readonly request: ExitRequest }
  | { readonly ok: false; readonly why: string }

/** A uint256 topic. */
export const topicOf = (value: number): Hex => toBeHex(value, 32) as Hex

/** What a node is to give for it. */
export function filterOf({
  exitBuses,
  moduleId,
  operatorIds,
  fromBlock,
  toBlock,
}: ExitLogQuery): LogFilter {
  const [only, ...others] = exitBuses
  return {
    address: only !== undefined && others.length === 0 ? only : exitBuses,
    topics: [
      TOPICS.validatorExitRequest,
      ...(moduleId === EVERY_MODULE ? [] : [topicOf(moduleId), operatorIds.map(topicOf)]),
    ],
    fromBlock,
    toBlock,
  }
}

/** Some gateways pad quantities with zeros, or give them as JSON numbers. */
const safeQuantity = v.pipe(
  v.union([v.number(), v.pipe(v.string(), v.regex(/^0x[0-9a-fA-F]{1,64}$/), v.transform(Number))]),
  v.safeInteger(),
  v.minValue(0),
)
const rawLog = v.object({
  address: parsedBy(parseAddress, 'must be an address'),
  topics: v.pipe(v.array(bytes32), v.length(4)),
  data: hexData,
  blockNumber: safeQuantity,
  blockHash: bytes32,
  transactionHash: bytes32,
  logIndex: safeQuantity,
  removed: v.optional(v.unknown()),
})

/**
 * Holds one log, as a node gave it, against what was asked for. A node may answer with anything;
 * what does not belong here is named and dropped by the caller.
 */
export function readExitLog(raw: unknown, query: ExitLogQuery): ExitLogReading {
  const parsed = v.safeParse(rawLog, raw)
  if (!parsed.success) return { ok: false, why: 'malformed log' }
  const log = parsed.output
  const [topic, ...words] = log.topics
  const [moduleId, operatorId, validatorIndex] = words.map((word) => safeNumber(BigInt(word)))
  if (log.removed === true || log.removed === 'true')
    return { ok: false, why: 'log was removed by a reorg' }
  if (!query.exitBuses.includes(log.address)) return { ok: false, why: 'log of another contract' }
  if (log.blockNumber < query.fromBlock || log.blockNumber > query.toBlock) {
    return { ok: false, why: 'log of a block outside the range' }
  }
  const isAskedFor =
    query.moduleId === EVERY_MODULE ||
    (moduleId === query.moduleId && query.operatorIds.some((id) => id === operatorId))
  if (
    topic !== TOPICS.validatorExitRequest ||
    moduleId === undefined ||
    operatorId === undefined ||
    !isAskedFor
  ) {
    return { ok: false, why: 'log with other topics' }
  }
  const body = decodeBody(log.data)
  if (validatorIndex === undefined || body === undefined) {
    return { ok: false, why: 'log data is not that of a ValidatorExitRequest' }
  }
  return {
    ok: true,
    request: {
      key: [
        query.chainId,
        log.address,
        log.blockHash,
        log.transactionHash,
        log.logIndex,
        keccak256(bytesOf([...log.topics, log.data])),
      ].join(':') as RequestKey,
      chainId: query.chainId,
      exitBus: log.address,
      blockNumber: log.blockNumber,
      blockHash: log.blockHash,
      transactionHash: log.transactionHash,
      logIndex: log.logIndex,
      moduleId: moduleId as ModuleId,
      operatorId: operatorId as OperatorId,
      validatorIndex: validatorIndex as ValidatorIndex,
      ...body,
    },
  }
}

/** Whether a log of the exit bus, as a block holds it, says what a request says. */
export function isExitEvent(
  log: { readonly topics: readonly Hex[]; readonly data: Hex },
  request: Omit<ExitRequest, 'logged'>,
): boolean {
  const { moduleId, operatorId, validatorIndex, pubkey, timestamp } = request
  const topics = [
    TOPICS.validatorExitRequest,
    ...[moduleId, operatorId, validatorIndex].map(topicOf),
  ]
  const body = decodeBody(log.data)
  return (
    log.topics.join() === topics.join() && body?.pubkey === pubkey && body.timestamp === timestamp
  )
}

/** Unix seconds of the last instant that a date can express (ECMA-262, time values). */
const LAST_TIME_S = 8_640_000_000_000 - 365 * 86_400

/**
 * ABI of `(bytes, uint256)` with 48 bytes: their offset, the time, their length, and they. Read by
 * hand, since each of tens of thousands of logs passes here twice.
 */
const BODY = /^0x0{62}40([0-9a-f]{64})0{62}30([0-9a-f]{96})0{32}/

function decodeBody(data: string) {
  const [, time, pubkey] = BODY.exec(data.toLowerCase()) ?? []
  if (time === undefined) return undefined
  const timestamp = Number(`0x${time}`)
  if (timestamp > LAST_TIME_S) return undefined
  return { pubkey: `0x${pubkey}` as Pubkey, timestamp }
}

const bytesOf = (hexes: readonly string[]) =>
  Buffer.from(hexes.map((hex) => hex.slice(2)).join(''), 'hex')

const safeNumber = (value: bigint) =>
  value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : undefined
