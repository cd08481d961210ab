import {
  type App,
  type AppOptions,
  type Base,
  type Connected,
  type OpenDuty,
  startDaemon,
} from './app/daemon.ts'
import { createReading } from './app/reading.ts'
import type { CommonConfig } from './config.ts'
import { createLogReader } from './execution/logs.ts'
import { createWatchedOperators } from './jobs/watched-operators.ts'
import { EVERY_MODULE } from './requests/scope.ts'
import { createWatchCycle, MOST_REQUESTS } from './watch/cycle.ts'
import { watchStatus } from './watch/status.ts'

/** What of a look only `watch --once` wants to know. */
export type Looked = {
  readonly failures: readonly string[]
  /** What stays unknown although nothing failed: blocks that no node gives. */
  readonly unknown: readonly string[]
  /** Nothing of the operators was still to be read when it began, or is now. */
  readonly isSettled: boolean
}

type WatchOptions = AppOptions & { readonly onLook?: (looked: Looked) => void }

/**
 * Watches whether what the protocol asks for exits in time, and hands out nothing: no message, no
 * webhook and no pool can be reached from here (the linter holds that).
 *
 * @throws when the port is taken
 */
export const startWatch = (config: CommonConfig, options: WatchOptions): Promise<App> =>
  startDaemon(config, options, {
    mode: 'watch',
    // Operators that were asked have series, and nobody else.
    measured: new Map(),
    open: async (base) => open(config, options, base),
  })

function open(config: CommonConfig, options: WatchOptions, base: Base): OpenDuty {
  const { nodes, metrics, now } = base
  const { scope } = config

  function connect(connected: Connected) {
    const { journal } = connected
    const modules = createWatchedOperators({
      locator: config.locatorAddress,
      nodes: nodes.execution.nodes,
      readLogs: createLogReader(config.loadLogsStep, now),
      head: () => journal.facts.cursor,
      log: options.log,
      now,
      lifetime: base.aborting,
    })
    const reading = createReading(
      {
        ...base,
        ...connected,
        config,
        log: options.log,
        // Nobody here knows validators from elsewhere.
        registry: { learn: () => {} },
        lifetime: base.aborting,
        mostAtOnce: MOST_REQUESTS,
      },
      modules.termsOf,
    )
    const windowBlocks = config.blocksPreload
    const { runCycle, overview } = createWatchCycle({ ...reading, modules, windowBlocks })
    metrics.setOperators(() => overview().map((one) => ({ ...one, name: one.name ?? '' })))
    const isWatched = (id: number) =>
      scope.has(EVERY_MODULE) || [...scope.keys()].some((one) => one === id)
    return {
      status: () => watchStatus(overview(), modules, isWatched),
      async runCycle(signal: AbortSignal) {
        const wasSettled = modules.pending() === 0
        const report = await runCycle(signal)
        const { failures, notReady: unknown } = report
        options.onLook?.({ failures, unknown, isSettled: wasSettled && modules.pending() === 0 })
        return report
      },
    }
  }

  return { begin: () => {}, isLoaded: () => true, connect, close: async () => {} }
}
