import type { UnreadBlocks } from './facts.ts'

/** What to do about all of them. */
export const UNREAD_REMEDY =
  'add an execution node that keeps these blocks to EXECUTION_NODE, or set a smaller BLOCKS_PRELOAD; they are read again each hour'

export const countBlocks = (blocks: readonly UnreadBlocks[]): number =>
  blocks.reduce((sum, { fromBlock, toBlock }) => sum + toBlock - fromBlock + 1, 0)

/** "blocks 7 to 9 (node-1:8545: pruned)": for log, `/readyz`, `check` and `explain`. */
export function describeUnread({ fromBlock, toBlock, reason, hosts }: UnreadBlocks): string {
  const blocks = fromBlock === toBlock ? `block ${fromBlock}` : `blocks ${fromBlock} to ${toBlock}`
  return `${blocks} (${hosts.join(', ')}: ${reason})`
}

/** Of more of them the latest are named. */
const MOST_NAMED = 3

/** One sentence about all of them; there must be one at least. */
export function sumUpUnread(blocks: readonly UnreadBlocks[]): string {
  const named = blocks.slice(-MOST_NAMED).map(describeUnread).join(', ')
  const more = blocks.length > MOST_NAMED ? ` and ${blocks.length - MOST_NAMED} older ranges` : ''
  return `${countBlocks(blocks)} blocks could not be read, exit requests in them are not seen: ${named}${more}`
}
