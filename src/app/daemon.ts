import { networkName } from '../config/networks.ts'
import type { CommonConfig } from '../config.ts'
import { type ChainInfo, createChainInfoReader } from '../consensus/chain-info.ts'
import { watchFinality } from '../jobs/finality-watch.ts'
import { createLoop, createWaker, type Waker } from '../jobs/loop.ts'
import { pause } from '../lib/deadline.ts'
import { send } from '../lib/http.ts'
import { createHealth, type Health } from '../observe/health.ts'
import { type HttpServerOptions, startHttpServer } from '../observe/http-server.ts'
import type { Logger } from '../observe/log.ts'
import { createMetrics, type Metrics, type Mode } from '../observe/metrics.ts'
import type { StatusDocument } from '../page/status-document.ts'
import type { CycleReport } from '../requests/cycle-parts.ts'
import type { Scope } from '../requests/scope.ts'
import { createClockWatch, createSkewTeller } from './clock.ts'
import { checkProof } from './exit-bus.ts'
import { createNodes, type Nodes } from './nodes.ts'
import { type KeptJournal, openKeptJournal } from './open-journal.ts'
import { describeSetUp, waitForNodes } from './start-up.ts'
import { createStatus, redactVerdict, type Status, type StatusSources } from './status.ts'

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
}

export type App = {
  /** Of the HTTP server, where there is one. */
  readonly port: number | undefined
  /** Resolves when the daemon has ended; rejects when it cannot work as it is set up. */
  readonly ended: Promise<void>
  /** What `/status` answers, whether it is served or not. */
  readonly status: () => StatusDocument
  /** The cycle that runs is finished; then `ended` resolves. */
  stop(): void
}

/** What is there before any node is known. */
export type Base = {
  readonly options: AppOptions
  readonly now: () => number
  readonly metrics: Metrics
  readonly health: Health
  readonly waker: Waker
  readonly nodes: Nodes
  readonly readChainInfo: (signal: AbortSignal) => Promise<ChainInfo>
  /** Ends the daemon after the cycle that runs. */
  readonly stopping: AbortSignal
  /** Ends the cycle that runs too. */
  readonly aborting: AbortSignal
}

/** What is known once the nodes agree on a chain. */
export type Connected = {
  readonly chainId: bigint
  readonly journal: KeptJournal
  /** To be told the last block that was read. */
  readonly onRead: (upTo: number | undefined) => void
}

/** What a daemon does with the requests that it follows: it hands out exits, or only watches. */
export type Duty = {
  readonly mode: Mode
  /** Whose requests are measured from the start. */
  readonly measured: Scope
  readonly keysApi?: HttpServerOptions['keysApi']
  /**
   * What can be opened without an answer of any node.
   *
   * @throws when it is set up in a way that cannot work
   */
  open(base: Base): Promise<OpenDuty>
}

export type OpenDuty = {
  /** The nodes are up, and agree on this chain. */
  begin(chainId: bigint): void
  /** Whether what is needed beside the nodes is there. */
  isLoaded(): boolean
  connect(connected: Connected): Running
  /** Nothing is done after it. */
  close(): Promise<void>
}

type Running = {
  /** Its part of `/status`. */
  readonly status: StatusSources['more']
  readonly runCycle: (signal: AbortSignal) => Promise<CycleReport>
  /** After each cycle, a failed one too, unless the end of the daemon cut it short. */
  readonly cycleEnded?: (ok: boolean) => void
  /** Resolves when nothing is under way any more. */
  readonly settled?: () => Promise<void>
}

/** After a stop the cycle that runs may take this long; the rest of 10 s is for closing. */
const FINISH_MS = 6_000
/** And threads this long. */
const CLOSE_MS = 1_000

/**
 * A daemon around its duty: server, nodes, journal, cycle after cycle, and its end.
 *
 * @throws when the port is taken
 */
