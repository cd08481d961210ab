import type { Address, ModuleId } from '../lib/primitives.ts'
import type { BlockRange } from './block-ranges.ts'
import type { Contracts } from './contracts.ts'
import type { BlockHead } from './execution-node.ts'
import { createUnreadBlocks, type UnreadRanges } from './unread-blocks.ts'

/** A node may leave logs out for a while: the whole window is read again this often. */
const WHOLE_WINDOW_EVERY_MS = 60 * 60 * 1_000
/** More rarely where that takes long: it may take a twentieth of the time. */
const TIMES_ITS_DURATION = 20
/** A node that stays behind what it gave is on another chain now, or had lied: it starts over. */
const START_OVER_AFTER_MS = 60 * 60 * 1_000

/** How far one node was read for one module. */
export type ModuleProgress = {
  readonly exitBus: Address
  readonly unread: UnreadRanges
  /** The newest finalized block that was planned to be read. */
  end: number | undefined
  /** What is still to be read of the hourly look at the whole window. */
  reread: BlockRange | undefined
  /** When that look is due, unix ms, and after which time the next one is. */
  rereadAt: number
  rereadMs: number
  /** Since when its finalized block is before `end`, unix ms. */
  behindSince: number | undefined
  /** Something was read when it was last asked. */
  answers: boolean
}

/** What is known of one node. */
export type NodeProgress = {
  busy: boolean
  head: BlockHead | undefined
  contracts: Contracts | undefined
  /** When all there was to read of it was last read, unix ms. */
  readAt: number
  readonly modules: Map<ModuleId, ModuleProgress>
}

export const createNodeProgress = (now: () => number): NodeProgress => ({
  busy: false,
  head: undefined,
  contracts: undefined,
  readAt: now(),
  modules: new Map(),
})

/** Progress counts for the contract that was read, and for no other. */
export function progressOf(
  node: NodeProgress,
  moduleId: ModuleId,
  exitBus: Address,
  now: () => number,
): ModuleProgress {
  const known = node.modules.get(moduleId)
  if (known?.exitBus === exitBus) return known
  const module: ModuleProgress = {
    exitBus,
    unread: createUnreadBlocks(now),
    end: undefined,
    reread: undefined,
    rereadAt: now() + WHOLE_WINDOW_EVERY_MS,
    rereadMs: 0,
    behindSince: undefined,
    answers: true,
  }
  node.modules.set(moduleId, module)
  return module
}

export type Window = {
  /** The newest finalized block. */
  readonly head: number
  /** Where the look-back begins; before that at a start that goes on from an older cursor. */
  readonly start: number
  readonly preloadBlocks: number
  /** Blocks that each poll reads again. */
  readonly loopBlocks: number
}

/**
 * Notes what is to be read up to this finalized block.
 *
 * @returns `behind` when there is nothing new: a balancer's nodes are not equally far; `elsewhere`
 *   when that has been so for an hour
 */
export function planReading(
  module: ModuleProgress,
  window: Window,
  now: () => number,
): 'planned' | 'behind' | 'elsewhere' {
  const { unread, end } = module
  const { head, start, preloadBlocks, loopBlocks } = window
  const lookBack = Math.max(0, head - preloadBlocks)
  if (end !== undefined && head < end) {
    // A time ahead was set by a clock that has been set back since.
    module.behindSince = Math.min(module.behindSince ?? now(), now())
    return now() - module.behindSince < START_OVER_AFTER_MS ? 'behind' : 'elsewhere'
  }
  module.behindSince = undefined
  unread.add({
    fromBlock: end === undefined ? start : Math.max(0, end - loopBlocks + 1),
    toBlock: head,
  })
  unread.forgetBelow(lookBack)
  module.end = head
  const untilReread = module.rereadAt - now()
  if (untilReread <= 0 || untilReread > rereadEvery(module)) {
    module.rereadAt = now() + rereadEvery(module)
    module.reread = { fromBlock: lookBack, toBlock: head }
  }
  return 'planned'
}

const rereadEvery = ({ rereadMs }: ModuleProgress) =>
  Math.max(WHOLE_WINDOW_EVERY_MS, TIMES_ITS_DURATION * rereadMs)

/** Blocks up to this one were read of the node, or given up for now, all before it included. */
export function reachedIn({ end, unread }: ModuleProgress): number | undefined {
  const [lowest] = unread.pending()
  return lowest === undefined ? end : lowest.fromBlock - 1
}
