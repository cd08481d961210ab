import type { Interface } from 'ethers/abi'
import type { Address, Hex } from '../lib/primitives.ts'
import { decodeOutput } from './abi.ts'
import type { ExecutionNode } from './execution-node.ts'
import { isRevert, RpcError } from './rpc-errors.ts'

type Caller = Pick<ExecutionNode, 'call'>

/** The calldata of a function. */
export const encodeCall = (abi: Interface, name: string, args: readonly unknown[] = []): Hex =>
  abi.encodeFunctionData(name, [...args]) as Hex

/**
 * What a contract answered, or `undefined` where it reverts.
 *
 * @throws when the node gave no answer
 */
export async function callUnlessReverts(
  node: Caller,
  contract: Address,
  data: Hex,
  signal: AbortSignal,
): Promise<Hex | undefined> {
  try {
    return await node.call(contract, data, signal)
  } catch (error) {
    if (error instanceof RpcError && isRevert(error)) return undefined
    throw error
  }
}

/**
 * The value at this place of what a function returned, `undefined` where it does not decode.
 * ethers decodes late: what is no address throws only when it is looked at.
 */
export function outputAt(
  abi: Interface,
  name: string,
  answer: Hex,
  ...path: readonly (number | 'length')[]
): unknown {
  try {
    return path.reduce<unknown>(
      (value, place) =>
        (value as Readonly<Record<number | 'length', unknown>> | undefined)?.[place],
      decodeOutput(abi, name, answer),
    )
  } catch {
    return undefined
  }
}
