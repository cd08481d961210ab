import type { Config } from '../config.ts'
import type { RegistryReader } from '../consensus/registry-reader.ts'
import { createCycle } from '../cycle.ts'
import { pause } from '../lib/deadline.ts'
import type { KeysApi } from '../observe/keys-api.ts'
import type { Case } from '../requests/cycle-parts.ts'
import { summarizeCases } from '../requests/operator-summary.ts'
import type { Base, Connected, Running } from './daemon.ts'
import { createJobs } from './jobs.ts'
import type { MessagesTask } from './messages.ts'
import { createOffer } from './offer.ts'
import { createPipeline } from './pipeline.ts'
import { ejectorStatus } from './status-rows.ts'

type EjectorParts = Base &
  Connected & {
    readonly config: Config
    readonly messages: MessagesTask
    readonly registry: RegistryReader
    readonly keysApi: KeysApi
  }

/** What hands exits out, and the jobs beside it. */
export function createEjector(parts: EjectorParts): Running {
  const { config, journal, messages, metrics, nodes, now, options } = parts
  const { log } = options
  const offer = createOffer(config, nodes, metrics)
  const { drift, nextExits } = createJobs({ ...parts, log, lifetime: parts.stopping })
  const runCycle = createCycle(
    createPipeline({
      ...parts,
      log,
      offer,
      elapsed: options.elapsed ?? options.now,
      onUnlistedSigner: drift.unlistedSigner,
      lifetime: parts.aborting,
    }),
  )
  return {
    status: (cases: readonly Case[]) =>
      ejectorStatus(
        summarizeCases(cases, journal.facts, config.scope, now()),
        messages.snapshot(),
        nextExits.current(),
        drift.latest(),
      ),
    async runCycle(signal) {
      const report = await runCycle(signal)
      drift.cycleReported(report.cases)
      nextExits.cycleEnded(report)
      return report
    },
    cycleEnded: () => drift.cycleEnded(),
    settled: () => Promise.race([offer.settled(), pause(1_000, parts.aborting)]),
  }
}
