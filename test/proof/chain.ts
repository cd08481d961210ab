import {
  AbiCoder,
  concat,
  id,
  keccak256,
  SigningKey,
  Transaction,
  type TransactionLike,
  toBeHex,
  ZeroAddress,
} from 'ethers'
import { consensusAbi, delegateAbi, exitBusAbi, safeAbi, TOPICS } from '../../src/execution/abi.ts'
import type {
  Address,
  Bytes32,
  Hex,
  ModuleId,
  OperatorId,
  Pubkey,
  ValidatorIndex,
} from '../../src/lib/primitives.ts'
import type { Trust } from '../../src/proof/judge.ts'
import { serializeBody } from '../../src/proof/transaction-body.ts'
import type { ExitRequest, RequestKey } from '../../src/requests/exit-request.ts'

/** A made-up chain: contracts, oracle members, and what they sign. Nothing here is a node. */
export const CHAIN_ID = 560_048n
const named = <T extends Hex>(name: string, bytes: number) => id(name).slice(0, 2 + bytes * 2) as T
export const EXIT_BUS = named<Address>('exit bus', 20)
export const CONSENSUS = named<Address>('consensus', 20)
export const ELSEWHERE = named<Address>('elsewhere', 20)
export const DELEGATE = named<Address>('delegate contract', 20)
const EVENT_BLOCK = 1_000_000

const keyOf = (name: string) => new SigningKey(id(name))
export const addressOf = (name: string): Address => signed(name, {}).from.toLowerCase() as Address

export type Signed = {
  readonly hash: Bytes32
  readonly from: Address
  readonly serialized: Hex
  /** As a node gives it. */
  readonly body: Readonly<Record<string, unknown>>
}

let nonce = 0

/** Signs a transaction, of type 2 unless told otherwise. */
export function signed(who: string, fields: TransactionLike): Signed {
  nonce += 1
  const transaction = Transaction.from({
    type: 2,
    chainId: CHAIN_ID,
    nonce,
    gasLimit: 1_000_000,
    ...(fields.type === 0 || fields.type === 1
      ? { gasPrice: 7 }
      : { maxFeePerGas: 9, maxPriorityFeePerGas: 1 }),
    to: ELSEWHERE,
    value: 0,
    ...fields,
  })
  transaction.signature = keyOf(who).sign(transaction.unsignedHash)
  return toSigned(transaction)
}

function toSigned(transaction: Transaction): Signed {
  return {
    hash: transaction.hash as Bytes32,
    from: String(transaction.from).toLowerCase() as Address,
    serialized: transaction.serialized as Hex,
    body: toBody(transaction),
  }
}

const quantity = (value: bigint | number) => `0x${value.toString(16)}`

/** EIP-155, or 27 and 28 where no chain id is signed. */
const legacyV = (chainId: bigint, yParity: number) =>
  (chainId === 0n ? 27n : 35n + 2n * chainId) + BigInt(yParity)

/** `eth_getTransactionByHash`, in the words of go-ethereum. */
function toBody(transaction: Transaction): Readonly<Record<string, unknown>> {
  const { signature, type } = transaction
  if (signature === null || type === null) throw new Error('not signed')
  const parity = quantity(signature.yParity)
  return {
    type: quantity(type),
    hash: transaction.hash,
    from: transaction.from,
    nonce: quantity(transaction.nonce),
    gas: quantity(transaction.gasLimit),
    gasPrice: quantity(transaction.gasPrice ?? 0n),
    to: transaction.to,
    value: quantity(transaction.value),
    input: transaction.data,
    r: quantity(BigInt(signature.r)),
    s: quantity(BigInt(signature._s)),
    v: type === 0 ? quantity(legacyV(transaction.chainId, signature.yParity)) : parity,
    ...(type === 0 ? {} : { yParity: parity, chainId: quantity(transaction.chainId) }),
    ...(type === 0 ? {} : { accessList: transaction.accessList }),
    ...(type < 2
      ? {}
      : {
          maxFeePerGas: quantity(transaction.maxFeePerGas ?? 0n),
          maxPriorityFeePerGas: quantity(transaction.maxPriorityFeePerGas ?? 0n),
        }),
    ...(type === 3
      ? {
          maxFeePerBlobGas: quantity(transaction.maxFeePerBlobGas ?? 0n),
          blobVersionedHashes: transaction.blobVersionedHashes,
        }
      : {}),
    ...(type === 4
      ? {
          authorizationList: transaction.authorizationList?.map((entry) => ({
            chainId: quantity(entry.chainId),
            address: entry.address,
            nonce: quantity(entry.nonce),
            yParity: quantity(entry.signature.yParity),
            r: quantity(BigInt(entry.signature.r)),
            s: quantity(BigInt(entry.signature.s)),
          })),
        }
      : {}),
  }
}

/**
 * The same transaction with the other `s` and yParity: a signature of the same signer that anybody
 * can make, and that the chain refuses (EIP-2).
 */
