import {
  AbiCoder,
  type BaseContract,
  type ContractFactory,
  concat,
  keccak256,
  type TransactionRequest,
} from 'ethers'
import type { Chain } from './chain.ts'

/** One line of a report: this operator's validator shall exit. */
export type ExitRecord = {
  readonly moduleId: number
  readonly operatorId: number
  readonly validatorIndex: number
  readonly pubkey: string
}

export type DataFormat = 1 | 2

/** What the members vote on, as the exit bus takes it. */
const REPORT_DATA =
  'tuple(uint256 consensusVersion, uint256 refSlot, uint256 requestsCount, uint256 dataFormat, bytes data)'
const CONSENSUS_VERSION = 5
const CONTRACT_VERSION = 3
/** Votes that make a report. */
export const QUORUM = 2

const hex = (value: number, bytes: number) => value.toString(16).padStart(bytes * 2, '0')

/** Format 1: moduleId(3) nodeOperatorId(5) validatorIndex(8) pubkey(48); 2: keyIndex(8) before the pubkey. */
function packRecords(records: readonly ExitRecord[], format: DataFormat): string {
  const packed = records.map(({ moduleId, operatorId, validatorIndex, pubkey }) => {
    const keyIndex = format === 2 ? hex(validatorIndex + 100, 8) : ''
    const ids = hex(moduleId, 3) + hex(operatorId, 5) + hex(validatorIndex, 8) + keyIndex
    return ids + pubkey.slice(2)
  })
  // Records are of one length, so the order of their texts is that of their bytes.
  return `0x${packed.toSorted().join('')}`
}

/** Which staking modules there are, and how many operators each of them has: ids from 0. */
export type Registered = { readonly modules: readonly number[]; readonly operators: number }

/** Puts the protocol on chain, and returns the ways in which it asks for exits. */
export async function deployProtocol(
  chain: Chain,
  factories: ReadonlyMap<string, ContractFactory>,
  { modules, operators }: Registered,
) {
  type Account = Chain['accounts'][number]
  const [deployer, alice, bob, first, mallory, anyone, second] = chain.accounts as [
    Account,
    Account,
    Account,
    Account,
    Account,
    Account,
    Account,
  ]
  const deployed: Promise<unknown>[] = []

  async function deploy(name: string, ...args: unknown[]): Promise<BaseContract> {
    const factory = factories.get(name)
    if (factory === undefined) throw new Error(`no contract ${name}`)
    const contract = await factory.connect(deployer).deploy(...args)
    deployed.push(contract.waitForDeployment())
    return contract
  }

  /** Who signs for the delegated member now. */
  let delegate = first
  const member = await deploy('DelegatedMember', delegate.address)
  const members = [alice.address, bob.address, mallory.address, await member.getAddress()]
  const consensus = await deploy('HashConsensus', members, QUORUM)
  const vault = await deploy('WithdrawalVault')
  const vaultAddress = await vault.getAddress()
  const bus = await deploy('ExitBus', await consensus.getAddress(), vaultAddress)
  const router = await deploy('StakingRouter', modules, operators)
  const locator = await deploy(
    'Locator',
    await bus.getAddress(),
    await router.getAddress(),
    vaultAddress,
  )

  await Promise.all(deployed)

  type Call = { contract: BaseContract; method: string; args: readonly unknown[] }

  async function send(from: Account, call: Call, as: TransactionRequest): Promise<string> {
    const connected = call.contract.connect(from) as BaseContract
    const response = await connected.getFunction(call.method).send(...call.args, as)
    const receipt = await response.wait()
    if (receipt?.status !== 1) throw new Error(`${call.method}: reverted`)
    return response.hash
  }

  /** The same call, made by the contract that is the member, at its delegate's word. */
  async function throughMember({ contract, method, args }: Call): Promise<Call> {
    const data = contract.interface.encodeFunctionData(method, args)
    return { contract: member, method: 'execute', args: [await contract.getAddress(), data] }
  }

  let refSlot = 0
  function buildReport(records: readonly ExitRecord[], format: DataFormat) {
    refSlot += 32
    const data = packRecords(records, format)
    const report = [CONSENSUS_VERSION, refSlot, records.length, format, data]
    const hash = keccak256(AbiCoder.defaultAbiCoder().encode([REPORT_DATA], [report]))
    const vote = {
      contract: consensus,
      method: 'submitReport',
      args: [refSlot, hash, CONSENSUS_VERSION],
    }
    const publish = { contract: bus, method: 'submitReportData', args: [report, CONTRACT_VERSION] }
    return { vote, publish }
  }

  return {
    locator: await locator.getAddress(),
    exitBus: await bus.getAddress(),
    vault,
    /** Who signs for the members, but for one that the operator does not trust. */
    allowlist: [alice.address, bob.address, first.address],

    /** These are the operator's validators, in each module, in this order. */
    async setSigningKeys(operatorId: number, pubkeys: readonly string[]) {
      const args = [operatorId, concat(pubkeys)]
      await send(deployer, { contract: router, method: 'setSigningKeys', args }, {})
    },

    /** The vote that decides and the data both come from the delegated member. */
    async reportThroughMember(records: readonly ExitRecord[], format: DataFormat) {
      const { vote, publish } = buildReport(records, format)
      await send(alice, vote, { type: 2 })
      await send(delegate, await throughMember(vote), { type: 1, accessList: [] })
      await send(delegate, await throughMember(publish), {
        type: 1,
        accessList: [{ address: await bus.getAddress(), storageKeys: [] }],
      })
    },

    /** All by accounts of people. */
    async reportDirectly(records: readonly ExitRecord[], format: DataFormat) {
      const { vote, publish } = buildReport(records, format)
      await send(alice, vote, { type: 0 })
      await send(bob, vote, { type: 2 })
      await send(bob, publish, { type: 0 })
    },

    /** A quorum for the contract, though only the vote that decides is of the allowlist. */
    async reportWithUntrusted(records: readonly ExitRecord[], format: DataFormat) {
      const { vote, publish } = buildReport(records, format)
      await send(mallory, vote, { type: 2 })
      await send(alice, vote, { type: 2 })
      await send(alice, publish, { type: 2 })
    },

    /** Past the oracle. Returns the hash of the transaction, for the allowlist or not. */
    async requestWithoutOracle(records: readonly ExitRecord[], format: DataFormat) {
      const args = [[packRecords(records, format), format]]
      return send(anyone, { contract: bus, method: 'submitExitRequestsData', args }, { type: 2 })
    },

    /** Hands the delegated member to a key that no allowlist holds, or back. */
    async rotate() {
      const next = delegate === first ? second : first
      await send(delegate, { contract: member, method: 'setDelegate', args: [next.address] }, {})
      delegate = next
    },

    finalize: chain.finalize,
  }
}
