import {
  type Address,
  type ModuleId,
  type OperatorId,
  type Pubkey,
  parseAddress,
  parsePubkey,
} from '../lib/primitives.ts'
import { quote } from '../lib/secret.ts'
import { parseModuleLimit } from '../requests/deadlines.ts'
import { locatorAbi, stakingModuleAbi, stakingRouterAbi } from './abi.ts'
import { callUnlessReverts, encodeCall, outputAt } from './contract-calls.ts'
import { readAddress } from './contracts.ts'
import type { ExecutionNode } from './execution-node.ts'

export type StakingModule = {
  readonly id: ModuleId
  readonly address: Address
  /** For people, cut; `undefined` where it cannot be read. */
  readonly name: string | undefined
}

/** How many validators an operator has, and how many it should have. */
export type OperatorCounts = {
  readonly deposited: number
  /** As the module knows it: less than the beacon chain does. */
  readonly exited: number
  /** The validators that it may keep, where it must give up the others whatever the demand. */
  readonly target: number | undefined
}

type Caller = Pick<ExecutionNode, 'call'>

/** Places in the struct of a module. */
const ID_AT = 0
const ADDRESS_AT = 1
const NAME_AT = 6
/** Place in what `getNodeOperator` returns. */
const OPERATOR_NAME_AT = 1
const LONGEST_NAME = 60
/** Places in what `getNodeOperatorSummary` returns. */
const [LIMIT_MODE_AT, TARGET_AT, EXITED_AT, DEPOSITED_AT] = [0, 1, 5, 6]
/** `targetLimitMode`: what is over the target is asked for without demand. */
const FORCED = 2n
/** Hex digits of one key. */
const KEY_DIGITS = 96
/** Keys in one call: curated modules read five words of storage for each, and calls are capped. */
const MOST_KEYS = 1_000
const FEWEST_KEYS = 50
/** Far more than any operator has: what a node that errs can make the daemon read is bounded. */
const MAX_KEYS = 100_000
/** The same of modules. */
const MAX_MODULES = 64

function toModule(id: ModuleId, told: (place: number) => unknown): StakingModule | undefined {
  const address = parseAddress(told(ADDRESS_AT))
  const name = told(NAME_AT)
  if (address === undefined) return undefined
  return { id, address, name: typeof name === 'string' ? quote(name, LONGEST_NAME) : undefined }
}

/** What staking modules say at the finalized block. One call each; nothing is remembered. */
export function createStakingModuleReader(locator: Address) {
  return {
    /** @throws when a call got no answer, or the Locator names no router */
    router: (node: Caller, signal: AbortSignal): Promise<Address> =>
      readAddress(
        node,
        locator,
        encodeCall(locatorAbi, 'stakingRouter'),
        'Locator.stakingRouter()',
        signal,
      ),

    /** @throws when the call got no answer, or there is no module of this id */
    async module(
      node: Caller,
      router: Address,
      id: ModuleId,
      signal: AbortSignal,
    ): Promise<StakingModule> {
      const data = encodeCall(stakingRouterAbi, 'getStakingModule', [id])
      const answer = (await callUnlessReverts(node, router, data, signal)) ?? '0x'
      const found = toModule(id, (place) =>
        outputAt(stakingRouterAbi, 'getStakingModule', answer, 0, place),
      )
      if (found === undefined) throw new Error(`the staking router knows no module ${id}`)
      return found
    },

    /**
     * Seconds that the module leaves this operator for an exit.
     *
     * @returns `undefined` where the module knows no such limit, or an absurd one
     * @throws when the call got no answer
     */
    async exitLimit(
      node: Caller,
      module: Address,
      operatorId: OperatorId,
      signal: AbortSignal,
    ): Promise<number | undefined> {
      const seconds = await ask(node, module, 'exitDeadlineThreshold', [operatorId], 0, signal)
      return typeof seconds === 'bigint' ? parseModuleLimit(seconds) : undefined
    },

    /**
     * How many operators the module has.
     *
     * @returns `undefined` where it does not tell
     * @throws when the call got no answer
     */
    async operatorCount(
      node: Caller,
      module: Address,
      signal: AbortSignal,
    ): Promise<number | undefined> {
      const count = await ask(node, module, 'getNodeOperatorsCount', [], 0, signal)
      return typeof count === 'bigint' ? Number(count) : undefined
    },

    /**
     * For people, cut.
     *
     * @returns `undefined` where the module has no names
     * @throws when the call got no answer
     */
    async operatorName(
      node: Caller,
      module: Address,
      operatorId: OperatorId,
      signal: AbortSignal,
    ): Promise<string | undefined> {
      const args = [operatorId, true]
      const told = await ask(node, module, 'getNodeOperator', args, OPERATOR_NAME_AT, signal)
      return typeof told === 'string' && told !== '' ? quote(told, LONGEST_NAME) : undefined
    },

    /** @throws when the call got no answer, or the module does not tell */
    async operatorCounts(
      node: Caller,
      module: Address,
      operatorId: OperatorId,
      signal: AbortSignal,
    ): Promise<OperatorCounts> {
      const name = 'getNodeOperatorSummary'
      const data = encodeCall(stakingModuleAbi, name, [operatorId])
      const answer = await callUnlessReverts(node, module, data, signal)
      const told = (place: number) => answer && outputAt(stakingModuleAbi, name, answer, place)
      const [mode, target] = [told(LIMIT_MODE_AT), told(TARGET_AT)]
      const [exited, deposited] = [told(EXITED_AT), told(DEPOSITED_AT)]
      if (typeof deposited !== 'bigint' || deposited > MAX_KEYS) {
        throw new Error(`the module does not tell how many keys operator ${operatorId} has`)
      }
      return {
        deposited: Number(deposited),
        exited: Number(exited),
        target: mode === FORCED ? Number(target) : undefined,
      }
    },

    modules: readModules,
    readSigningKeys,
  }
}

