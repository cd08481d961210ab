import { createOrderReader } from '../../jobs/next-exits-reader.ts'
import { messageOf } from '../../lib/message-of.ts'
import type { Epoch, ModuleId, OperatorId, Pubkey, ValidatorIndex } from '../../lib/primitives.ts'
import type { MessageSnapshot } from '../../messages/snapshot.ts'
import type { Case } from '../../requests/cycle-parts.ts'
import {
  firstOf,
  type OperatorOrder,
  type Portion,
  provenRequests,
  SUGGESTED_PERCENT,
  withoutAsked,
} from '../../requests/next-exits.ts'
import { CommandError } from '../context.ts'
import { openMessages, readMessages } from './messages.ts'
import { describeUnused, lookAtNodes } from './nodes.ts'
import { closeQuietly, type Parts } from './parts.ts'
import { readJournal } from './read-journal.ts'
import { gatherRequests } from './requests.ts'

export type OrdersFound = {
  /** Of the operators that could be read, without what was asked for lately. */
  readonly orders: readonly OperatorOrder[]
  /** What could not be read, a sentence each. */
  readonly problems: readonly string[]
}

/** The orders of the scope's operators. */
export async function gatherOrders(
  parts: Parts,
  cases: readonly Case[],
  signal: AbortSignal,
): Promise<OrdersFound> {
  const reader = createOrderReader({ ...parts, locator: parts.config.locatorAddress })
  const orders: OperatorOrder[] = []
  const problems: string[] = []
  const proven = provenRequests(cases)
  const { scope } = parts.config
  const total = [...scope.values()].flat().length

  async function attempt(what: string, work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      signal.throwIfAborted()
      problems.push(`${what}: ${messageOf(error)}`)
    }
  }

  await attempt('finalized state', async () => {
    const state = await reader.state(signal)
    for (const [moduleId, operatorIds] of scope) {
      await attempt(`module ${moduleId}`, async () => {
        const module = await reader.module(moduleId, signal)
        for (const operatorId of operatorIds) {
          await attempt(`operator ${operatorId} of module ${moduleId}`, async () => {
            const order = await reader.operator(module, operatorId, state, signal)
            orders.push(withoutAsked(order, proven))
          })
          parts.progress('reading keys', orders.length, total)
        }
      })
    }
  })
  return { orders, problems }
}

export type NextExit = {
  readonly moduleId: ModuleId
  readonly operatorId: OperatorId
  /** `undefined`: the beacon chain does not know the key yet, and nothing can be signed for it. */
  readonly validatorIndex: ValidatorIndex | undefined
  readonly pubkey: Pubkey
  /** Beacon API status. */
  readonly status: string
  /** `undefined` where no messages are configured. */
  readonly isSigned: boolean | undefined
  /** Of its message. */
  readonly file: string | undefined
}

export type NextChoice = {
  /** Of each operator; the first 10 % by default. */
  readonly portion?: Portion
  /** Leaves of those the ones without a message. */
  readonly missing?: boolean
}

export type NextExitsFound = {
  /** In the order in which each operator is asked. */
  readonly exits: readonly NextExit[]
  /** Of the finalized state: what an exit is signed for. `undefined` where nothing was read. */
  readonly epoch: Epoch | undefined
  readonly problems: readonly string[]
}

/**
 * Which validators will be asked for next, with what is signed: the scope's operators one after the
 * other, in the order of the configuration.
 *
 * @throws CommandError when no nodes can be used
 */
export async function gatherNextExits(
  parts: Parts,
  choice: NextChoice,
  signal: AbortSignal,
): Promise<NextExitsFound> {
  const nodes = await lookAtNodes(parts, signal)
  const { chainId, execution, consensus } = nodes
  if (chainId === undefined || execution.length === 0 || consensus.length === 0) {
    const why = [...describeUnused(nodes), ...(nodes.conflict ? [nodes.conflict] : [])].join('; ')
    throw new CommandError(`no nodes can be used: ${why}`, 'see validator-ejector check', 1)
  }
  const { facts } = readJournal(parts.config, chainId)
  const task = await openMessages(parts, chainId, signal)
  try {
    const messages = await readMessages(task, [], () => false, signal)
    const read = { ...task, read: async () => messages }
    const requests = { chainId, facts, messages: read, fromBlock: undefined }
    const { report } = await gatherRequests(parts, requests, signal)
    const found = await gatherOrders(parts, report.cases, signal)
    const rows = found.orders.flatMap((order) => rowsOf(order, choice, task.snapshot()))
    return {
      exits: choice.missing === true ? rows.filter(({ isSigned }) => isSigned !== true) : rows,
      epoch: found.orders[0]?.snapshot.epoch,
      problems: [...report.failures, ...found.problems],
    }
  } finally {
    await closeQuietly(task.close)
  }
}

function rowsOf(
  { moduleId, operatorId, keys }: OperatorOrder,
  { portion = { percent: SUGGESTED_PERCENT } }: NextChoice,
  snapshot: MessageSnapshot | undefined,
): readonly NextExit[] {
  return firstOf(keys, portion).map(({ pubkey, index, status }) => {
    const held = index === undefined ? undefined : snapshot?.exits.get(index)
    return {
      moduleId,
      operatorId,
      validatorIndex: index,
      pubkey,
      status,
      isSigned: snapshot === undefined ? undefined : held !== undefined,
      file: held?.file,
    }
  })
}
