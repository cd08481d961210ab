import { AbiCoder, concat, getBytes, Interface, keccak256, toBeHex } from 'ethers'
import type { Hex } from '../../src/lib/primitives.ts'

/**
 * What the Lido contracts take and emit, written from their Solidity signatures: ethers derives
 * selectors and topics, so that nothing here repeats a constant of `src`.
 */
export const LOCATOR_ABI = new Interface([
  'function validatorsExitBusOracle() view returns (address)',
  'function stakingRouter() view returns (address)',
  'function withdrawalVault() view returns (address)',
])
export const WITHDRAWAL_VAULT_ABI = new Interface([
  'function getWithdrawalRequestFee() view returns (uint256)',
])
export const EXIT_BUS_ABI = new Interface([
  'function getConsensusContract() view returns (address)',
  'function getContractVersion() view returns (uint256)',
  'function getConsensusVersion() view returns (uint256)',
  'function submitReportData(tuple(uint256 consensusVersion, uint256 refSlot, uint256 requestsCount, uint256 dataFormat, bytes data) data, uint256 contractVersion)',
  'function submitExitRequestsData(tuple(bytes data, uint256 dataFormat) request)',
  'event ValidatorExitRequest(uint256 indexed stakingModuleId, uint256 indexed nodeOperatorId, uint256 indexed validatorIndex, bytes validatorPubkey, uint256 timestamp)',
])
export const CONSENSUS_ABI = new Interface([
  'function submitReport(uint256 slot, bytes32 report, uint256 consensusVersion)',
  'function getMembers() view returns (address[] addresses, uint256[] lastReportedRefSlots)',
  'function getQuorum() view returns (uint256)',
  'event ReportReceived(uint256 indexed refSlot, address indexed member, bytes32 report)',
  'event ConsensusReached(uint256 indexed refSlot, bytes32 report, uint256 support)',
])
/** A contract that is the oracle member, and lets one account act for it. */
export const DELEGATE_ABI = new Interface([
  'function execute(address target, bytes data)',
  'function getDelegate() view returns (address)',
  'function getPendingDelegate() view returns (address delegate, uint256 activeFrom)',
])
const MODULE_TUPLE =
  'tuple(uint24 id, address stakingModuleAddress, uint16 stakingModuleFee, uint16 treasuryFee, uint16 stakeShareLimit, uint8 status, string name, uint64 lastDepositAt, uint256 lastDepositBlock, uint256 exitedValidatorsCount, uint16 priorityExitShareThreshold, uint64 maxDepositsPerBlock, uint64 minDepositBlockDistance)'
export const STAKING_ROUTER_ABI = new Interface([
  `function getStakingModules() view returns (${MODULE_TUPLE}[])`,
  `function getStakingModule(uint256 id) view returns (${MODULE_TUPLE})`,
])
export const MODULE_ABI = new Interface([
  'function isValidatorExitingKeyReported(bytes publicKey) view returns (bool)',
  'event ValidatorExitTriggered(uint256 indexed nodeOperatorId, bytes publicKey, uint256 withdrawalRequestPaidFee, uint256 exitType)',
  'function exitDeadlineThreshold(uint256 nodeOperatorId) view returns (uint256)',
  'function getNodeOperatorsCount() view returns (uint256)',
  'function getNodeOperatorSummary(uint256 id) view returns (uint256 targetLimitMode, uint256 targetValidatorsCount, uint256 stuckValidatorsCount, uint256 refundedValidatorsCount, uint256 stuckPenaltyEndTimestamp, uint256 totalExitedValidators, uint256 totalDepositedValidators, uint256 depositableValidatorsCount)',
  'function getSigningKeys(uint256 id, uint256 offset, uint256 limit) view returns (bytes pubkeys, bytes signatures, bool[] used)',
  'function getNodeOperator(uint256 id, bool fullInfo) view returns (bool active, string name, address rewardAddress, uint64 totalVettedValidators, uint64 totalExitedValidators, uint64 totalAddedValidators, uint64 totalDepositedValidators)',
])
/** Modules with bonds; the contracts behind them answer at the same address here. */
export const BONDED_MODULE_ABI = new Interface([
  'function PARAMETERS_REGISTRY() view returns (address)',
  'function ACCOUNTING() view returns (address)',
  'function getBondCurveId(uint256 nodeOperatorId) view returns (uint256)',
  'function getExitDelayFee(uint256 curveId) view returns (uint256)',
  'function getExitDelayPenalty(uint256 curveId) view returns (uint256)',
])
/** Community modules give the keys alone. */
export const KEYS_ALONE_ABI = new Interface([
  'function EXIT_PENALTIES() view returns (address)',
  'function getSigningKeys(uint256 id, uint256 offset, uint256 limit) view returns (bytes)',
])

