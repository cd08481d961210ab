import type { Interface } from 'ethers/abi'
import type { Address, Hex } from '../lib/primitives.ts'
import { decodeOutput } from './abi.ts'
import { type ExecutionNode, RpcError } from './execution-node.ts'

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
 * Whether the contract refused, and not the node. Clients differ: code 3 (geth, reth, Erigon),
 * −32015 (Nethermind), −32000 with one of many texts (Besu, older ones, invalid opcodes).
 */
const isRevert = ({ code, message }: RpcError) =>
  code === 3 ||
  code === -32_015 ||
  /revert|invalid opcode|bad instruction|invalid jump|out of gas|stack (under|over)flow/i.test(
    message,
  )

/**
 * The value at this place of what a function returned, `undefined` where it does not decode.
 * ethers decodes late: what is no address throws only when it is looked at.
 */
export function outputAt(
  abi: Interface,
  name: string,
  answer: Hex,
  ...path: readonly number[]
): unknown {
  try {
    return path.reduce<unknown>(
      (value, place) => (value as readonly unknown[] | undefined)?.[place],
      decodeOutput(abi, name, answer),
    )
  } catch {
    return undefined
  }
}
