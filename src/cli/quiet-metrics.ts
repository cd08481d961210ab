import type { Config } from '../config.ts'
import { createMetrics, type Metrics } from '../observe/metrics.ts'

/**
 * Metrics that nobody scrapes, for parts that want to count. Through them the load of the messages
 * says how far it is.
 */
export function createQuietMetrics(
  config: Config,
  progress: (what: string, done: number, total: number) => void,
): Metrics {
  const metrics = createMetrics({
    prefix: config.promPrefix,
    version: '',
    mode: config.delivery.mode,
    scope: config.scope,
    dryRun: config.dryRun,
    trustMode: config.trustMode,
    nodeMetrics: false,
  })
  return {
    ...metrics,
    setLoadProgress(load) {
      metrics.setLoadProgress(load)
      progress('reading messages', load.done, load.files)
    },
  }
}
