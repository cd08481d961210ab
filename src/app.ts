import { createClockWatch, createSkewTeller } from './app/clock.ts'
import { type KeptJournal, openKeptJournal } from './app/journal.ts'
import { createMessages } from './app/messages.ts'
import { createNodes } from './app/nodes.ts'
import { createOffer } from './app/offer.ts'
import { createPipeline } from './app/pipeline.ts'
import { waitForNodes } from './app/start-up.ts'
import { createStatus, redactVerdict } from './app/status.ts'
import { networkName } from './config/networks.ts'
import type { Config } from './config.ts'
import { createChainInfoReader } from './consensus/chain-info.ts'
import { createRegistryReader } from './consensus/registry-reader.ts'
import { createCycle } from './cycle.ts'
import { createLogReader } from './execution/logs.ts'
import { createDriftDetector } from './jobs/allowlist-drift.ts'
import { watchFinality } from './jobs/finality-watch.ts'
import { createLoop } from './jobs/loop.ts'
import { pause } from './lib/deadline.ts'
import { send } from './lib/http.ts'
import { createHealth } from './observe/health.ts'
import { startHttpServer } from './observe/http-server.ts'
import type { Logger } from './observe/log.ts'
import { createMetrics } from './observe/metrics.ts'

export type AppOptions = {
  readonly version: string
  readonly log: Logger
  /** This process runs in a container: a loopback address there is its own. */
  readonly isContainer?: boolean
  /** Test seams: the real ones unless given. */
  readonly now?: () => number
  /** Milliseconds for one call to a node. */
  readonly callTimeoutMs?: number
  /** The rest between cycles, and between looks at nodes that are not up yet. */
  readonly pause?: typeof pause
  /** Instead of the configured port; 0 is any free one. */
  readonly port?: number
  /** Folder of the built workers, where the sources run unbuilt; ends in a slash. */
  readonly workers?: URL
}

export type App = {
  /** Of the HTTP server, where there is one. */
  readonly port: number | undefined
  /** Resolves when the daemon has ended; rejects when it cannot work as it is set up. */
  readonly ended: Promise<void>
  /** What is in hand is finished; then `ended` resolves. */
  stop(): void
}

/** After a stop the cycle in hand may take this long; the rest of 10 s is for closing. */
const FINISH_MS = 6_000
/** And threads this long. */
const CLOSE_MS = 1_000

/**
 * Wires everything, and starts it.
 *
 * @throws when the port is taken
 */
