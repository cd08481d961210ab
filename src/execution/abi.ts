import { Interface, type Result } from 'ethers/abi'
import type { Hex } from '../lib/primitives.ts'

/**
 * The calls and events of the Lido contracts that the daemon reads or makes. Written as
 * fragments, so that they can be held against the contracts' sources line by line.
 *
 * @see https://github.com/lidofinance/core (contracts/0.8.9/oracle, contracts/common/interfaces)
 */
export const locatorAbi = new Interface([
  'function validatorsExitBusOracle() view returns (address)',
  'function stakingRouter() view returns (address)',
  'function withdrawalVault() view returns (address)',
])

/** A report of the oracle, as it is signed and as it is handed in. */
export const REPORT_DATA =
  'tuple(uint256 consensusVersion, uint256 refSlot, uint256 requestsCount, uint256 dataFormat, bytes data)'

export const exitBusAbi = new Interface([
  'function getConsensusContract() view returns (address)',
  'function getContractVersion() view returns (uint256)',
  'function getConsensusVersion() view returns (uint256)',
  `function submitReportData(${REPORT_DATA} data, uint256 contractVersion)`,
  'function submitExitRequestsData(tuple(bytes data, uint256 dataFormat) request)',
  'function triggerExits(tuple(bytes data, uint256 dataFormat) exitsData, uint256[] exitDataIndexes, address refundRecipient) payable',
  'event ValidatorExitRequest(uint256 indexed stakingModuleId, uint256 indexed nodeOperatorId, uint256 indexed validatorIndex, bytes validatorPubkey, uint256 timestamp)',
])

/** The fee of one withdrawal request by the execution layer (EIP-7002), wei. */
export const withdrawalVaultAbi = new Interface([
  'function getWithdrawalRequestFee() view returns (uint256)',
])

export const consensusAbi = new Interface([
  'function getQuorum() view returns (uint256)',
  'function getMembers() view returns (address[] addresses, uint256[] lastReportedRefSlots)',
  'function submitReport(uint256 slot, bytes32 report, uint256 consensusVersion)',
  'event ConsensusReached(uint256 indexed refSlot, bytes32 report, uint256 support)',
  'event ReportReceived(uint256 indexed refSlot, address indexed member, bytes32 report)',
])

/** The struct's first fields: newer contracts have more behind them, and the decoder leaves those. */
export const stakingRouterAbi = new Interface([
  'function getStakingModules() view returns (tuple(uint24 id, address stakingModuleAddress, uint16 stakingModuleFee, uint16 treasuryFee, uint16 stakeShareLimit, uint8 status, string name)[] modules)',
  'function getStakingModule(uint256 id) view returns (tuple(uint24 id, address stakingModuleAddress, uint16 stakingModuleFee, uint16 treasuryFee, uint16 stakeShareLimit, uint8 status, string name) module)',
])

export const stakingModuleAbi = new Interface([
  'function exitDeadlineThreshold(uint256 nodeOperatorId) view returns (uint256)',
  'function getNodeOperatorsCount() view returns (uint256)',
  'function isValidatorExitingKeyReported(bytes publicKey) view returns (bool)',
  'event ValidatorExitTriggered(uint256 indexed nodeOperatorId, bytes publicKey, uint256 withdrawalRequestPaidFee, uint256 exitType)',
  // Community modules keep what is charged for an exit in a contract of its own.
  'function EXIT_PENALTIES() view returns (address)',
  'function getNodeOperator(uint256 id, bool fullInfo) view returns (bool active, string name)',
  'function getNodeOperatorSummary(uint256 id) view returns (uint256 targetLimitMode, uint256 targetValidatorsCount, uint256 stuck, uint256 refunded, uint256 stuckPenaltyEnd, uint256 totalExited, uint256 totalDeposited, uint256 depositable)',
  // Older modules give signatures and flags behind the keys; the decoder leaves those.
  'function getSigningKeys(uint256 id, uint256 offset, uint256 limit) view returns (bytes pubkeys)',
])

/**
 * Modules whose operators post a bond, and their parameters: `…Penalty` once for a validator,
 * `…Fee` (newer contracts) for each 32 ETH of its balance, wei.
 *
 * @see https://github.com/lidofinance/community-staking-module (src/interfaces)
 */
