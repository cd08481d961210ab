import { createOffer } from '../app/offer.ts'
import { createPipeline, type PipelineParts } from '../app/pipeline.ts'
import type { OfferResult, Reading } from '../requests/cycle-parts.ts'
import type { World } from './world.ts'

/** Whoever only looks hands nothing out, whatever the cycle decides. */
const refuse = async (): Promise<OfferResult> => ({ accepted: false, answers: [] })

type Parts = World & Pick<PipelineParts, 'chainId' | 'messages' | 'journal' | 'lifetime'>

/** The daemon's parts of a cycle, without a way out. */
export function openDryPipeline(parts: Parts) {
  let upTo: number | undefined
  const { nextOfferAt } = createOffer(parts.config, parts.nodes, parts.metrics)
  const pipeline = createPipeline({
    ...parts,
    offer: { offer: refuse, nextOfferAt, settled: async () => {} },
    onUnlistedSigner: () => {},
    onRead: (block) => {
      upTo = block
    },
  })
  const { settings } = pipeline
  return {
    /** It rehearses, also where a HOLD_FILE exists: what would be done is what is asked. */
    pipeline: {
      ...pipeline,
      settings: { ...settings, dryRun: true },
      isHeld: async () => false,
    },
    /** Last block that was read so far. */
    readUpTo: () => upTo,
  }
}

/** What a reader gives that has nothing to add. */
export const NOTHING_NEW: Reading = {
  requests: [],
  reportedBy: new Map(),
  contracts: [],
  versionProblem: null,
  cursor: undefined,
  finalizedAt: undefined,
  unread: [],
  remaining: 0,
  complete: true,
  problems: [],
  alarms: [],
}
