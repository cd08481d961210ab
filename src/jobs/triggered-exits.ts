import type { ExecutionNode } from '../execution/execution-node.ts'
import { triggeredFilter, triggeredPubkey } from '../execution/late-exits.ts'
import type { LogReader } from '../execution/logs.ts'
import type { Address, Pubkey } from '../lib/primitives.ts'

/** First and last block. */
type Blocks = readonly [from: number, to: number]

/** Which keys the logs of modules name as made to exit through the execution layer. */
export function createTriggeredExits(readLogs: LogReader, lifetime: AbortSignal) {
  let keys = new Set<Pubkey>()
  /** Nothing between them is read again. */
  let known: Blocks | undefined

  return {
    has: (key: Pubkey) => keys.has(key),
    forget(): void {
      keys = new Set()
      known = undefined
    },
    /**
     * @param oldest - the first block that may hold one
     * @param head - the last one
     */
    async read(
      node: ExecutionNode,
      modules: readonly Address[],
      oldest: number,
      head: number,
    ): Promise<void> {
      const into = keys
      const keep = (logs: readonly unknown[]) => {
        for (const raw of logs) {
          const key = triggeredPubkey(raw)
          if (key !== undefined) into.add(key)
        }
      }
      const missing: readonly Blocks[] =
        known === undefined
          ? [[oldest, head]]
          : [
              [known[1] + 1, head],
              [oldest, known[0] - 1],
            ]
      for (const [fromBlock, toBlock] of missing) {
        if (fromBlock > toBlock) continue
        await readLogs(node, { ...triggeredFilter(modules), fromBlock, toBlock }, keep, lifetime)
        // Unless they were forgotten meanwhile.
        if (into !== keys) return
        const [from, to] = known ?? [fromBlock, toBlock]
        known = [Math.min(from, fromBlock), Math.max(to, toBlock)]
      }
    },
  }
}
