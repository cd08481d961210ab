import type { Config } from '../config.ts'
import { createWithdrawalsReader } from '../consensus/sightings.ts'
import { createHoldLook } from '../exits/hold-file.ts'
import { createModuleLimits } from '../jobs/module-limits.ts'
import type { CycleParts, Log } from '../requests/cycle-parts.ts'
import type { MessagesTask } from './messages.ts'
import type { Offer } from './offer.ts'
import { createReading, type ReadingParts } from './reading.ts'

export type PipelineParts = ReadingParts & {
  readonly config: Config
  readonly messages: MessagesTask
  readonly offer: Offer
  /** Milliseconds that only go forward: the process' own unless given. */
  readonly elapsed?: (() => number) | undefined
}

/** Makes what each step of the cycle calls. */
export function createPipeline(parts: PipelineParts): CycleParts {
  const { config, nodes, log, metrics, now, lifetime, offer } = parts
  const limits = createModuleLimits({
    locator: config.locatorAddress,
    scope: config.scope,
    nodes: nodes.execution.nodes,
    log,
    now,
    lifetime,
  })
  const reading = createReading(parts, limits.termsOf)
  return {
    ...reading,
    metrics,
    async checkNodes(signal) {
      const problems = await reading.checkNodes(signal)
      await limits.refresh()
      return problems
    },
    elapsed: parts.elapsed ?? (() => performance.now()),
    settings: {
      mode: config.delivery.mode,
      dryRun: config.dryRun,
      maxExitsPerHour: config.maxExitsPerHour,
      scope: config.scope,
    },
    readMessages: parts.messages.read,
    readPendingWithdrawals: createWithdrawalsReader(nodes.consensus.nodes),
    isHeld: createHoldReader(config.holdFile, log),
    nextOfferAt: offer.nextOfferAt,
    rehearse: (request, deadline) => offer.rehearse?.(request, deadline) ?? {},
    offer: offer.offer,
  }
}

/** A problem is told once, and again when it is another one. */
function createHoldReader(path: string | undefined, log: Log): CycleParts['isHeld'] {
  if (path === undefined) return async () => false
  const look = createHoldLook(path)
  let told: string | undefined
  return async () => {
    const { isHeld, problem } = await look()
    if (problem !== undefined && problem !== told) log.warn(problem)
    told = problem
    return isHeld
  }
}
