import { createClockWatch, createSkewTeller } from './app/clock.ts'
import { createJobs } from './app/jobs.ts'
import { openKeptJournal } from './app/journal.ts'
import { createMessages, type MessagesTask } from './app/messages.ts'
import { createNodes, type Nodes } from './app/nodes.ts'
import { createOffer } from './app/offer.ts'
import { createPipeline, type PipelineParts } from './app/pipeline.ts'
import { checkProof } from './app/prover.ts'
import { describeSetUp, waitForNodes } from './app/start-up.ts'
import { createStatus, redactVerdict, type Status } from './app/status.ts'
import { networkName } from './config/networks.ts'
import type { Config } from './config.ts'
import { createChainInfoReader } from './consensus/chain-info.ts'
import { createRegistryReader } from './consensus/registry-reader.ts'
import { createCycle } from './cycle.ts'
import { watchFinality } from './jobs/finality-watch.ts'
import { createLoop, createWaker, type Waker } from './jobs/loop.ts'
import { pause } from './lib/deadline.ts'
import { send } from './lib/http.ts'
import { createHealth, type Health } from './observe/health.ts'
import { startHttpServer } from './observe/http-server.ts'
import { createKeysApi, type KeysApi } from './observe/keys-api.ts'
import type { Logger } from './observe/log.ts'
import { createMetrics, type Metrics } from './observe/metrics.ts'

export type AppOptions = {
  readonly version: string
  readonly log: Logger
  /** This process runs in a container: a loopback address there is its own. */
  readonly isContainer?: boolean
  /** Test seams: the real ones unless given. */
  readonly now?: () => number
  /** Milliseconds that only go forward; with a `now` of a test that one, unless given. */
  readonly elapsed?: () => number
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
  /** The cycle that runs is finished; then `ended` resolves. */
  stop(): void
}

/** After a stop the cycle that runs may take this long; the rest of 10 s is for closing. */
const FINISH_MS = 6_000
/** And threads this long. */
const CLOSE_MS = 1_000

/** What the daemon is made of before it knows any node. */
type Base = {
  readonly config: Config
  readonly options: AppOptions
  readonly now: () => number
  readonly metrics: Metrics
  readonly status: Status
  readonly keysApi: KeysApi
  readonly health: Health
  readonly waker: Waker
  /** Ends the daemon after the cycle that runs. */
  readonly stopping: AbortSignal
  /** Ends the cycle that runs too. */
  readonly aborting: AbortSignal
}

/** What must be there before the first cycle. */
type Connected = {
  readonly chainId: bigint
  readonly nodes: Nodes
  readonly messages: MessagesTask
  /** Says when the clock differs from the nodes'. */
  readonly tellSkew: () => void
} & Pick<PipelineParts, 'readChainInfo' | 'registry'>

/**
 * Wires everything, and starts it: connect, then run.
 *
 * @throws when the port is taken
 */
export async function startApp(config: Config, options: AppOptions): Promise<App> {
  const { log, version } = options
  const now = options.now ?? Date.now
  const stopping = new AbortController()
  const aborting = new AbortController()
  const abort = () => aborting.abort(new Error('the daemon stops'))
  const metrics = createMetrics({
    prefix: config.promPrefix,
    version,
    mode: config.delivery.mode,
    dryRun: config.dryRun,
    trustMode: config.trustMode,
    scope: config.scope,
  })
  const status = createStatus({ version, config, now, redact: log.redact })
  const health = createHealth(config.jobIntervalMs, now)
  const waker = createWaker()
  const keysApi = createKeysApi(version, config.scope)
  const signals = { stopping: stopping.signal, aborting: aborting.signal }
  const base: Base = { config, options, now, metrics, status, keysApi, health, waker, ...signals }
  const server = await openServer(base)

  async function connectAndRun(): Promise<void> {
    const opened = await open(base)
    try {
      const connected = await connect(base, opened)
      if (connected !== undefined) await run(base, connected)
    } finally {
      abort()
      // A thread in a native call cannot be interrupted; it ends with the process.
      await Promise.race([opened.messages.close(), pause(CLOSE_MS, new AbortController().signal)])
    }
  }

  async function runToTheEnd(): Promise<void> {
    try {
      await connectAndRun()
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
      const timer = setTimeout(abort, FINISH_MS).unref()
      void ended.catch(() => {}).finally(() => clearTimeout(timer))
    },
  }
}

