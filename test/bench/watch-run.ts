import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { receiptsRootOf } from '../../src/proof/receipts.ts'
import { createBeaconChain } from '../sim/beacon-chain.ts'
import { startBeaconNode } from '../sim/beacon-node.ts'
import { createExecutionChain } from '../sim/execution-chain.ts'
import { startExecutionNode } from '../sim/execution-node.ts'
import { receiptsOf } from '../sim/execution-rpc.ts'
import { type Daemon, startDaemon } from './daemon.ts'
import { callsByCycle } from './idle-run.ts'
import { CLI_MAIN } from './places.ts'

export type WatchRun = {
  /** From the start of the process until every request is proven and looked up. */
  readonly startSeconds: number
  /** Processor time of a cycle in which a new block is all that happens. */
  readonly cpuMs: number
  /** The most that was held at any time, bytes. */
  readonly peakRss: number | undefined
  /** Calls to the nodes, cycle by cycle, those included that read names and deadlines. */
  readonly calls: readonly number[]
}

const OPERATORS = 1_000
const MODULES = [1, 2, 3, 4]
const REQUESTS = 20_000
/** Three reports a day for 15 days, as the oracle makes them. */
const REPORTS = 45
const BLOCKS = 108_000
const SECONDS_PER_SLOT = 12
/** One in so many is open. */
const OPEN_IN = 100
const INTERVAL_MS = 2_000
const CYCLES = 10
const EPOCH = 10_000

const pubkeyOf = (index: number) => {
  const hash = (part: number) => createHash('sha256').update(`${index}:${part}`).digest('hex')
  return `0x${(hash(0) + hash(1)).slice(0, 96)}`
}

async function createProtocol() {
  const now = Math.floor(Date.now() / 1_000)
  const genesisTime = now - EPOCH * 32 * SECONDS_PER_SLOT
  const validators = Array.from({ length: REQUESTS }, (_, index) => ({
    pubkey: pubkeyOf(index),
    ...(index % OPEN_IN === 0 ? {} : { exitEpoch: EPOCH - 5, withdrawableEpoch: EPOCH + 251 }),
  }))
  const beacon = createBeaconChain({ genesisTime, epoch: EPOCH, validators })
  const startSlot = EPOCH * 32 - BLOCKS - 100
  const chain = createExecutionChain({
    startTimestamp: genesisTime + startSlot * SECONDS_PER_SLOT,
    modules: MODULES.map((id) => ({ id, operatorCount: OPERATORS / MODULES.length })),
  })
  const slotOf = (block: number) => (chain.timestampOf(block) - genesisTime) / SECONDS_PER_SLOT
  for (let report = 0; report < REPORTS; report += 1) {
    const from = Math.floor((report * REQUESTS) / REPORTS)
    const to = Math.floor(((report + 1) * REQUESTS) / REPORTS)
    const requests = Array.from({ length: to - from }, (_, at) => {
      const operator = (from + at) % OPERATORS
      return {
        moduleId: MODULES[operator % MODULES.length] as number,
        operatorId: Math.floor(operator / MODULES.length),
        validatorIndex: from + at,
        pubkey: pubkeyOf(from + at),
      }
    })
    const { blockNumber } = chain.submitReport({ requests }).dataTransaction
    beacon.payloads.set(slotOf(blockNumber), {
      blockHash: chain.hashOf(blockNumber),
      receiptsRoot: await receiptsRootOf(receiptsOf(chain, blockNumber)),
    })
    chain.mine(Math.floor(BLOCKS / REPORTS) - 10)
  }
  chain.finalize()
  return { chain, beacon }
}

/** `watch` over a protocol of a thousand operators, with twenty thousand requests in its window. */
export async function runWatch(): Promise<WatchRun> {
  const { chain, beacon } = await createProtocol()
  const execution = await startExecutionNode({ chain })
  const consensus = await startBeaconNode({ chain: beacon })
  const home = mkdtempSync(join(tmpdir(), 'watch-bench-'))
  const env = {
    EXECUTION_NODE: execution.url,
    CONSENSUS_NODE: consensus.url,
    LOCATOR_ADDRESS: chain.locator,
    EXIT_BUS_ADDRESS: chain.exitBus,
    JOB_INTERVAL: `${INTERVAL_MS}`,
    STATE_FILE: join(home, 'watch.sqlite'),
  }
  const daemon = await startDaemon(env, home, [process.execPath, CLI_MAIN, 'watch'])
  const clock = setInterval(() => {
    chain.mine(32)
    chain.finalize()
    beacon.advance()
  }, INTERVAL_MS)
  try {
    return await Promise.race([
      measure(daemon, () => [...execution.calls, ...consensus.calls]),
      daemon.died,
    ])
  } finally {
    clearInterval(clock)
    daemon.died.catch(() => {})
    await daemon.stop()
    await Promise.all([execution.close(), consensus.close()])
    rmSync(home, { recursive: true, force: true })
  }
}

async function measure(
  daemon: Daemon,
  calls: () => Parameters<typeof callsByCycle>[0],
): Promise<WatchRun> {
  const looked = () => daemon.usage().catch(() => ({ cycles: 0, cpuMs: 0, failedCycles: 0 }))
  const cyclesDone = async (count: number) => {
    for (;;) {
      const usage = await looked()
      if (usage.cycles >= count) return usage
      await sleep(1_000)
    }
  }
  await cyclesDone(1)
  const startSeconds = (performance.timeOrigin + performance.now() - daemon.startedAt) / 1_000
  // Until all names and deadlines are read.
  const { cycles } = await cyclesDone(1 + Math.ceil(OPERATORS / 128) + 3)
  const before = await looked()
  const after = await cyclesDone(cycles + CYCLES)
  if (after.failedCycles > 0) throw new Error(`a cycle failed:\n${daemon.output()}`)
  const sorted = calls()
    .filter(({ path }) => path !== '/eth/v1/events')
    .sort((a, b) => a.at - b.at)
  return {
    startSeconds,
    cpuMs: (after.cpuMs - before.cpuMs) / (after.cycles - before.cycles),
    peakRss: daemon.peakRss(),
    calls: callsByCycle(sorted),
  }
}
