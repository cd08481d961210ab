import type { ChainInfo } from '../../consensus/chain-info.ts'
import { isExiting } from '../../consensus/registry.ts'
import type { ValidatorIndex } from '../../lib/primitives.ts'
import type { Case, CycleParts } from '../../requests/cycle-parts.ts'
import { deadlineOf } from '../../requests/deadlines.ts'

/** Validators whose requests the daemon would not serve, although it has no fault to tell. */
export type Shortfall = {
  /** Their requests are not proven, and the registry has them under the same key, not exiting. */
  readonly unproven: ReadonlySet<ValidatorIndex>
  /** The epoch of their message comes after the deadline. */
  readonly late: ReadonlySet<ValidatorIndex>
}

type Parts = Pick<CycleParts, 'readSightings'> & {
  readonly readChainInfo: (signal: AbortSignal) => Promise<ChainInfo>
}

/** The daemon looks up only what is proven. Whoever checks wants to know what it passes over. */
export async function findShortfall(
  cases: readonly Case[],
  parts: Parts,
  signal: AbortSignal,
): Promise<Shortfall> {
  return {
    unproven: await findUnproven(cases, parts, signal),
    late: await findLate(cases, parts, signal),
  }
}

async function findUnproven(cases: readonly Case[], { readSightings }: Parts, signal: AbortSignal) {
  const open = cases.filter(({ state }) => state === 'unproven').map(({ request }) => request)
  if (open.length === 0) return new Set<ValidatorIndex>()
  const indices = [...new Set(open.map(({ validatorIndex }) => validatorIndex))]
  const seen = await readSightings(indices, signal).catch(() => undefined)
  signal.throwIfAborted()
  const owed = open.filter(({ validatorIndex, pubkey }) => {
    const head = seen?.get(validatorIndex)?.head
    // Where nobody answers, that is a failure of its own.
    return head?.some(({ entry }) => entry?.pubkey === pubkey && !isExiting(entry))
  })
  return new Set(owed.map(({ validatorIndex }) => validatorIndex))
}

async function findLate(cases: readonly Case[], { readChainInfo }: Parts, signal: AbortSignal) {
  const waiting = cases.filter(({ next }) => next.kind === 'wait' && next.code === 'message-epoch')
  if (waiting.length === 0) return new Set<ValidatorIndex>()
  const info = await readChainInfo(signal)
  const startOf = (epoch: bigint) =>
    BigInt(info.genesisTime) + epoch * info.slotsPerEpoch * info.secondsPerSlot
  const late = waiting.filter(
    ({ request, limit, message }) =>
      message !== undefined && startOf(message.exit.epoch) > deadlineOf(request, limit),
  )
  return new Set(late.map(({ request }) => request.validatorIndex))
}