export const bondedModuleAbi = new Interface([
  'function PARAMETERS_REGISTRY() view returns (address)',
  'function ACCOUNTING() view returns (address)',
  'function getBondCurveId(uint256 nodeOperatorId) view returns (uint256)',
  'function getExitDelayFee(uint256 curveId) view returns (uint256)',
  'function getExitDelayPenalty(uint256 curveId) view returns (uint256)',
])

/** Each value with whether it is one: a fee of zero is a fee. */
export const exitPenaltiesAbi = new Interface([
  'function getExitPenaltyInfo(uint256 nodeOperatorId, bytes publicKey) view returns (tuple(uint248 delayFee, bool isDelayed, uint248 strikesPenalty, bool isStruck, uint248 withdrawalRequestFee, bool isTriggered) info)',
])

/** A contract that is an oracle member, and lets a delegate's key sign for it. */
export const delegateAbi = new Interface([
  'function execute(address target, bytes data)',
  'function getDelegate() view returns (address)',
  'function delegatee() view returns (address)',
  'function getPendingDelegate() view returns (address delegate, uint256 activeFrom)',
])

/** A Safe, through which an exit may be requested directly. Operation 0 is a call. */
export const safeAbi = new Interface([
  'function execTransaction(address to, uint256 value, bytes data, uint8 operation, uint256 safeTxGas, uint256 baseGas, uint256 gasPrice, address gasToken, address refundReceiver, bytes signatures) payable returns (bool success)',
])

const selector = (abi: Interface, name: string): Hex => {
  const fragment = abi.getFunction(name)
  if (fragment === null) throw new Error(`no function ${name} in this ABI`)
  return fragment.selector as Hex
}
const topic = (abi: Interface, name: string): Hex => {
  const fragment = abi.getEvent(name)
  if (fragment === null) throw new Error(`no event ${name} in this ABI`)
  return fragment.topicHash as Hex
}

/** 4 bytes each: the first bytes of the calldata. */
export const SELECTORS = {
  validatorsExitBusOracle: selector(locatorAbi, 'validatorsExitBusOracle'),
  withdrawalVault: selector(locatorAbi, 'withdrawalVault'),
  getConsensusContract: selector(exitBusAbi, 'getConsensusContract'),
  execute: selector(delegateAbi, 'execute'),
  execTransaction: selector(safeAbi, 'execTransaction'),
  submitReport: selector(consensusAbi, 'submitReport'),
  submitReportData: selector(exitBusAbi, 'submitReportData'),
  submitExitRequestsData: selector(exitBusAbi, 'submitExitRequestsData'),
} as const

/** 32 bytes each: the first topic of the event. */
export const TOPICS = {
  validatorExitRequest: topic(exitBusAbi, 'ValidatorExitRequest'),
  consensusReached: topic(consensusAbi, 'ConsensusReached'),
  reportReceived: topic(consensusAbi, 'ReportReceived'),
  validatorExitTriggered: topic(stakingModuleAbi, 'ValidatorExitTriggered'),
} as const

/** `0x` and 8 digits; shorter for calldata that has no selector. */
export const selectorOf = (input: Hex): Hex => input.slice(0, 10).toLowerCase() as Hex

/**
 * The arguments of a call, or `undefined` where the calldata does not decode. ethers decodes late,
 * and throws when a bad argument is looked at: hence a look at all of them.
 */
export const decodeInput = (abi: Interface, name: string, input: Hex): Result | undefined =>
  orUndefined(() => {
    const args = abi.decodeFunctionData(name, input)
    args.toArray(true)
    return args
  })

/** What a call returned, or `undefined` where that does not decode. */
export const decodeOutput = (abi: Interface, name: string, output: Hex): Result | undefined =>
  orUndefined(() => abi.decodeFunctionResult(name, output))

/** What is not ethers' own finding about the bytes is a fault, and no verdict on them. */
function orUndefined(decode: () => Result): Result | undefined {
  try {
    return decode()
  } catch (error) {
    // What fails only when it is looked at is wrapped once more.
    const { code, error: cause } = error as { readonly code?: unknown; readonly error?: unknown }
    const inner = (cause as { readonly code?: unknown } | undefined)?.code
    if (typeof code === 'string' || typeof inner === 'string') return undefined
    throw error
  }
}
