import type { Base, Connected } from './app/daemon.ts'
import { type App, type AppOptions, type Duty, type OpenDuty, startDaemon } from './app/daemon.ts'
import { createJobs } from './app/jobs.ts'
import type { MessageSource } from './app/message-source.ts'
import { createMessages } from './app/messages.ts'
import { createOffer } from './app/offer.ts'
import { createPipeline } from './app/pipeline.ts'
import { ejectorStatus } from './app/status-rows.ts'
import type { Config } from './config.ts'
import { createRegistryReader } from './consensus/registry-reader.ts'
import { createCycle } from './cycle.ts'
import { pause } from './lib/deadline.ts'
import { createKeysApi, type KeysApi } from './observe/keys-api.ts'
import type { Case } from './requests/cycle-parts.ts'
import { summarizeCases } from './requests/operator-summary.ts'

export type { App, AppOptions }

/**
 * Wires everything, and starts it: connect, then run.
 *
 * @param source - of messages, where it was opened while this was loaded
 * @throws when the port is taken
 */
export function startApp(
  config: Config,
  options: AppOptions,
  source?: Promise<MessageSource>,
): Promise<App> {
  const keysApi = createKeysApi(options.version, config.scope)
  const duty: Duty = {
    mode: config.delivery.mode,
    measured: config.scope,
    keysApi: keysApi.answer,
    open: (base) => open(config, keysApi, base, source),
  }
  return startDaemon(config, options, duty)
}

/** Handing out exits. A mistake in where the messages are ends the start at once. */
async function open(
  config: Config,
  keysApi: KeysApi,
  base: Base,
  source: Promise<MessageSource> | undefined,
): Promise<OpenDuty> {
  const { options, nodes, metrics, now, readChainInfo } = base
  const registry = createRegistryReader(nodes.consensus.nodes, now)
  const messages = await createMessages({
    config,
    nodes,
    readChainInfo,
    registry,
    log: options.log,
    metrics,
    now,
    lifetime: base.aborting,
    wake: base.waker.wake,
    onLoaded: base.health.messagesLoaded,
    source,
  })

  function connect(connected: Connected) {
    const parts = { ...base, ...connected, config, messages, registry, log: options.log }
    const offer = createOffer(config, nodes, metrics)
    const jobs = createJobs({ ...parts, keysApi, lifetime: base.stopping })
    const { drift, nextExits } = jobs
    const runCycle = createCycle(
      createPipeline({
        ...parts,
        offer,
        elapsed: options.elapsed ?? options.now,
        onUnlistedSigner: drift.unlistedSigner,
        lifetime: base.aborting,
      }),
    )
    return {
      status: (cases: readonly Case[]) =>
        ejectorStatus(
          summarizeCases(cases, connected.journal.facts, config.scope, now()),
          messages.snapshot(),
          nextExits.current(),
          drift.latest(),
        ),
      async runCycle(signal: AbortSignal) {
        const report = await runCycle(signal)
        drift.cycleReported(report.cases)
        nextExits.cycleEnded(report)
        return report
      },
      cycleEnded: () => drift.cycleEnded(),
      settled: () => Promise.race([offer.settled(), pause(1_000, base.aborting)]),
    }
  }

  return {
    begin: messages.begin,
    isLoaded: messages.isLoaded,
    connect,
    close: messages.close,
  }
}
