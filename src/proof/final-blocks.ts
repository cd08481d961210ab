import type { CycleParts } from '../requests/cycle-parts.ts'
import type { ExitRequest } from '../requests/exit-request.ts'
import { addFinalBlock, type Evidence } from './evidence.ts'
import type { Proven } from './judge.ts'
import type { FinalityParts } from './prover.ts'
import { logsOfPaths } from './receipts.ts'

type Journal = CycleParts['journal']

/**
 * Adds what the journal keeps of the blocks of these requests, so that nobody is asked again: the
 * word of consensus nodes that are still configured, and receipts that still lead to the root.
 */
export async function addKeptBlocks(
  evidence: Evidence,
  requests: readonly ExitRequest[],
  { facts }: Journal,
  { exitBus, configured }: FinalityParts,
): Promise<void> {
  for (const hash of new Set(requests.map(({ blockHash }) => blockHash))) {
    const kept = facts.finalBlocks.get(hash)
    if (kept === undefined || kept.contract !== exitBus) continue
    const confirmedBy = kept.confirmedBy.filter((host) => configured.includes(host))
    if (confirmedBy.length === 0) continue
    // What does not lead there is damaged: the nodes are asked instead.
    const { receipts, receiptsRoot } = kept
    const logs = await logsOfPaths(receipts, receiptsRoot, exitBus).catch(() => undefined)
    if (logs !== undefined) addFinalBlock(evidence, { ...kept, confirmedBy }, { logs, receipts })
  }
}

/** Keeps the block that proved a request, unless it is kept already. */
export function keepBlock(
  evidence: Evidence,
  { block }: Proven,
  journal: Journal,
  { exitBus: contract }: FinalityParts,
): void {
  if (block === undefined) return
  const before = journal.facts.finalBlocks.get(block.hash)
  const isKept =
    before?.contract === contract &&
    block.confirmedBy.every((host) => before.confirmedBy.includes(host))
  const receipts = evidence.receipts.get(block.receiptsRoot)?.receipts
  if (isKept || receipts === undefined) return
  journal.append([{ kind: 'final-block', block: { ...block, contract, receipts } }])
}
