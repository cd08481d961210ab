import type { BeaconChain } from './beacon-chain.ts'
import type { BeaconNodeSettings } from './beacon-node.ts'
import type { View } from './beacon-registry.ts'

export type StateView = {
  readonly view: View
  readonly flags: { readonly execution_optimistic: boolean; readonly finalized: boolean }
}

/** The state that an id names, as far as this node has come. Roots and future slots: unknown. */
export function resolveState(
  chain: BeaconChain,
  settings: BeaconNodeSettings,
  id: string,
): StateView | undefined {
  const head = chain.view(settings.lag)
  const known = chain.finalizedView
  const finalized = known.epoch <= head.epoch ? known : head
  const flagged = (view: View, isFinalized: boolean): StateView => ({
    view,
    flags: { execution_optimistic: settings.isOptimistic, finalized: isFinalized },
  })
  if (id === 'head') return flagged(head, false)
  if (id === 'finalized' || id === 'justified') return flagged(finalized, id === 'finalized')
  if (id === 'genesis') return flagged({ version: 0, epoch: 0, slot: 0 }, true)
  const slot = /^\d{1,15}$/.test(id) ? Number(id) : Infinity
  if (slot > head.slot) return undefined
  const view = chain.view(chain.epoch - Math.floor(slot / chain.slotsPerEpoch))
  return flagged({ ...view, slot }, slot <= finalized.slot)
}
