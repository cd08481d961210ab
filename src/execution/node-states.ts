import type { Address, ModuleId } from '../lib/primitives.ts'
import type { Contracts } from './contracts.ts'
import type { BlockHead } from './execution-node.ts'

/** How far one node was read for one module. */
export type ModuleState = {
  readonly exitBus: Address
  /** Blocks up to this one were read, from the start of the window. */
  cursor: number | undefined
  /** When the latest look at the whole window began, unix ms. */
  wholeAt: number
  /** Where that look goes on, while it has not ended. */
  rereadFrom: number | undefined
  /** Since when its finalized block is before the cursor, unix ms. */
  behindSince: number | undefined
}

/** What is known of one node. */
export type NodeState = {
  busy: boolean
  head: BlockHead | undefined
  contracts: Contracts | undefined
  readonly modules: Map<ModuleId, ModuleState>
}

/** Each node is read on its own, so that one that lags, or comes back, leaves no gap. */
export function createNodeStates(now: () => number) {
  const states = new Map<string, NodeState>()
  return {
    of(host: string): NodeState {
      const state = states.get(host) ?? {
        busy: false,
        head: undefined,
        contracts: undefined,
        modules: new Map(),
      }
      states.set(host, state)
      return state
    },

    /** A cursor counts for the contract that it was read from, and for no other. */
    moduleOf(state: NodeState, moduleId: ModuleId, exitBus: Address): ModuleState {
      const known = state.modules.get(moduleId)
      if (known?.exitBus === exitBus) return known
      const module: ModuleState = {
        exitBus,
        cursor: undefined,
        wholeAt: now(),
        rereadFrom: undefined,
        behindSince: undefined,
      }
      state.modules.set(moduleId, module)
      return module
    },

    /** Unix seconds of the newest finalized block that any of them told. */
    newestHead(): number | undefined {
      const times = [...states.values()].flatMap(({ head }) => head?.timestamp ?? [])
      return times.length === 0 ? undefined : Math.max(...times)
    },
  }
}
