import { setTimeout as sleep } from 'node:timers/promises'
import { type Command, startDaemon } from './daemon.ts'
import type { Inputs } from './inputs.ts'
import { createNetwork } from './network.ts'
import { startProbe } from './probe.ts'

/** What it took to load these messages once. */
export type LoadRun = {
  /** From the start of the process until all of them are counted. */
  readonly seconds: number
  readonly livezMs: readonly number[]
  readonly metricsMs: readonly number[]
  /** Calls to the nodes until all is quiet. */
  readonly calls: number
  /** Bytes: at most, and once all is quiet. */
  readonly peakRss: number | undefined
  readonly rss: number
}

/** Until the load has settled, and what follows the first cycle is done. */
const QUIET_MS = 3_000

/** @param isClose - watched so closely that it takes longer */
export async function runLoad(
  inputs: Inputs,
  refused = 0,
  command?: Command,
  isClose = false,
): Promise<LoadRun> {
  const network = await createNetwork(inputs)
  const probe = await startProbe()
  const daemon = await startDaemon(network.env(), network.home, command).catch((error) => {
    probe.close()
    throw error
  })
  const valid = inputs.count - refused
  const report = probe.watch({ url: daemon.url, valid, refused, isClose })
  try {
    const { doneAt, livezMs, metricsMs } = await Promise.race([report, daemon.died])
    await sleep(QUIET_MS)
    const { rss } = await daemon.usage()
    return {
      seconds: (doneAt - daemon.startedAt) / 1_000,
      livezMs,
      metricsMs,
      calls: network.calls().length,
      peakRss: daemon.peakRss(),
      rss,
    }
  } finally {
    await probe.close()
    daemon.died.catch(() => {})
    await daemon.stop()
    await network.close()
  }
}
