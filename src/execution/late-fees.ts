import { type Address, type OperatorId, parseAddress } from '../lib/primitives.ts'
import { type LateFee, parseLateFee } from '../requests/deadlines.ts'
import { bondedModuleAbi } from './abi.ts'
import { callUnlessReverts, encodeCall, outputAt } from './contract-calls.ts'
import type { ExecutionNode } from './execution-node.ts'

type Caller = Pick<ExecutionNode, 'call'>

/**
 * What a module takes from the bonds of these operators for a late exit, at the finalized block: two
 * calls for the module, and two or three for each of them.
 *
 * @returns one for each, in their order; `undefined` where the module has no bonds, or does not tell
 * @throws when a call got no answer
 */
export async function readLateFees(
  node: Caller,
  module: Address,
  operatorIds: readonly OperatorId[],
  signal: AbortSignal,
): Promise<readonly (LateFee | undefined)[]> {
  const ask = async (contract: Address, name: string, args: readonly unknown[] = []) => {
    const data = encodeCall(bondedModuleAbi, name, args)
    const answer = await callUnlessReverts(node, contract, data, signal)
    return answer && outputAt(bondedModuleAbi, name, answer, 0)
  }
  const addressOf = async (name: string) => parseAddress(await ask(module, name))

  async function readOne(parameters: Address, accounting: Address, operatorId: OperatorId) {
    const curve = await ask(accounting, 'getBondCurveId', [operatorId])
    if (typeof curve !== 'bigint') return undefined
    const fee = await ask(parameters, 'getExitDelayFee', [curve])
    if (typeof fee === 'bigint') return parseLateFee(fee, true)
    const penalty = await ask(parameters, 'getExitDelayPenalty', [curve])
    return typeof penalty === 'bigint' ? parseLateFee(penalty, false) : undefined
  }

  const parameters = await addressOf('PARAMETERS_REGISTRY')
  const accounting = parameters && (await addressOf('ACCOUNTING'))
  if (parameters === undefined || accounting === undefined) return operatorIds.map(() => undefined)
  const fees: (LateFee | undefined)[] = []
  for (const operatorId of operatorIds) {
    fees.push(await readOne(parameters, accounting, operatorId))
  }
  return fees
}