/** What a community module charges for an exit, each value with whether it is one. */
export const PENALTIES_ABI = new Interface([
  'function getExitPenaltyInfo(uint256 nodeOperatorId, bytes publicKey) view returns (tuple(tuple(uint248 value, bool isValue) delayFee, tuple(uint248 value, bool isValue) strikesPenalty, tuple(uint248 value, bool isValue) withdrawalRequestFee))',
])

/** What the protocol asks for: one validator, named by operator, index and key. */
export type SimExitRequest = {
  readonly moduleId: number
  readonly operatorId: number
  readonly validatorIndex: number
  readonly pubkey: string
  /** Only in format 2. */
  readonly keyIndex?: number
}

export type RawLog = { readonly address: Hex; readonly topics: readonly Hex[]; readonly data: Hex }

export type ReportStruct = {
  readonly consensusVersion: bigint
  readonly refSlot: bigint
  readonly requestsCount: bigint
  readonly dataFormat: bigint
  readonly data: Hex
}

/** Everything before the public key; records ascend on it. */
const recordHead = (request: SimExitRequest, format: number) =>
  concat([
    toBeHex(request.moduleId, 3),
    toBeHex(request.operatorId, 5),
    toBeHex(request.validatorIndex, 8),
    ...(format === 2 ? [toBeHex(request.keyIndex ?? 0, 8)] : []),
  ])

export function sortRequests(requests: readonly SimExitRequest[], format = 1): SimExitRequest[] {
  return requests
    .map((request) => ({ request, head: recordHead(request, format) }))
    .sort((a, b) => (a.head < b.head ? -1 : 1))
    .map(({ request }) => request)
}

/** Format 1: 64 bytes a record. Format 2: 72, with the key index before the public key. */
export const encodeRecords = (requests: readonly SimExitRequest[], format = 1): Hex =>
  concat(requests.flatMap((one) => [recordHead(one, format), one.pubkey])) as Hex

const REPORT_TUPLE = 'tuple(uint256,uint256,uint256,uint256,bytes)'
const reportValues = (report: ReportStruct) => [
  report.consensusVersion,
  report.refSlot,
  report.requestsCount,
  report.dataFormat,
  getBytes(report.data),
]

/** What the members sign: keccak256 of the ABI-encoded struct. */
export const reportHash = (report: ReportStruct): Hex =>
  keccak256(AbiCoder.defaultAbiCoder().encode([REPORT_TUPLE], [reportValues(report)])) as Hex

export const encodeSubmitReportData = (report: ReportStruct, contractVersion = 2n): Hex =>
  EXIT_BUS_ABI.encodeFunctionData('submitReportData', [
    reportValues(report),
    contractVersion,
  ]) as Hex

export const encodeSubmitReport = (refSlot: bigint, hash: string, version = 2n): Hex =>
  CONSENSUS_ABI.encodeFunctionData('submitReport', [refSlot, hash, version]) as Hex

export const encodeSubmitExitRequestsData = (data: string, format: number | bigint): Hex =>
  EXIT_BUS_ABI.encodeFunctionData('submitExitRequestsData', [[data, format]]) as Hex

export const encodeExecute = (target: string, data: string): Hex =>
  DELEGATE_ABI.encodeFunctionData('execute', [target, data]) as Hex

const eventLog = (abi: Interface, name: string, address: string, values: unknown[]): RawLog =>
  ({ address, ...abi.encodeEventLog(name, values) }) as RawLog

/** @param timestamp - unix seconds */
export const exitRequestLog = (exitBus: string, request: SimExitRequest, timestamp: number) =>
  eventLog(EXIT_BUS_ABI, 'ValidatorExitRequest', exitBus, [
    request.moduleId,
    request.operatorId,
    request.validatorIndex,
    request.pubkey,
    timestamp,
  ])

export const reportReceivedLog = (
  consensus: string,
  refSlot: bigint,
  member: string,
  hash: string,
) => eventLog(CONSENSUS_ABI, 'ReportReceived', consensus, [refSlot, member, hash])

export const consensusReachedLog = (
  consensus: string,
  refSlot: bigint,
  hash: string,
  support: number,
) => eventLog(CONSENSUS_ABI, 'ConsensusReached', consensus, [refSlot, hash, support])
