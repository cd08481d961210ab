import { concat, type Interface, type Result, type Wallet } from 'ethers'
import type { Hex } from '../../src/lib/primitives.ts'
import {
  BONDED_MODULE_ABI,
  CONSENSUS_ABI,
  DELEGATE_ABI,
  EXIT_BUS_ABI,
  KEYS_ALONE_ABI,
  LOCATOR_ABI,
  MODULE_ABI,
  PENALTIES_ABI,
  STAKING_ROUTER_ABI,
  WITHDRAWAL_VAULT_ABI,
} from './abi.ts'
import { seededWallet } from './ledger.ts'

/** One oracle member. Delegated: the member is a contract, and the wallet acts for it. */
export type SimMember = {
  readonly wallet: Wallet
  readonly contract: Hex
  delegated: boolean
  /** A delegated member whose delegate was revoked, until it names another one. */
  revoked?: boolean
  /** The delegate that follows, and the unix time in seconds from which it signs. */
  next?: { readonly delegate: Hex; readonly activeFrom: number }
}
export type SimModule = {
  readonly id: number
  readonly address: Hex
  name: string
  operatorCount: number
  /** Seconds. `undefined`: the module does not know the function, and reverts. */
  exitDeadlineSeconds: number | undefined
  /** `undefined`: the module does not know `getNodeOperator(uint256,bool)`. */
  operatorNames: Record<number, string> | undefined
  /** Keys with validators, by operator. */
  keys: Record<number, readonly string[]>
  /** `getSigningKeys` gives the keys without signatures and flags. */
  keysAlone: boolean
  /** Public keys that were proven late on chain, and that were made to exit through the execution layer. */
  readonly reportedLate: Set<string>
  readonly triggered: Set<string>
  /** Keys that one call may ask for: beyond it the gas of a call is spent. */
  maxKeys: number
  /** Wei that a late exit costs, and the generation of contracts that tells; none: no bond. */
  lateFee: { readonly wei: bigint; readonly by: 'fee' | 'penalty' } | undefined
  /** By operator: the rest is asked for without demand. */
  targets: Record<number, number>
}

const NOBODY = `0x${'0'.repeat(40)}`

/** Answers a call with bytes; `undefined` reverts. */
export type CallHandler = (data: string) => string | undefined

/** 20 bytes that follow from a word, so that a failing test shows the same addresses again. */
export const seededAddress = (seed: string): Hex => seededWallet(seed).address.toLowerCase() as Hex

export const createMember = (seed: string, delegated = false): SimMember => ({
  wallet: seededWallet(`${seed}:wallet`),
  contract: seededAddress(`${seed}:contract`),
  delegated,
})

/** The address that HashConsensus knows. */
export const memberAddress = (member: SimMember): Hex =>
  member.delegated ? member.contract : (member.wallet.address.toLowerCase() as Hex)

export const createModule = (id: number, seed: string, more: Partial<SimModule> = {}) =>
  ({
    id,
    address: seededAddress(`${seed}:module:${id}`),
    name: `module-${id}`,
    operatorCount: 40,
    exitDeadlineSeconds: 96 * 3600,
    operatorNames: {},
    keys: {},
    keysAlone: false,
    reportedLate: new Set(),
    triggered: new Set(),
    maxKeys: Infinity,
    lateFee: undefined,
    targets: {},
    ...more,
  }) satisfies SimModule

/** The contracts as they are now. All of it may be changed between two calls. */
export type Protocol = {
  locator: Hex
  exitBus: Hex
  consensus: Hex
  stakingRouter: Hex
  withdrawalVault: Hex
  /** Wei, of one exit by the execution layer. */
  withdrawalFee: bigint
  members: SimMember[]
  quorum: number
  /** Of the exit bus. */
  versions: { contract: bigint; consensus: bigint }
  modules: SimModule[]
  /** Overrides and additions, by lowercase address. */
  readonly contracts: Map<string, CallHandler>
}

type Answers = Record<string, (args: Result) => unknown[] | undefined>

/** A contract that knows these functions, and reverts on any other. */
export const contract =
  (abi: Interface, answers: Answers): CallHandler =>
  (data) => {
    const call = abi.parseTransaction({ data })
    const values = call === null ? undefined : answers[call.name]?.(call.args)
    if (call === null || values === undefined) return undefined
    return abi.encodeFunctionResult(call.fragment, values)
  }

/**
 * @returns the result, `undefined` for a revert; an address without code answers `0x`, as nodes do
 */
export function callContract(protocol: Protocol, to: string, data: string): string | undefined {
  const address = to.toLowerCase()
  const override = protocol.contracts.get(address)
  const handler = override ?? findContract(protocol, address)
  return handler === undefined ? '0x' : handler(data)
}

