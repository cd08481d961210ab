import { type BlockRange, union, withoutAll } from '../execution/block-ranges.ts'
import type { ExecutionNode } from '../execution/execution-node.ts'
import { triggeredFilter, triggeredPubkey } from '../execution/late-exits.ts'
import type { LogReader } from '../execution/logs.ts'
import type { Address, Pubkey } from '../lib/primitives.ts'

/** Which keys the logs of modules name as made to exit through the execution layer. */
export function createTriggeredExits(readLogs: LogReader, lifetime: AbortSignal) {
  let keys = new Set<Pubkey>()
  /** Not read again. */
  let known: readonly BlockRange[] = []

  return {
    has: (key: Pubkey) => keys.has(key),
    forget(): void {
      keys = new Set()
      known = []
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
      if (oldest > head) return
      for (const range of withoutAll([{ fromBlock: oldest, toBlock: head }], known)) {
        await readLogs(node, { ...triggeredFilter(modules), ...range }, keep, lifetime)
        // Unless they were forgotten meanwhile.
        if (into !== keys) return
        known = union([...known, range])
      }
    },
  }
}