export async function startDaemon(
  config: CommonConfig,
  options: AppOptions,
  duty: Duty,
): Promise<App> {
  const { log, version } = options
  const now = options.now ?? Date.now
  const stopping = new AbortController()
  const aborting = new AbortController()
  const abort = () => aborting.abort(new Error('the daemon stops'))
  const { mode, measured: scope } = duty
  const { promPrefix: prefix, dryRun, trustMode } = config
  const metrics = createMetrics({ prefix, version, mode, dryRun, trustMode, scope })
  const status = createStatus({ version, mode, config, now, redact: log.redact })
  const health = createHealth(config.jobIntervalMs, now)
  const clock = createClockWatch(send, now)
  const nodes = createNodes(config, metrics, options.callTimeoutMs, clock.send)
  const base: Base = {
    options,
    now,
    metrics,
    health,
    waker: createWaker(),
    nodes,
    readChainInfo: createChainInfoReader(nodes.consensus.nodes, now),
    stopping: stopping.signal,
    aborting: aborting.signal,
  }
  // After the first steps towards the nodes, during which nobody is answered.
  const serving = Promise.resolve().then(() =>
    openServer({ config, options, metrics, status, health, duty }),
  )

  async function connectAndRun(): Promise<void> {
    // At once: nodes are looked for while threads and files are opened.
    const opening = duty.open(base)
    try {
      status.waitingFor(nodes)
      const [opened, chainId] = await Promise.all([opening, connect(config, base), serving])
      if (chainId === undefined) return
      opened.begin(chainId)
      log.info(`Validator Ejector ${version} runs`, describeSetUp(config, mode, chainId))
      await run({ config, base, status, opened, chainId, tellSkew: createSkewTeller(clock, log) })
    } finally {
      stopping.abort()
      abort()
      // A thread in a native call cannot be interrupted; it ends with the process.
      const closed = opening.catch(() => undefined).then((opened) => opened?.close())
      await Promise.race([closed, pause(CLOSE_MS, new AbortController().signal)])
    }
  }

  async function runToTheEnd(): Promise<void> {
    try {
      await connectAndRun()
    } finally {
      await (await serving.catch(() => undefined))?.close()
      metrics.stop()
    }
  }

  const ended = runToTheEnd()
  // Where the server cannot be opened, both fail.
  serving.catch(() => ended.catch(() => {}))
  const server = await serving
  return {
    port: server?.port,
    ended,
    status: status.read,
    stop() {
      if (stopping.signal.aborted) return
      stopping.abort()
      const timer = setTimeout(abort, FINISH_MS).unref()
      void ended.catch(() => {}).finally(() => clearTimeout(timer))
    },
  }
}

type Served = Pick<Base, 'options' | 'metrics' | 'health'> & {
  readonly config: CommonConfig
  readonly status: Status
  readonly duty: Duty
}

async function openServer({ config, options, metrics, status, health, duty }: Served) {
  const port = options.port ?? config.http.port
  if (port === undefined) return undefined
  const { redact } = options.log
  const { runStatus } = config.http
  const { pageRoutes } = runStatus ? await import('../page/page-routes.ts') : {}
  return startHttpServer({
    port,
    host: config.http.host,
    runMetrics: config.http.runMetrics,
    runHealthCheck: config.http.runHealthCheck,
    metrics: metrics.expose,
    status: runStatus ? status.read : undefined,
    page: pageRoutes?.(status.read),
    keysApi: config.http.runKeysApi ? duty.keysApi : undefined,
    health: redactVerdict(health.health, redact),
    ready: redactVerdict(health.ready, redact),
  })
}

/**
 * Waits for nodes that agree on a chain.
 *
 * @returns `undefined` when the daemon was stopped first
 */
async function connect(config: CommonConfig, base: Base): Promise<bigint | undefined> {
  const { options, metrics, health, stopping, nodes } = base
  const { log } = options
  const chainId = await waitForNodes(
    nodes,
    log,
    health.waitingFor,
    metrics.setNode,
    stopping,
    options.pause,
    options.isContainer,
  )
  if (chainId !== undefined) checkProof(config, chainId, log)
  return chainId
}

type RunParts = {
  readonly config: CommonConfig
  readonly base: Base
  readonly status: Status
  readonly opened: OpenDuty
  readonly chainId: bigint
  /** Says when the clock differs from the nodes'. */
  readonly tellSkew: () => void
}

/** Cycle after cycle, until the daemon is stopped. */
async function run({ config, base, status, opened, chainId, tellSkew }: RunParts): Promise<void> {
  const { options, now, metrics, health, waker, nodes, stopping, aborting } = base
  const { log } = options
  const journal = await openKeptJournal({ config, chainId, log, metrics, now })
  try {
    let lastRead: number | undefined
    const duty = opened.connect({
      chainId,
      journal,
      onRead: (upTo) => {
        lastRead = upTo
      },
    })
    status.attach({ network: networkName(chainId), nodes, journal, more: duty.status })
    const loop = createLoop({
      async runCycle(signal) {
        const report = await duty.runCycle(signal)
        status.cycleReported(report)
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
        health.cycleEnded(ok, failures, opened.isLoaded())
        status.cycleEnded(ok, failures)
        if (ok) metrics.set('last_successful_cycle_timestamp_seconds', now() / 1_000)
        duty.cycleEnded?.(ok)
        tellSkew()
      },
    })
    if (config.finalityEvents) {
      const { wake } = waker
      const parts = { config, nodes, lastRead: () => lastRead, wake, log, metrics }
      void watchFinality(parts, stopping)
    }
    await loop.run(stopping, aborting)
    await duty.settled?.()
  } finally {
    journal.close()
  }
}
