import pLimit from 'p-limit'
import { NoAnswerError } from '../lib/http.ts'
import type { ReceiptsLookUp } from '../proof/look-up.ts'
import { checkReceipts, type ReceiptsCheck } from '../proof/receipts.ts'
import type { ExecutionNode } from './execution-node.ts'
import { RpcError } from './rpc-errors.ts'

/** Receipts asked for at once, where a node gives them one by one only. */
const RECEIPTS_AT_ONCE = 8

/**
 * The receipts of a block from one node, held against their root: by hash, else by number (some
 * clients answer `null` to a hash), else transaction by transaction.
 *
 * @returns the last answer that is not of the block, where no way gives the right one
 * @throws NoAnswerError when the node knows no such block
 */
export async function readReceipts(
  node: ExecutionNode,
  { blockHash, blockNumber, receiptsRoot, contract }: ReceiptsLookUp,
  signal: AbortSignal,
): Promise<ReceiptsCheck> {
  const limit = pLimit(RECEIPTS_AT_ONCE)
  const ways = [
    () => node.blockReceipts(blockHash, signal),
    () => node.blockReceipts(blockNumber, signal),
    async () => {
      const hashes = await node.blockTransactions(blockHash, signal)
      return hashes && Promise.all(hashes.map((one) => limit(() => node.receipt(one, signal))))
    },
  ]
  let check: ReceiptsCheck | undefined
  for (const way of ways) {
    const receipts = await way().catch((error: unknown) => {
      // A way that this node refuses leaves the others; one that does not answer is asked later.
      if (error instanceof RpcError) return null
      throw error
    })
    if (receipts === null) continue
    check = await checkReceipts(receipts, receiptsRoot, contract)
    if (check.ok) return check
  }
  if (check === undefined) throw new NoAnswerError(`receipts of block ${blockHash} are not known`)
  return check
}
