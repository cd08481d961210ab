import { formatEther } from 'ethers/utils'
import { SELECTORS, withdrawalVaultAbi } from '../execution/abi.ts'
import { encodeCall, outputAt } from '../execution/contract-calls.ts'
import { readAddress } from '../execution/contracts.ts'
import { messageOf } from '../lib/message-of.ts'
import {
  type Address,
  parseAddress,
  parseValidatorIndex,
  type ValidatorIndex,
} from '../lib/primitives.ts'
import { createBars } from './bars.ts'
import { requireConfiguration } from './configuration.ts'
import { type CommandContext, CommandError, type ExitCode } from './context.ts'
import { createParts, type Parts } from './gather/parts.ts'
import { gatherProvable } from './gather/provable.ts'
import { type Trigger, triggersOf } from './trigger/transactions.ts'

/**
 * The command `trigger`: prints the transactions by which the execution layer exits validators
 * (EIP-7002). It holds no key, and sends nothing.
 *
 * @throws CommandError: 1 when they cannot be made, 2 for usage and configuration
 */
export async function runTrigger(
  indices: readonly string[],
  recipientText: string | undefined,
  context: CommandContext,
): Promise<ExitCode> {
  const { terminal, json, signal } = context
  const validators = [...new Set(indices.map(readIndex))]
  const recipient = recipientText === undefined ? undefined : readRecipient(recipientText)
  const config = requireConfiguration(context)
  const bars = createBars(terminal)
  try {
    const parts = createParts(config, context, bars.tell)
    const provables = await gatherProvable(validators, parts, signal)
    const fee = await readFee(parts, signal)
    bars.end()
    const triggers = triggersOf(provables, fee, recipient)
    const transactions = triggers.map(({ transaction }) => transaction)
    if (json) terminal.exact(JSON.stringify(transactions, undefined, 2))
    else for (const line of linesOf(triggers, fee, recipient)) terminal.exact(line)
    return 0
  } catch (error) {
    throw signal.aborted ? new CommandError('trigger: interrupted', undefined, 1) : error
  } finally {
    bars.end()
  }
}

function readIndex(text: string): ValidatorIndex {
  const index = parseValidatorIndex(text)
  if (index !== undefined) return index
  throw new CommandError(
    `trigger: ${JSON.stringify(text.slice(0, 100))} is not a validator index`,
    'give one index or several: trigger 123456 123457',
  )
}

function readRecipient(text: string): Address {
  const address = parseAddress(text)
  if (address !== undefined && !/^0x0{40}$/.test(address)) return address
  throw new CommandError(
    '--recipient: that is no address, or the zero address',
    'give 0x and 40 hex digits, or leave it out: the sender gets back what is too much',
  )
}

/** The fee of one withdrawal request at the latest block, wei. It changes from block to block. */
async function readFee({ nodes, config }: Parts, signal: AbortSignal): Promise<bigint> {
  const name = 'getWithdrawalRequestFee'
  try {
    return await nodes.execution.nodes.first(async (node, deadline) => {
      const what = 'Locator.withdrawalVault()'
      const selector = SELECTORS.withdrawalVault
      const vault = await readAddress(node, config.locatorAddress, selector, what, deadline)
      const answer = await node.call(
        vault,
        encodeCall(withdrawalVaultAbi, name),
        deadline,
        'latest',
      )
      const fee = outputAt(withdrawalVaultAbi, name, answer, 0)
      if (typeof fee !== 'bigint' || fee === 0n) throw new Error(`${name}() gave no fee`)
      return fee
    }, signal)
  } catch (error) {
    signal.throwIfAborted()
    const remedy = 'try again, or with another execution node'
    throw new CommandError(`trigger: the fee cannot be read: ${messageOf(error)}`, remedy, 1)
  }
}

function linesOf(
  triggers: readonly Trigger[],
  fee: bigint,
  recipient: Address | undefined,
): readonly string[] {
  return [
    ...triggers.flatMap((trigger) => tellTrigger(trigger, recipient)),
    `The fee of one exit is ${weiOf(fee)} now, and changes from block to block: the value is twice as much.`,
    'Print this again just before you send it. Beside the value, the sender pays for gas.',
    'An exit cannot be undone. Nothing was sent: anyone may send this, from any account.',
  ]
}

function tellTrigger(
  { transaction, value, provables }: Trigger,
  recipient: Address | undefined,
): readonly string[] {
  const { to, data } = transaction
  const names = provables.map(
    ({ request, place }) =>
      `validator ${request.validatorIndex} (${request.pubkey}), record ${place}`,
  )
  return [
    `Requested in transaction ${provables[0]?.request.transactionHash}:`,
    ...names.map((name) => `  ${name}`),
    `  value   ${weiOf(value)}; what is too much goes back to ${recipient ?? 'the sender'}`,
    `  to      ${to}`,
    `  data    ${data}`,
    '',
    `cast send ${to} ${data} --value ${value}`,
    '',
  ]
}

const weiOf = (wei: bigint) => `${wei} wei (${formatEther(wei)} ETH)`
