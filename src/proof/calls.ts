import { AbiCoder } from 'ethers/abi'
import { keccak256 } from 'ethers/crypto'
import {
  consensusAbi,
  decodeInput,
  delegateAbi,
  exitBusAbi,
  REPORT_DATA,
  SELECTORS,
  safeAbi,
  selectorOf,
} from '../execution/abi.ts'
import type { Address, Bytes32, Hex } from '../lib/primitives.ts'
import type { ProofReasonCode } from './reasons.ts'
import { decodeRecords, type ReportRecords } from './report-data.ts'
import type { CheckedTransaction } from './transaction.ts'

/** Why a transaction proves nothing, whatever else is known. */
type Refusal = {
  readonly kind: 'refusal'
  readonly code: ProofReasonCode
  readonly expected: string
  readonly actual: string
}

/** `submitReportData`: a report that oracle members voted for. */
export type ReportCall = {
  readonly kind: 'report'
  readonly target: Address | undefined
  /** What the votes carry. */
  readonly report: Bytes32
  readonly refSlot: bigint
  readonly records: ReportRecords
}

/** `submitExitRequestsData`: requests outside of a report. */
export type DirectCall = {
  readonly kind: 'direct'
  readonly target: Address | undefined
  readonly records: ReportRecords
}

/** `submitReport`: the vote of one oracle member for a report. */
type VoteCall = {
  readonly kind: 'vote'
  readonly target: Address | undefined
  readonly report: Bytes32
}

export type Call = ReportCall | DirectCall | VoteCall | Refusal

/**
 * What a transaction asks of the protocol: directly, through the `execute` of a delegated oracle
 * member, or, for a direct request, through a Safe. Decoded once for each transaction: 500 requests share one report.
 */
export function readCall(transaction: CheckedTransaction): Call {
  const known = calls.get(transaction)
  if (known !== undefined) return known
  const call = decodeCall(transaction)
  calls.set(transaction, call)
  return call
}
const calls = new WeakMap<CheckedTransaction, Call>()

const EXPECTED_CALL = 'a call of a report, a vote or an exit request'

function decodeCall({ to, input }: CheckedTransaction): Call {
  if (selectorOf(input) === SELECTORS.execTransaction) return decodeSafe(input)
  if (selectorOf(input) !== SELECTORS.execute) return decodeInner(to, input)
  const args = decodeInput(delegateAbi, 'execute', input)
  if (args === undefined) return badCalldata('execute')
  const target = String(args.target).toLowerCase() as Address
  const inner = args.data as Hex
  return selectorOf(inner) === SELECTORS.execute
    ? refuse('nested-execute', `${EXPECTED_CALL} inside execute`, 'another execute')
    : decodeInner(target, inner)
}

/** Who signs for a Safe is not told by the transaction's signer: its hash must be listed. */
function decodeSafe(input: Hex): Call {
  const args = decodeInput(safeAbi, 'execTransaction', input)
  if (args === undefined) return badCalldata('execTransaction')
  const inner = args.data as Hex
  return args.operation === 0n && selectorOf(inner) === SELECTORS.submitExitRequestsData
    ? decodeDirect(String(args.to).toLowerCase() as Address, inner)
    : refuse(
        'unknown-call',
        'submitExitRequestsData as operation 0 of a Safe',
        `operation ${args.operation}, selector ${selectorOf(inner)}`,
      )
}

function decodeInner(target: Address | undefined, input: Hex): Call {
  switch (selectorOf(input)) {
    case SELECTORS.submitReportData:
      return decodeReport(target, input)
    case SELECTORS.submitExitRequestsData:
      return decodeDirect(target, input)
    case SELECTORS.submitReport:
      return decodeVote(target, input)
    default:
      return refuse('unknown-call', EXPECTED_CALL, `selector ${selectorOf(input)}`)
  }
}

/** The hash is that of the struct encoded anew, as the contract does it. */
function decodeReport(target: Address | undefined, input: Hex): Call {
  const data = decodeInput(exitBusAbi, 'submitReportData', input)?.data
  if (data === undefined) return badCalldata('submitReportData')
  const reading = readRecords(data.data, data.dataFormat)
  if (reading.kind === 'refusal') return reading
  const { count } = reading.records
  if (data.requestsCount !== BigInt(count)) {
    return refuse('requests-count', `${count} requests`, `${data.requestsCount}`)
  }
  const encoded = AbiCoder.defaultAbiCoder().encode([REPORT_DATA], [data])
  return {
    kind: 'report',
    target,
    report: keccak256(encoded) as Bytes32,
    refSlot: data.refSlot,
    records: reading.records,
  }
}

function decodeDirect(target: Address | undefined, input: Hex): Call {
  const request = decodeInput(exitBusAbi, 'submitExitRequestsData', input)?.request
  if (request === undefined) return badCalldata('submitExitRequestsData')
  const reading = readRecords(request.data, request.dataFormat)
  return reading.kind === 'refusal' ? reading : { kind: 'direct', target, records: reading.records }
}

function decodeVote(target: Address | undefined, input: Hex): Call {
  const args = decodeInput(consensusAbi, 'submitReport', input)
  return args === undefined
    ? badCalldata('submitReport')
    : { kind: 'vote', target, report: args.report }
}

function readRecords(
  data: Hex,
  format: bigint,
): Refusal | { readonly kind: 'records'; readonly records: ReportRecords } {
  const reading = decodeRecords(data, format)
  if (reading.ok) return { kind: 'records', records: reading.records }
  return reading.fault === 'data-format'
    ? refuse('unsupported', 'data format 1 or 2', reading.why)
    : refuse('data-length', 'whole records', reading.why)
}

const badCalldata = (name: string) => refuse('bad-calldata', `arguments of ${name}`, 'other bytes')

const refuse = (code: ProofReasonCode, expected: string, actual: string): Refusal => ({
  kind: 'refusal',
  code,
  expected,
  actual,
})
