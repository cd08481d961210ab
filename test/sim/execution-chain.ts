import {
  type CallHandler,
  callContract,
  createMember,
  createModule,
  memberAddress,
  type Protocol,
  type SimMember,
  type SimModule,
  seededAddress,
} from './contracts.ts'
import { createLedger } from './ledger.ts'
import { createReports } from './reports.ts'

export type ExecutionChainOptions = {
  /** Hoodi by default. */
  readonly chainId?: bigint
  /** Number of oracle members, with seeded wallets. */
  readonly members?: number
  /** Positions of members that are contracts with a delegate. */
  readonly delegated?: readonly number[]
  readonly quorum?: number
  /** Number of the head, which is finalized, at the start. */
  readonly startBlock?: number
  /** Unix seconds of that block; now by default. */
  readonly startTimestamp?: number
  readonly secondsPerBlock?: number
  readonly modules?: readonly (Partial<SimModule> & { readonly id: number })[]
  /** Changes every address, key and block hash. */
  readonly seed?: string
}

/** The truth about an execution chain, with the protocol on it. Nodes serve it, or lie about it. */
export function createExecutionChain(options: ExecutionChainOptions = {}) {
  const { chainId = 560048n, members = 3, delegated = [], seed = 'sim' } = options
  const protocol: Protocol = {
    locator: seededAddress(`${seed}:locator`),
    exitBus: seededAddress(`${seed}:exit-bus`),
    consensus: seededAddress(`${seed}:consensus`),
    stakingRouter: seededAddress(`${seed}:staking-router`),
    withdrawalVault: seededAddress(`${seed}:withdrawal-vault`),
    withdrawalFee: 1n,
    members: Array.from({ length: members }, (_, i) =>
      createMember(`${seed}:member:${i}`, delegated.includes(i)),
    ),
    quorum: options.quorum ?? Math.floor(members / 2) + 1,
    modules: (options.modules ?? [{ id: 1 }, { id: 2 }, { id: 3 }, { id: 4 }]).map((one) =>
      createModule(one.id, seed, one),
    ),
    contracts: new Map(),
    versions: { contract: 3n, consensus: 5n },
  }
  const ledger = createLedger({
    chainId,
    startBlock: options.startBlock ?? 100_000,
    startTimestamp: options.startTimestamp ?? Math.floor(Date.now() / 1000),
    secondsPerBlock: options.secondsPerBlock ?? 12,
    salt: seed,
  })
  const chain = Object.assign(ledger, protocol, {
    /** Addresses that sign for the members: what an operator puts into the allowlist. */
    signerAddresses: () => chain.members.map(({ wallet }) => wallet.address),
    memberAddresses: () => chain.members.map(memberAddress),
    addMember(name: string, isDelegated = false): SimMember {
      const member = createMember(`${seed}:member:${name}`, isDelegated)
      chain.members.push(member)
      return member
    },
    /** From now on the exit bus names another HashConsensus. */
    replaceConsensus(name = `${chain.consensus}'`) {
      chain.consensus = seededAddress(`${seed}:consensus:${name}`)
      return chain.consensus
    },
    setContract(address: string, handler: CallHandler): void {
      chain.contracts.set(address.toLowerCase(), handler)
    },
    call: (to: string, data: string) => callContract(chain, to, data),
  })
  return Object.assign(chain, createReports(chain))
}

export type ExecutionChain = ReturnType<typeof createExecutionChain>