export function withHighS({ body, from }: Signed): Signed {
  const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n
  const isLegacy = body.type === '0x0'
  const v = BigInt(String(body.v))
  const parity = isLegacy ? (v - 35n) % 2n : v
  const other = quantity(isLegacy ? v + 1n - 2n * parity : 1n - parity)
  const s = quantity(order - BigInt(String(body.s)))
  const changed = { ...body, s, v: other, yParity: other }
  const bytes = serializeBody(changed, CHAIN_ID)
  if (bytes.kind !== 'serialized') throw new Error(bytes.kind)
  const serialized = bytes.candidates[isLegacy ? 0 : Number(1n - parity)] as Hex
  return { hash: keccak256(serialized) as Bytes32, from, serialized, body: changed }
}

export type ExitRecord = Pick<ExitRequest, 'moduleId' | 'operatorId' | 'validatorIndex' | 'pubkey'>

export const exitRecord = (number: number, changes: Partial<Record<string, number>> = {}) =>
  ({
    moduleId: 1 as ModuleId,
    operatorId: 7 as OperatorId,
    validatorIndex: (1_000 + number) as ValidatorIndex,
    pubkey: `0x${id(`pubkey ${number}`).slice(2).padEnd(96, '5')}` as Pubkey,
    ...changes,
  }) as ExitRecord

/** Records as a report's data, in data format 1 or 2. */
export const encodeRecords = (records: readonly ExitRecord[], format = 1): Hex =>
  concat(
    records.flatMap(({ moduleId, operatorId, validatorIndex, pubkey }) => [
      toBeHex(moduleId, 3),
      toBeHex(operatorId, 5),
      toBeHex(validatorIndex, 8),
      ...(format === 2 ? [toBeHex(3, 8)] : []),
      pubkey,
    ]),
  ) as Hex

export type Report = {
  readonly consensusVersion: number
  readonly refSlot: number
  readonly requestsCount: number
  readonly dataFormat: number
  readonly data: Hex
}

export const reportOf = (
  records: readonly ExitRecord[],
  changes: Partial<Report> = {},
): Report => ({
  consensusVersion: 2,
  refSlot: 5_300_159,
  requestsCount: records.length,
  dataFormat: 1,
  data: encodeRecords(records, changes.dataFormat),
  ...changes,
})

/** keccak256 of the struct, in the test's own words. */
export const hashOf = (report: Report): Bytes32 =>
  keccak256(
    AbiCoder.defaultAbiCoder().encode(
      ['tuple(uint256,uint256,uint256,uint256,bytes)'],
      [Object.values(report)],
    ),
  ) as Bytes32

export const submitReportData = (report: Report): Hex =>
  exitBusAbi.encodeFunctionData('submitReportData', [report, 2]) as Hex
export const submitExitRequestsData = (data: Hex, dataFormat = 1): Hex =>
  exitBusAbi.encodeFunctionData('submitExitRequestsData', [{ data, dataFormat }]) as Hex
export const submitReport = (report: Report): Hex => submitHash(report.refSlot, hashOf(report))
const submitHash = (refSlot: number, hash: Bytes32): Hex =>
  consensusAbi.encodeFunctionData('submitReport', [refSlot, hash, 2]) as Hex
export const execute = (target: Address, data: Hex): Hex =>
  delegateAbi.encodeFunctionData('execute', [target, data]) as Hex

/** What a Safe's owners had it do, sent by whoever pays. */
export const execTransaction = (to: Address, data: Hex, operation = 0): Hex =>
  safeAbi.encodeFunctionData('execTransaction', [
    to,
    0,
    data,
    operation,
    0,
    0,
    0,
    ZeroAddress,
    ZeroAddress,
    `0x${'12'.repeat(65)}`,
  ]) as Hex

export type RawLog = Readonly<Record<string, unknown>>

export const consensusReached = (
  report: Bytes32,
  transactionHash: Bytes32,
  changes: RawLog = {},
): RawLog => ({
  address: CONSENSUS,
  topics: [TOPICS.consensusReached, toBeHex(5_300_159, 32)],
  data: concat([report, toBeHex(5, 32)]),
  blockNumber: quantity(EVENT_BLOCK - 10),
  transactionHash,
  removed: false,
  ...changes,
})

export const reportReceived = (
  report: Bytes32,
  member: Address,
  transactionHash: Bytes32,
): RawLog => ({
  address: CONSENSUS,
  topics: [TOPICS.reportReceived, toBeHex(5_300_159, 32), concat([`0x${'0'.repeat(24)}`, member])],
  data: report,
  blockNumber: quantity(EVENT_BLOCK - 12),
  transactionHash,
})

export const requestOf = (record: ExitRecord, transactionHash: Bytes32): ExitRequest => ({
  key: `${transactionHash}:${record.pubkey}` as RequestKey,
  chainId: CHAIN_ID,
  exitBus: EXIT_BUS,
  blockNumber: EVENT_BLOCK,
  blockHash: id('block') as Bytes32,
  transactionHash,
  logIndex: 0,
  timestamp: 1_700_000_000,
  ...record,
})

export const trustOf = (changes: Partial<Trust> = {}): Trust => ({
  chainId: CHAIN_ID,
  exitBuses: [EXIT_BUS],
  consensusContracts: [CONSENSUS],
  allowlist: new Set(['member 1', 'member 2', 'member 3'].map(addressOf)),
  quorum: 1,
  transactionAllowlist: new Set(),
  ...changes,
})
