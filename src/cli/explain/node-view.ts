import { isExiting, type RegistryEntry } from '../../consensus/registry.ts'
import type { Sighting } from '../../requests/derive.ts'
import type { ChainTimes } from './times.ts'

/** What one consensus node says of the validator. */
export type NodeView = {
  readonly host: string
  readonly head: StateView
  /** `null`: not asked, since no node sees it exiting at head. */
  readonly finalized: StateView | null
}

export type StateView =
  | { readonly kind: 'unknown'; readonly optimistic: boolean }
  | {
      readonly kind: 'known'
      readonly optimistic: boolean
      readonly pubkey: string
      readonly status: string
      /** `null`: never, as things are. */
      readonly exitEpoch: string | null
      readonly exitAt: string | null
      readonly withdrawableEpoch: string | null
      readonly withdrawableAt: string | null
    }

/**
 * @param finalized - of every node that was asked about that state
 * @param times - when epochs begin, where that is known
 */
export function viewOf(
  head: Sighting,
  finalized: readonly Sighting[] | undefined,
  times: ChainTimes | undefined,
): NodeView {
  const same = finalized?.find(({ host }) => host === head.host)
  return {
    host: head.host,
    head: tellSighting(head, times),
    finalized: same === undefined ? null : tellSighting(same, times),
  }
}

function tellSighting({ entry, optimistic }: Sighting, times: ChainTimes | undefined): StateView {
  return entry === undefined
    ? { kind: 'unknown', optimistic }
    : { kind: 'known', optimistic, ...tellEntry(entry, times) }
}

function tellEntry(entry: RegistryEntry, times: ChainTimes | undefined) {
  const { pubkey, status, exitEpoch, withdrawableEpoch } = entry
  // Both epochs are set at once.
  const leaves = isExiting(entry)
  const withdrawable = leaves ? withdrawableEpoch : undefined
  return {
    pubkey,
    status,
    exitEpoch: leaves ? String(exitEpoch) : null,
    exitAt: (leaves ? times?.ofEpoch(exitEpoch) : undefined) ?? null,
    withdrawableEpoch: withdrawable === undefined ? null : String(withdrawable),
    withdrawableAt: (withdrawable === undefined ? undefined : times?.ofEpoch(withdrawable)) ?? null,
  }
}