function findContract(protocol: Protocol, address: string): CallHandler | undefined {
  switch (address) {
    case protocol.locator:
      return contract(LOCATOR_ABI, {
        validatorsExitBusOracle: () => [protocol.exitBus],
        stakingRouter: () => [protocol.stakingRouter],
        withdrawalVault: () => [protocol.withdrawalVault],
      })
    case protocol.withdrawalVault:
      return contract(WITHDRAWAL_VAULT_ABI, {
        getWithdrawalRequestFee: () => [protocol.withdrawalFee],
      })
    case protocol.exitBus:
      return contract(EXIT_BUS_ABI, {
        getConsensusContract: () => [protocol.consensus],
        getContractVersion: () => [protocol.versions.contract],
        getConsensusVersion: () => [protocol.versions.consensus],
      })
    case protocol.consensus:
      return contract(CONSENSUS_ABI, {
        getMembers: () => [protocol.members.map(memberAddress), protocol.members.map(() => 0n)],
        getQuorum: () => [protocol.quorum],
      })
    case protocol.stakingRouter:
      return contract(STAKING_ROUTER_ABI, {
        getStakingModules: () => [protocol.modules.map(stakingModule)],
        getStakingModule: ([id]) => {
          const module = protocol.modules.find((one) => BigInt(one.id) === id)
          return module && [stakingModule(module)]
        },
      })
  }
  const member = protocol.members.find((one) => one.contract === address)
  if (member !== undefined) {
    return contract(DELEGATE_ABI, {
      getDelegate: () => [member.revoked ? NOBODY : member.wallet.address],
      getPendingDelegate: () => [member.next?.delegate ?? NOBODY, member.next?.activeFrom ?? 0],
    })
  }
  const module = protocol.modules.find((one) => one.address === address)
  if (module !== undefined) return moduleContract(module)
  const charging = protocol.modules.find((one) => penaltiesOf(one) === address)
  return charging && penaltiesContract(charging)
}

function signingKeys(module: SimModule, [id, offset, limit]: Result): unknown[] | undefined {
  if (Number(limit) > module.maxKeys) return undefined
  const all = module.keys[Number(id)] ?? []
  const keys = all.slice(Number(offset), Number(offset + limit))
  const bytes = concat(keys)
  if (module.keysAlone) return [bytes]
  return [bytes, concat(keys.map(() => `0x${'5a'.repeat(96)}`)), keys.map(() => true)]
}

const penaltiesOf = ({ address }: SimModule) => seededAddress(`penalties:${address}`)

const penaltiesContract = (module: SimModule): CallHandler =>
  contract(PENALTIES_ABI, {
    getExitPenaltyInfo: ([, key]) => {
      const of = (keys: Set<string>) => [0, keys.has(key)]
      return [[of(module.reportedLate), [0, false], of(module.triggered)]]
    },
  })

const moduleContract = (module: SimModule): CallHandler => {
  const answers = moduleAnswers(module)
  const alone = contract(KEYS_ALONE_ABI, answers)
  const usual = contract(MODULE_ABI, answers)
  const bonded = contract(BONDED_MODULE_ABI, bondAnswers(module))
  return (data) => (module.keysAlone ? alone(data) : undefined) ?? usual(data) ?? bonded(data)
}

/** Every operator is of curve 7. */
const bondAnswers = ({ address, lateFee }: SimModule): Answers => {
  if (lateFee === undefined) return {}
  const { wei, by } = lateFee
  const told = ([curve]: Result) => (curve === 7n ? [wei] : undefined)
  return {
    PARAMETERS_REGISTRY: () => [address],
    ACCOUNTING: () => [address],
    getBondCurveId: () => [7n],
    ...(by === 'fee' ? { getExitDelayFee: told } : { getExitDelayPenalty: told }),
  }
}

const moduleAnswers = (module: SimModule): Answers => ({
  getSigningKeys: (args) => signingKeys(module, args),
  getNodeOperatorSummary: ([id]) => {
    const target = module.targets[Number(id)]
    const deposited = module.keys[Number(id)]?.length ?? 0
    return [target === undefined ? 0 : 2, target ?? 0, 0, 0, 0, 0, deposited, 0]
  },
  exitDeadlineThreshold: () =>
    module.exitDeadlineSeconds === undefined ? undefined : [module.exitDeadlineSeconds],
  EXIT_PENALTIES: () => [penaltiesOf(module)],
  isValidatorExitingKeyReported: ([key]) =>
    module.keysAlone ? undefined : [module.reportedLate.has(key)],
  getNodeOperatorsCount: () => [module.operatorCount],
  getNodeOperator: ([id]) => {
    if (module.operatorNames === undefined) return undefined
    const name = module.operatorNames[Number(id)] ?? `operator-${id}`
    return [true, name, seededAddress(`reward:${id}`), 100, 0, 100, 100]
  },
})

const stakingModule = (module: SimModule) => [
  module.id,
  module.address,
  500,
  500,
  10_000,
  0,
  module.name,
  1_700_000_000,
  1,
  0,
  10_000,
  150,
  25,
]
