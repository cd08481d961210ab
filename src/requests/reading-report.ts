import type { Case, CycleParts } from './cycle-parts.ts'
import { describeTimeLeft, moduleLimit } from './deadlines.ts'
import { isOver } from './derive.ts'
import type { ExitRequest, RequestKey } from './exit-request.ts'
import type { UnreadBlocks } from './facts.ts'
import type { IsNews } from './news.ts'
import { openNamesOf } from './rendering.ts'
import { countBlocks, sumUpUnread, UNREAD_REMEDY } from './unread.ts'

/** Seconds. A healthy chain finalizes every 13 minutes. */
const STALE_AFTER_S = 60 * 60

/** Tells the operator what was read from the chain, and what was proven of it. */
export function createReadingReport(parts: CycleParts, isNews: IsNews) {
  const { log, metrics, now } = parts
  const isNewlyProven = createProofNews()
  /** Requests that were read and not told yet. */
  const untold = new Map<RequestKey, ExitRequest>()
  /** The whole look-back was read and told: what is read from now on is new. */
  let isCaughtUp = false

  function tellRequested(request: ExitRequest): void {
    log.info('exit requested', {
      ...openNamesOf(request, now(), moduleLimit(request, parts.termsOf)),
      block: request.blockNumber,
      transaction: request.transactionHash,
      requestedAt: new Date(request.timestamp * 1_000).toISOString(),
    })
  }

  /**
   * What is new of requests; of the look-back, exits that are over get one line together.
   *
   * @param isComplete - all blocks of the look-back were read
   */
  function tellUntold(cases: readonly Case[], isComplete: boolean): void {
    const over = new Set(
      cases.filter(({ state }) => isOver(state)).map(({ request }) => request.key),
    )
    for (const [key, request] of untold) if (!over.has(key)) tellRequested(request)
    const proven = cases.filter(isNewlyProven)
    for (const one of proven)
      if (!over.has(one.request.key)) {
        tellProven(one, openNamesOf(one.request, now(), one.limit), log)
      }
    const past = new Set([...untold.keys(), ...proven.map(({ request }) => request.key)])
    const count = [...past].filter((key) => over.has(key)).length
    untold.clear()
    isCaughtUp ||= isComplete
    if (count > 0)
      log.info(`exit requests: validators of ${count} earlier ones have exited already`)
  }

  return {
    tellUntold,

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

    /** Those of the look-back are told once it is known whose validators have left already. */
    tellNew(requests: readonly ExitRequest[]): void {
      for (const request of requests) {
        if (isCaughtUp) tellRequested(request)
        else untold.set(request.key, request)
      }
    },
  }
}

/** True of a request that is proven, once; of several logs of one exit for one of them. */
function createProofNews() {
  const told = new Set<string>()
  return ({ request, verdict }: Case): boolean => {
    const { transactionHash, moduleId, operatorId, validatorIndex, pubkey } = request
    const id = [transactionHash, moduleId, operatorId, validatorIndex, pubkey].join()
    if (verdict?.kind !== 'proven' || told.has(id)) return false
    told.add(id)
    return true
  }
}

function tellProven({ verdict }: Case, names: object, log: CycleParts['log']): void {
  if (verdict?.kind !== 'proven') return
  const { by, block, refSlot, transactions, signers, notes } = verdict
  log.info('exit request proven', {
    ...names,
    by,
    ...(block === undefined ? {} : { finalizedBlock: block.hash, confirmedBy: block.confirmedBy }),
    ...(refSlot === undefined ? {} : { reportSlot: refSlot }),
    transactions,
    signers,
    ...(notes.length === 0 ? {} : { notes }),
  })
}
