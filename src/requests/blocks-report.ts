import type { FollowingParts } from './cycle-parts.ts'
import { describeTimeLeft } from './deadlines.ts'
import type { UnreadBlocks } from './facts.ts'
import type { IsNews } from './news.ts'
import { countBlocks, sumUpUnread, UNREAD_REMEDY } from './unread.ts'

/** Seconds. A healthy chain finalizes every 13 minutes. */
const STALE_AFTER_S = 60 * 60

/** Tells the operator of blocks that are old, or that nobody gives. */
export function createBlocksReport(
  { log, metrics, now }: Pick<FollowingParts, 'log' | 'metrics' | 'now'>,
  isNews: IsNews,
) {
  return {
    warnOnce(problem: string): void {
      if (isNews(`problem:${problem}`, problem)) log.warn(problem)
    },

    /** A node that stands still says nothing new, and nothing wrong either. */
    tellFinalized(unixSeconds: number): void {
      const age = Math.floor(now() / 1_000) - unixSeconds
      metrics.set('finalized_block_timestamp_seconds', unixSeconds)
      if (age < STALE_AFTER_S || !isNews('finalized', 'stale')) return
      log.warn('the newest finalized block is old: requests after it are not seen', {
        age: describeTimeLeft(age),
        remedy: 'check the execution nodes, and whether the chain finalizes',
      })
    },

    /** @param before - those that the cycle before found */
    tellUnread(blocks: readonly UnreadBlocks[], before: readonly UnreadBlocks[]): void {
      metrics.set('unread_blocks', countBlocks(blocks))
      if (blocks.length === 0) {
        if (before.length > 0)
          log.info('blocks that could not be read have been read, or are older than BLOCKS_PRELOAD')
        return
      }
      // The oldest ones leave the look-back with each block, and that is no news.
      const ends = blocks.map(({ toBlock, hosts }) => [toBlock, ...hosts].join()).join(';')
      if (isNews('unread', ends)) log.error(sumUpUnread(blocks), { remedy: UNREAD_REMEDY })
    },
  }
}

export type BlocksReport = ReturnType<typeof createBlocksReport>