async function openServer({ config, options, metrics, status, keysApi, health }: Base) {
  const port = options.port ?? config.http.port
  if (port === undefined) return undefined
  const { redact } = options.log
  const { runStatus } = config.http
  const { pageRoutes } = runStatus ? await import('./page/page-routes.ts') : {}
  return startHttpServer({
    port,
    host: config.http.host,
    runMetrics: config.http.runMetrics,
    runHealthCheck: config.http.runHealthCheck,
    metrics: metrics.expose,
    status: runStatus ? status.read : undefined,
    page: pageRoutes?.(status.read),
    keysApi: config.http.runKeysApi ? keysApi.answer : undefined,
    health: redactVerdict(health.health, redact),
    ready: redactVerdict(health.ready, redact),
  })
}

/** What can be opened without an answer of any node: a mistake here ends the start at once. */
async function open(base: Base) {
  const { config, options, metrics, now } = base
  const clock = createClockWatch(send, now)
  const tellSkew = createSkewTeller(clock, options.log)
  const nodes = createNodes(config, metrics, options.callTimeoutMs, clock.send)
  const readChainInfo = createChainInfoReader(nodes.consensus.nodes, now)
  const registry = createRegistryReader(nodes.consensus.nodes, now)
  const chain = { id: 0n }
  const messages = await createMessages({
    config,
    nodes,
    readChainInfo,
    registry,
    chainId: () => chain.id,
    log: options.log,
    metrics,
    now,
    lifetime: base.aborting,
    wake: base.waker.wake,
    onLoaded: base.health.messagesLoaded,
    workers: options.workers ?? new URL('./lib/', import.meta.url),
  })
  return { nodes, readChainInfo, registry, messages, tellSkew, chain }
}

/**
 * Waits for nodes that agree on a chain, and begins to load messages for it.
 *
 * @returns `undefined` when the daemon was stopped first
 */
async function connect(
  { config, options, metrics, status, health, stopping }: Base,
  { chain, ...opened }: Awaited<ReturnType<typeof open>>,
): Promise<Connected | undefined> {
  const { log, version } = options
  status.waitingFor(opened.nodes)
  const chainId = await waitForNodes(
    opened.nodes,
    log,
    health.waitingFor,
    metrics.setNode,
    stopping,
    options.pause,
    options.isContainer,
  )
  if (chainId === undefined) return undefined
  chain.id = chainId
  checkProof(config, chainId, log)
  opened.messages.begin()
  log.info(`Validator Ejector ${version} runs`, describeSetUp(config, chainId))
  return { chainId, ...opened }
}

/** Cycle after cycle, until the daemon is stopped. */
async function run(base: Base, connected: Connected): Promise<void> {
  const { config, options, now, metrics, status, health, waker, stopping, aborting } = base
  const { chainId, nodes, messages } = connected
  const { log } = options
  const journal = openKeptJournal({ config, chainId, log, metrics, now })
  try {
    const offer = createOffer(config, nodes, metrics)
    const { drift, nextExits } = createJobs({
      ...connected,
      config,
      keysApi: base.keysApi,
      log,
      metrics,
      now,
      journal,
      lifetime: stopping,
    })
    let lastRead: number | undefined
    const pipeline = createPipeline({
      ...connected,
      config,
      journal,
      offer,
      log,
      metrics,
      now,
      elapsed: options.elapsed ?? options.now,
      onUnlistedSigner: drift.unlistedSigner,
      lifetime: aborting,
      onRead: (upTo) => {
        lastRead = upTo
      },
    })
    const network = networkName(chainId)
    status.attach({
      network,
      nodes,
      journal,
      messages: messages.snapshot,
      drift,
      nextExits: nextExits.current,
    })
    const runCycle = createCycle(pipeline)
    const loop = createLoop({
      async runCycle(signal) {
        const report = await runCycle(signal)
        status.cycleReported(report)
        drift.cycleReported(report.cases)
        nextExits.cycleEnded(report)
        drift.cycleReported(report.cases)
        health.cycleReported(report.notReady)
        return report
      },
      intervalMs: config.jobIntervalMs,
      log,
      waker,
      ...(options.pause === undefined ? {} : { pause: options.pause }),
      timeCycle: () => metrics.timeJob(config.jobIntervalMs),
      onCycle(ok, failures) {
        journal.lookAfter()
        health.cycleEnded(ok, failures, messages.isLoaded())
        status.cycleEnded(ok, failures)
        if (ok) metrics.set('last_successful_cycle_timestamp_seconds', now() / 1_000)
        drift.cycleEnded()
        connected.tellSkew()
      },
    })
    if (config.finalityEvents) {
      const { wake } = waker
      const parts = { config, nodes, lastRead: () => lastRead, wake, log, metrics }
      void watchFinality(parts, stopping)
    }
    await loop.run(stopping, aborting)
    await Promise.race([offer.settled(), pause(1_000, aborting)])
  } finally {
    journal.close()
  }
}
