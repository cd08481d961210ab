import { type Address, type ModuleId, type OperatorId, parseAddress } from '../lib/primitives.ts'
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

type Caller = Pick<ExecutionNode, 'call'>

/** Places in the struct that `getStakingModule` returns. */
const ADDRESS_AT = 1
const NAME_AT = 6
/** Place in what `getNodeOperator` returns. */
const OPERATOR_NAME_AT = 1
const LONGEST_NAME = 60

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
      const told = (place: number) =>
        outputAt(stakingRouterAbi, 'getStakingModule', answer, 0, place)
      const address = parseAddress(told(ADDRESS_AT))
      if (address === undefined) throw new Error(`the staking router knows no module ${id}`)
      const name = told(NAME_AT)
      return {
        id,
        address,
        name: typeof name === 'string' ? quote(name, LONGEST_NAME) : undefined,
      }
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
  }
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
