import type { Interface, Result, Wallet } from 'ethers'
import type { Hex } from '../../src/lib/primitives.ts'
import {
  CONSENSUS_ABI,
  DELEGATE_ABI,
  EXIT_BUS_ABI,
  LOCATOR_ABI,
  MODULE_ABI,
  STAKING_ROUTER_ABI,
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
    ...more,
  }) satisfies SimModule

/** The contracts as they are now. All of it may be changed between two calls. */
export type Protocol = {
  locator: Hex
  exitBus: Hex
  consensus: Hex
  stakingRouter: Hex
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
  return module && moduleContract(module)
}

const moduleContract = (module: SimModule) =>
  contract(MODULE_ABI, {
    exitDeadlineThreshold: () =>
      module.exitDeadlineSeconds === undefined ? undefined : [module.exitDeadlineSeconds],
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
