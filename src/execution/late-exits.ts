import {
  type Address,
  type Hex,
  type Pubkey,
  parseAddress,
  parsePubkey,
} from '../lib/primitives.ts'
import type { ExitRequest } from '../requests/exit-request.ts'
import { exitPenaltiesAbi, stakingModuleAbi, TOPICS } from './abi.ts'
import { callUnlessReverts, encodeCall, outputAt } from './contract-calls.ts'
import type { ExecutionNode } from './execution-node.ts'

/** What a staking module knows of an exit that is late. */
export type LateExit = {
  /** Somebody proved on chain that it is late. */
  readonly reportedLate: boolean
  /** It was made through the execution layer (EIP-7002). */
  readonly triggered: boolean
}

type Caller = Pick<ExecutionNode, 'call'>

/** Places in the struct that `getExitPenaltyInfo` returns. */
const [DELAYED_AT, TRIGGERED_AT] = [1, 5]

/**
 * Curated and DVT modules answer `isValidatorExitingKeyReported`; community modules keep what they
 * charge for an exit, for its delay and for its trigger.
 *
 * @returns `undefined` where the module tells neither
 * @throws when a call got no answer
 */
export async function readLateExit(
  node: Caller,
  module: Address,
  { operatorId, pubkey }: Pick<ExitRequest, 'operatorId' | 'pubkey'>,
  signal: AbortSignal,
): Promise<LateExit | undefined> {
  const ask = (contract: Address, data: Hex) => callUnlessReverts(node, contract, data, signal)
  const name = 'isValidatorExitingKeyReported'
  const reported = await ask(module, encodeCall(stakingModuleAbi, name, [pubkey]))
  const isReported = reported && outputAt(stakingModuleAbi, name, reported, 0)
  // That it was triggered is in the log of such a module.
  if (typeof isReported === 'boolean') return { reportedLate: isReported, triggered: false }

  const where = await ask(module, encodeCall(stakingModuleAbi, 'EXIT_PENALTIES'))
  const penalties = where && parseAddress(outputAt(stakingModuleAbi, 'EXIT_PENALTIES', where, 0))
  if (!penalties) return undefined
  const info = 'getExitPenaltyInfo'
  const answer = await ask(penalties, encodeCall(exitPenaltiesAbi, info, [operatorId, pubkey]))
  const told = (place: number) => answer && outputAt(exitPenaltiesAbi, info, answer, 0, place)
  if (typeof told(DELAYED_AT) !== 'boolean') return undefined
  return { reportedLate: told(DELAYED_AT) === true, triggered: told(TRIGGERED_AT) === true }
}

/** The logs of modules that tell which exits were made through the execution layer. */
export const triggeredFilter = (modules: readonly Address[]) => ({
  address: modules,
  topics: [TOPICS.validatorExitTriggered],
})

/** The public key that such a log names; `undefined` where it is none. */
export function triggeredPubkey(log: unknown): Pubkey | undefined {
  const { topics, data } = (log ?? {}) as { readonly topics?: unknown; readonly data?: unknown }
  try {
    const event = stakingModuleAbi.parseLog({ topics: topics as string[], data: String(data) })
    return parsePubkey(event?.args.publicKey)
  } catch {
    return undefined
  }
}
