import { readdirSync, statSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Call } from '../sim/faults.ts'
import { type Daemon, startDaemon } from './daemon.ts'
import type { Inputs } from './inputs.ts'
import { createNetwork } from './network.ts'

/** How the requests stand that are known while nothing changes. */
export type Standing = 'gone' | 'mixed' | 'open'

export type IdleRun = {
  readonly cpuMs: number
  /** Calls to the nodes, cycle by cycle. */
  readonly calls: readonly number[]
  /** Files opened; nothing where the file system does not tell. */
  readonly opened: number | undefined
  /** Processor time of the threads that decrypt and verify, a cycle; nothing where no one tells. */
  readonly cryptoMs: number | undefined
}

const INTERVAL_MS = 1_000
/** Twice around: nine cycles refresh every validator. */
const CYCLES = 18
const WARM_UP_CYCLES = 4

/**
 * Lets cycles go by in which a new block is all that happens, at a fast interval, so that what is
 * spread over many cycles is seen in full.
 */
export async function runIdle(inputs: Inputs, known: number, standing: Standing): Promise<IdleRun> {
  const requested = Array.from({ length: known }, (_, i) => i * Math.floor(inputs.count / known))
  const isOpen = (at: number) => standing === 'open' || (standing === 'mixed' && at % 100 === 0)
  const open = new Set(requested.filter((_, at) => isOpen(at)))
  const gone = new Set(requested.filter((_, at) => !isOpen(at)))
  const network = await createNetwork(inputs, (index) => {
    // Too young to leave yet: the daemon looks at it in each cycle, and can do nothing.
    if (open.has(index)) return { activationEpoch: 990 }
    return gone.has(index) ? { exitEpoch: 995, withdrawableEpoch: 1_251 } : {}
  })
  network.ask(requested)
  network.chain.finalize()
  const daemon = await startDaemon(network.env({ JOB_INTERVAL: `${INTERVAL_MS}` }), network.home)
  try {
    await Promise.race([cyclesLater(daemon, WARM_UP_CYCLES), daemon.died])
    return await measure(daemon, network, inputs)
  } finally {
    daemon.died.catch(() => {})
    await daemon.stop()
    await network.close()
  }
}

async function measure(
  daemon: Daemon,
  network: Awaited<ReturnType<typeof createNetwork>>,
  { folder }: Inputs,
): Promise<IdleRun> {
  // The busiest threads of the load are those that verify.
  const crypto = [...daemon.threads()]
    .sort(([, a], [, b]) => b - a)
    .slice(0, availableParallelism())
    .map(([tid]) => tid)
  const cryptoMs = () => {
    const now = daemon.threads()
    return crypto.reduce((sum, tid) => sum + (now.get(tid) ?? 0), 0)
  }
  const readAt = lastReadOf(folder, daemon.startedAt)
  const clock = setInterval(network.advance, INTERVAL_MS)
  try {
    const before = { ...(await daemon.usage()), crypto: cryptoMs() }
    network.execution.clearCalls()
    network.consensus.clearCalls()
    await Promise.race([cyclesLater(daemon, CYCLES), daemon.died])
    const calls = callsByCycle(network.calls())
    const after = { ...(await daemon.usage()), crypto: cryptoMs() }
    if (after.failedCycles > 0) throw new Error(`a cycle failed:\n${daemon.output()}`)
    const cycles = after.cycles - before.cycles
    return {
      cpuMs: (after.cpuMs - before.cpuMs) / cycles,
      calls,
      opened: readAt === undefined ? undefined : countRead(folder, readAt),
      cryptoMs: crypto.length === 0 ? undefined : (after.crypto - before.crypto) / cycles,
    }
  } finally {
    clearInterval(clock)
  }
}

/** The messages are loaded, too. */
async function cyclesLater(daemon: Daemon, count: number): Promise<void> {
  const look = () => daemon.usage().catch(() => ({ cycles: 0, loads: 0 }))
  let start: number | undefined
  for (;;) {
    const { cycles, loads } = await look()
    if (loads > 0) start ??= cycles
    if (start !== undefined && cycles >= start + count) return
    await sleep(INTERVAL_MS)
  }
}

/** A cycle begins with one look at each node. The first and the last one may be cut. */
export function callsByCycle(calls: readonly Call[]): readonly number[] {
  const cycles: number[] = []
  const looked = new Set<string>()
  for (const { path, rpc } of calls) {
    const what = rpc[0] ?? path
    if (what === 'eth_syncing' || what === '/eth/v1/node/syncing') {
      if (looked.has(what) || cycles.length === 0) {
        looked.clear()
        cycles.push(0)
      }
      looked.add(what)
    }
    if (cycles.length > 0) cycles.push((cycles.pop() ?? 0) + 1)
  }
  return cycles.slice(1, -1)
}

const accessTimes = (folder: string) =>
  readdirSync(folder).map((name) => statSync(join(folder, name)).atimeMs)

/** When each file was read last. The load has read them all, or the file system keeps no note. */
function lastReadOf(folder: string, since: number): readonly number[] | undefined {
  const times = accessTimes(folder)
  return times.every((at) => at >= since) ? times : undefined
}

const countRead = (folder: string, before: readonly number[]) =>
  accessTimes(folder).filter((at, i) => at !== before[i]).length