/**
 * Every module of the protocol.
 *
 * @throws when the call got no answer, or not one module is there
 */
async function readModules(
  node: Caller,
  router: Address,
  signal: AbortSignal,
): Promise<readonly StakingModule[]> {
  const name = 'getStakingModules'
  const data = encodeCall(stakingRouterAbi, name)
  const answer = (await callUnlessReverts(node, router, data, signal)) ?? '0x'
  const count = outputAt(stakingRouterAbi, name, answer, 0, 'length')
  const found = Array.from({ length: Math.min(Number(count ?? 0), MAX_MODULES) }, (_, at) => {
    const told = (place: number) => outputAt(stakingRouterAbi, name, answer, 0, at, place)
    return toModule(Number(told(ID_AT)) as ModuleId, told) ?? []
  }).flat()
  if (found.length === 0) throw new Error('the staking router names no module')
  return found
}

/**
 * The first keys of an operator, in the order of the module. Where a call is too much for a node, it
 * is halved.
 *
 * @throws when a call got no answer, or the module gives other keys than it counts
 */
async function readSigningKeys(
  node: Caller,
  module: Address,
  operatorId: OperatorId,
  count: number,
  signal: AbortSignal,
): Promise<readonly Pubkey[]> {
  const keys: Pubkey[] = []
  let most = MOST_KEYS
  while (keys.length < count) {
    const limit = Math.min(most, count - keys.length)
    const args = [operatorId, keys.length, limit]
    try {
      const bytes = await ask(node, module, 'getSigningKeys', args, 0, signal)
      keys.push(...splitKeys(bytes, limit, operatorId))
    } catch (error) {
      signal.throwIfAborted()
      if (limit <= FEWEST_KEYS) throw error
      most = Math.ceil(limit / 2)
    }
  }
  return keys
}

function splitKeys(bytes: unknown, limit: number, operatorId: OperatorId): readonly Pubkey[] {
  const digits = typeof bytes === 'string' ? bytes.slice(2) : ''
  if (digits.length !== limit * KEY_DIGITS) {
    const given = Math.floor(digits.length / KEY_DIGITS)
    throw new Error(`the module gives ${given} keys of operator ${operatorId} instead of ${limit}`)
  }
  return Array.from({ length: limit }, (_, at) => {
    const key = parsePubkey(`0x${digits.slice(at * KEY_DIGITS, (at + 1) * KEY_DIGITS)}`)
    if (key === undefined) throw new Error(`key ${at} of operator ${operatorId} is none`)
    return key
  })
}

/**
 * @param place - of the wanted value in what the function returns
 * @returns `undefined` where the module has no such function, or the value is not there
 * @throws when the call got no answer
 */
async function ask(
  node: Caller,
  module: Address,
  name: string,
  args: readonly unknown[],
  place: number,
  signal: AbortSignal,
): Promise<unknown> {
  const data = encodeCall(stakingModuleAbi, name, args)
  const answer = await callUnlessReverts(node, module, data, signal)
  return answer && outputAt(stakingModuleAbi, name, answer, place)
}