export async function startApp(config: Config, options: AppOptions): Promise<App> {
  const { log, version } = options
  const now = options.now ?? Date.now
  const stopping = new AbortController()
  const aborting = new AbortController()
  const mode = config.delivery.mode
  const metrics = createMetrics({
    prefix: config.promPrefix,
    version,
    mode,
    dryRun: config.dryRun,
    trustMode: config.trustMode,
    scope: config.scope,
  })
  const status = createStatus({ version, config, now, redact: log.redact })
  const health = createHealth(config.jobIntervalMs, now)
  const port = options.port ?? config.http.port
  const server =
    port === undefined
      ? undefined
      : await startHttpServer({
          port,
          host: config.http.host,
          runMetrics: config.http.runMetrics,
          runHealthCheck: config.http.runHealthCheck,
          metrics: metrics.expose,
          status: config.http.runStatus ? status.read : undefined,
          health: redactVerdict(health.health, log.redact),
          ready: redactVerdict(health.ready, log.redact),
        })

  async function run(): Promise<void> {
    const clock = createClockWatch(send, now)
    const tellSkew = createSkewTeller(clock, log)
    const nodes = createNodes(config, metrics, options.callTimeoutMs, clock.send)
    const offer = createOffer(config, nodes, metrics)
    const readChainInfo = createChainInfoReader(nodes.consensus.nodes, now)
    const registry = createRegistryReader(nodes.consensus.nodes, now)
    let agreedChainId = 0n
    let wakeLoop = () => {}
    const messages = await createMessages({
      config,
      nodes,
      readChainInfo,
      registry,
      chainId: () => agreedChainId,
      log,
      metrics,
      now,
      lifetime: aborting.signal,
      wake: () => wakeLoop(),
      onLoaded: health.messagesLoaded,
      workers: options.workers ?? new URL('./lib/', import.meta.url),
    })
    let opened: KeptJournal | undefined
    try {
      const chainId = await waitForNodes(
        nodes,
        log,
        health.waitingFor,
        metrics.setNode,
        stopping.signal,
        options.pause,
        options.isContainer,
      )
      if (chainId === undefined) return
      agreedChainId = chainId
      messages.begin()
      log.info(`Validator Ejector ${version} runs`, describe(config, chainId))
      const journal = openKeptJournal({ config, chainId, log, metrics, now })
      opened = journal
      const drift = createDriftDetector({
        config,
        nodes: nodes.executionNodes,
        healthy: nodes.execution.nodes.hosts,
        readLogs: createLogReader(config.loadLogsStep, now),
        consensus: () => journal.facts.contracts?.consensus,
        log,
        metrics,
        now,
        lifetime: stopping.signal,
      })
      let lastRead: number | undefined
      const pipeline = createPipeline({
        config,
        chainId,
        nodes,
        readChainInfo,
        registry,
        messages,
        journal,
        offer,
        log,
        metrics,
        now,
        onUnlistedSigner: drift.unlistedSigner,
        lifetime: aborting.signal,
        onRead: (upTo) => {
          lastRead = upTo
        },
      })
      const network = networkName(chainId)
      status.attach({ network, nodes, journal, messages: messages.snapshot, drift })
      const runCycle = createCycle(pipeline)
      const loop = createLoop({
        async runCycle(signal) {
          const report = await runCycle(signal)
          status.cycleReported(report)
          drift.cycleReported(report.cases)
          health.cycleReported(report.notReady)
          return report
        },
        intervalMs: config.jobIntervalMs,
        log,
        ...(options.pause === undefined ? {} : { pause: options.pause }),
        timeCycle: () => metrics.timeJob(config.jobIntervalMs),
        onCycle(ok, failures) {
          journal.lookAfter()
          health.cycleEnded(ok, failures, messages.isLoaded())
          status.cycleEnded(ok, failures)
          if (ok) metrics.setLastSuccessfulCycle(now() / 1_000)
          drift.cycleEnded()
          tellSkew()
        },
      })
      wakeLoop = loop.wake
      if (config.finalityEvents) {
        const { wake } = loop
        void watchFinality(
          { config, nodes, lastRead: () => lastRead, wake, log, metrics },
          stopping.signal,
        )
      }
      await loop.run(stopping.signal, aborting.signal)
      await Promise.race([offer.settled(), pause(1_000, aborting.signal)])
    } finally {
      opened?.close()
      aborting.abort(new Error('the daemon stops'))
      // A thread in a native call cannot be interrupted; it ends with the process.
      await Promise.race([messages.close(), pause(CLOSE_MS, new AbortController().signal)])
    }
  }

  async function runToTheEnd(): Promise<void> {
    try {
      await run()
    } finally {
      await server?.close()
      metrics.stop()
    }
  }

  const ended = runToTheEnd()
  return {
    port: server?.port,
    ended,
    stop() {
      if (stopping.signal.aborted) return
      stopping.abort()
      const timer = setTimeout(
        () => aborting.abort(new Error('the daemon stops')),
        FINISH_MS,
      ).unref()
      void ended.catch(() => {}).finally(() => clearTimeout(timer))
    },
  }
}

function describe(config: Config, chainId: bigint): Readonly<Record<string, unknown>> {
  const hosts = (urls: readonly string[]) => urls.map((url) => new URL(url).host)
  return {
    mode: config.delivery.mode,
    ...(config.dryRun ? { dryRun: true } : {}),
    ...(config.trustMode ? { trustMode: true } : {}),
    network: networkName(chainId),
    scope: Object.fromEntries(config.scope),
    executionNodes: hosts(config.executionNodes),
    consensusNodes: hosts(config.consensusNodes),
  }
}
