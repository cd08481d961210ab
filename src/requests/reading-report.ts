import { createBlocksReport } from './blocks-report.ts'
import type { Case, CycleParts } from './cycle-parts.ts'
import { moduleLimit } from './deadlines.ts'
import { isOver } from './derive.ts'
import type { ExitRequest, RequestKey } from './exit-request.ts'
import type { IsNews } from './news.ts'
import { openNamesOf } from './rendering.ts'

/** Tells the operator what was read from the chain, and what was proven of it. */
export function createReadingReport(parts: CycleParts, isNews: IsNews) {
  const { log, now } = parts
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

    ...createBlocksReport(parts, isNews),

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
