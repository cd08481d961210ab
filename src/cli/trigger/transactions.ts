import { exitBusAbi } from '../../execution/abi.ts'
import { encodeCall } from '../../execution/contract-calls.ts'
import type { Address, Hex } from '../../lib/primitives.ts'
import type { Provable } from '../gather/provable.ts'

/** One call of `triggerExits`: it can be sent as it is, by anyone. */
export type TriggerTransaction = {
  readonly to: Address
  readonly data: Hex
  /** Wei, as a quantity of JSON-RPC. */
  readonly value: Hex
}

/** The same with what it is about. */
export type Trigger = {
  readonly transaction: TriggerTransaction
  /** Wei */
  readonly value: bigint
  /** In the order of the call: ascending places in the data. */
  readonly provables: readonly Provable[]
}

/** The fee may rise until the transaction is in a block; what is too much comes back. */
const FEE_MARGIN = 2n

/** The exit bus takes its caller as the recipient where this is named. */
const SENDER = `0x${'0'.repeat(40)}` as Address

/**
 * One transaction for the validators of each report, since one call takes the data of one.
 *
 * @param fee - of one request, wei
 * @param recipient - of what is too much; `undefined`: whoever sends the transaction
 * @see https://github.com/lidofinance/core (contracts/0.8.9/oracle/ValidatorsExitBus.sol)
 */
export function triggersOf(
  provables: readonly Provable[],
  fee: bigint,
  recipient: Address | undefined,
): readonly Trigger[] {
  const reports = new Map<string, Provable[]>()
  for (const one of provables) {
    const { data, dataFormat } = one.records
    const key = [one.request.exitBus, dataFormat, data].join()
    reports.set(key, [...(reports.get(key) ?? []), one])
  }
  return [...reports.values()].map((group) =>
    triggerOf(
      group.toSorted((a, b) => a.place - b.place),
      fee,
      recipient,
    ),
  )
}

function triggerOf(
  provables: readonly Provable[],
  fee: bigint,
  recipient: Address | undefined,
): Trigger {
  const [first] = provables
  if (first === undefined) throw new Error('no validator to be triggered')
  const { data, dataFormat } = first.records
  const value = FEE_MARGIN * fee * BigInt(provables.length)
  const places = provables.map(({ place }) => place)
  const transaction = {
    to: first.request.exitBus,
    data: encodeCall(exitBusAbi, 'triggerExits', [[data, dataFormat], places, recipient ?? SENDER]),
    value: `0x${value.toString(16)}` as Hex,
  }
  return { transaction, value, provables }
}
