import { availableParallelism } from 'node:os'
import { beside } from './busy.ts'
import type { Command } from './daemon.ts'
import { runBurst, runExits, runNextExits } from './exit-run.ts'
import { runFinality } from './finality-run.ts'
import { type IdleRun, runIdle, type Standing } from './idle-run.ts'
import { type InputMaker, type Inputs, ONE_BAD_IN } from './inputs.ts'
import type { Limits } from './limits.ts'
import { type LoadRun, runLoad } from './load-run.ts'
import { MIB, median, quantile } from './numbers.ts'
import { againstLimit, type Result, under } from './result.ts'
import { runStart } from './start-run.ts'
import { runWatch } from './watch-run.ts'

export type RowParts = {
  readonly inputs: InputMaker
  readonly limits: Limits
  /** How often each load is measured, its limit right before it. */
  readonly repeats: number
  readonly large: boolean
  /** Another build, or its predecessor: it loads the same files, in turn with ours. */
  readonly against?: Command
}

const MESSAGES = 10_000
/** A hundredth of these has a bad signature. */
const SOME_BAD = 5_000
/** The figures for these tell whether memory grows in a straight line. */
const LARGE = [30_000, 100_000]
const PBKDF2_FILES = 200
const SCRYPT_FILES = 10
const SCRYPT_MIB = 256
const KNOWN_REQUESTS = 1_000
const BURST = 500
/** MiB that the daemon may hold with ten thousand messages. */
const MEMORY_MIB = 200
/** The same for the largest load that is measured. */
const LARGE_MEMORY_MIB = 450
const LIVEZ_MS = 20
const METRICS_MS = 50
/** Milliseconds of processor time until the first line of the log. */
const START_CPU_MS = 500
const STARTS = 9
/** Of them 11 read 108,000 blocks, 10 look up 10,000 validators, and 9 are for the oracle's members. */
const START_CALLS = 60

/** A load, and the seconds that the bare work took right before it. */
type MeasuredLoad = LoadRun & { readonly limit: number; readonly against?: LoadRun }

/** What is measured, by the name that selects it. Loads that several rows speak of are made once. */
export function createRows(parts: RowParts): Readonly<Record<string, () => Promise<Result[]>>> {
  const { inputs, limits, repeats, against } = parts
  const made = new Map<string, Promise<readonly MeasuredLoad[]>>()

  function loads(
    name: string,
    make: () => Promise<Inputs>,
    limitOf: (inputs: Inputs) => Promise<number>,
    refused = 0,
  ) {
    const run = async () => {
      const given = await make()
      const runs: MeasuredLoad[] = []
      for (let i = 0; i < repeats; i += 1) {
        const limit = await limitOf(given)
        const run = await runLoad(given, refused)
        const other = against && (await runLoad(given, refused, against))
        runs.push({ ...run, limit, ...(other && { against: other }) })
      }
      return runs
    }
    const known = made.get(name) ?? run()
    made.set(name, known)
    return known
  }

  const plain = () => loads('plain', () => inputs.plain(MESSAGES), limits.verify)
  const bad = () =>
    loads('bad', () => inputs.someBad(SOME_BAD), limits.verify, SOME_BAD / ONE_BAD_IN)
  const pbkdf2 = () =>
    loads(
      'pbkdf2',
      () => inputs.sealed('pbkdf2', PBKDF2_FILES),
      () => limits.derive('pbkdf2', PBKDF2_FILES),
    )
  const scrypt = () =>
    loads(
      'scrypt',
      () => inputs.sealed('scrypt', SCRYPT_FILES),
      () => limits.derive('scrypt', SCRYPT_FILES),
    )
  const encrypted = () => loads('encrypted', () => inputs.encrypted(MESSAGES), limits.verify)

  return {
    async plain() {
      return [timeOf('plain', '10,000 plain messages', await plain(), 1.3)]
    },
    async bad() {
      return [timeOf('bad', '5,000 messages, 1 % with a bad signature', await bad(), 1.5)]
    },
    async pbkdf2() {
      const work = '200 PBKDF2 messages (c = 262,144, own salts)'
      return [timeOf('pbkdf2', work, await pbkdf2(), 1.1)]
    },
    async scrypt() {
      const made = await scrypt()
      const time = timeOf('scrypt', '10 scrypt messages (n = 262,144)', made, 1.2)
      const peak = Math.max(...made.map(({ peakRss }) => peakRss ?? Number.NaN)) / MIB
      const bound = MEMORY_MIB + SCRYPT_MIB * availableParallelism()
      const work = '… memory at most, 256 MiB for each core'
      return [time, under({ row: 'scrypt', work, figure: peak, unit: 'MiB' }, bound)]
    },
    async encrypted() {
      const [runs, other] = [await encrypted(), await plain()]
      const figure = median(runs.map(({ seconds }) => seconds))
      const limit = median(other.map(({ seconds }) => seconds))
      const work = '10,000 messages of our own `encrypt`, against plain ones'
      return [againstLimit({ row: 'encrypted', work, figure, limit, unit: 's' }, 1.5, 0)]
    },
    async latency() {
      const given = await inputs.plain(MESSAGES)
      const closely = (command?: Command) => runLoad(given, 0, command, true)
      const runs: LoadRun[] = []
      const others: LoadRun[] = []
      for (let i = 0; i < repeats; i += 1) {
        runs.push(await closely())
        if (against !== undefined) others.push(await closely(against))
      }
      const besideLoops = (command?: Command) => beside(2, () => closely(command))
      const busy = await besideLoops()
      const otherBusy = against && (await besideLoops(against))
      const livez = (of: readonly LoadRun[]) => of.flatMap(({ livezMs }) => livezMs)
      const metrics = (of: readonly LoadRun[]) => of.flatMap(({ metricsMs }) => metricsMs)
      return [
        latencyOf('`/livez` while loading 10,000 plain ones', livez(runs), LIVEZ_MS, livez(others)),
        latencyOf('… with two busy loops beside it', busy.livezMs, LIVEZ_MS, otherBusy?.livezMs),
        latencyOf('`/metrics` while loading', metrics(runs), METRICS_MS, metrics(others)),
      ]
    },
    async start() {
      const calls = Math.max(...(await plain()).map((run) => run.calls))
      const work = 'calls to the nodes at the start, 10,000 messages'
      const figure = median(await runStart(STARTS))
      const other = against && { against: median(await runStart(STARTS, against)) }
      const cpu = 'process start to first log line, CPU'
      return [
        under({ row: 'start', work: cpu, figure, unit: 'ms', ...other }, START_CPU_MS),
        under({ row: 'start', work, figure: calls, unit: '' }, START_CALLS),
      ]
    },
    async idle() {
      const given = await inputs.encrypted(MESSAGES)
      const results: Result[] = []
      for (const standing of ['gone', 'mixed', 'open'] as const) {
        results.push(...idleOf(standing, await runIdle(given, KNOWN_REQUESTS, standing)))
      }
      return results
    },
    async memory() {
      const runs = await plain()
      const results = memoryOf(MESSAGES, runs, MEMORY_MIB, othersOf(runs))
      if (!parts.large) return results
      let before = { count: MESSAGES, bytes: median(runs.map(mostOf)) }
      for (const count of LARGE) {
        const given = await inputs.plain(count)
        const run = await runLoad(given)
        const others = against === undefined ? [] : [await runLoad(given, 0, against)]
        const now = { count, bytes: mostOf(run) }
        const bound = count === LARGE.at(-1) ? LARGE_MEMORY_MIB : undefined
        results.push(...memoryOf(count, [run], bound, others), growthOf(before, now))
        before = now
      }
      return results
    },
    async exit() {
      const times = await runExits(await inputs.plain(MESSAGES))
      const result = {
        row: 'exit',
        work: `finalized request → POST, p99 of ${times.length}`,
        figure: quantile(times, 0.99) / 1_000,
        unit: 's',
        details: { median: median(times), max: Math.max(...times) },
      }
      return [under(result, 1)]
    },
    async next() {
      const { cpuMs, calls } = await runNextExits(await inputs.plain(MESSAGES))
      const work = 'an exit, and then the order of the next ones among 10,000 keys: CPU'
      return [
        under({ row: 'next', work, figure: cpuMs / 1_000, unit: 's' }, 2),
        under(
          { row: 'next', work: '… calls to the nodes for the order', figure: calls, unit: '' },
          40,
        ),
      ]
    },
    async burst() {
      const figure = await runBurst(await inputs.plain(MESSAGES), BURST)
      const work = '500 requests in one report → all POSTed (50 ms each at the node)'
      return [under({ row: 'burst', work, figure, unit: 's' }, 5)]
    },
    async finality() {
      const figure = await runFinality(BURST)
      const work = '500 requests in a block of 400 receipts, proven by finality: CPU'
      return [under({ row: 'finality', work, figure, unit: 's' }, 1)]
    },
    async watch() {
      const run = await runWatch()
      const work = 'watch: 1,000 operators of 4 modules, 20,000 requests'
      const rowOf = (what: string, figure: number, unit: string, bound: number) =>
        under({ row: 'watch', work: what, figure, unit }, bound)
      return [
        rowOf(`${work}: start until all are proven`, run.startSeconds, 's', 10),
        rowOf('… CPU of a cycle', run.cpuMs, 'ms', 1_000),
        rowOf('… memory at most', (run.peakRss ?? Number.NaN) / MIB, 'MiB', 500),
        rowOf('… calls to the nodes in a cycle, at most', Math.max(...run.calls), '', 350),
      ]
    },
  }
}

const othersOf = (runs: readonly MeasuredLoad[]): readonly LoadRun[] =>
  runs.flatMap(({ against }) => against ?? [])

const latencyOf = (
  what: string,
  times: readonly number[],
  bound: number,
  others: readonly number[] = [],
): Result =>
  under(
    {
      row: 'latency',
      work: `${what}, p99 of ${times.length}`,
      figure: quantile(times, 0.99),
      unit: 'ms',
      ...(others.length > 0 && { against: quantile(others, 0.99) }),
      details: { median: median(times), max: Math.max(...times) },
    },
    bound,
  )

/** The run in the middle, by its ratio: each against the limit of its own minute. */
function timeOf(row: string, work: string, runs: readonly MeasuredLoad[], factor: number): Result {
  const ratioOf = ({ seconds, limit }: MeasuredLoad) => seconds / limit
  const middle = median(runs.map(ratioOf))
  const found = runs.find((run) => ratioOf(run) === middle) as MeasuredLoad
  const { seconds: figure, limit, against: other } = found
  const against = other?.seconds
  const details = {
    runs: runs.map(({ seconds }) => seconds),
    limits: runs.map((run) => run.limit),
    calls: runs.map(({ calls }) => calls),
  }
  const result = { row, work, figure, limit, unit: 's', details, ...(against && { against }) }
  return againstLimit(result, factor)
}

const STANDINGS: Readonly<Record<Standing, string>> = {
  gone: '1,000 known requests, all done',
  mixed: '1,000 known requests, 10 of them open',
  open: '1,000 known requests, all open',
}

function idleOf(standing: Standing, run: IdleRun): Result[] {
  const result = { row: 'idle', work: `idle cycle, ${STANDINGS[standing]}` }
  const cpu = under({ ...result, work: `${result.work}: CPU`, figure: run.cpuMs, unit: 'ms' }, 150)
  const calls = under(
    { ...result, work: '… calls to the nodes, at most', figure: Math.max(...run.calls), unit: '' },
    8,
  )
  return [
    { ...cpu, details: run },
    calls,
    ...(run.opened === undefined
      ? []
      : [under({ ...result, work: '… files opened', figure: run.opened, unit: '' }, 0)]),
    ...(run.cryptoMs === undefined
      ? []
      : [
          under(
            { ...result, work: '… CPU to decrypt and verify', figure: run.cryptoMs, unit: 'ms' },
            1,
          ),
        ]),
  ]
}

const inThousands = new Intl.NumberFormat('en')

type Weight = { readonly count: number; readonly bytes: number }

/** What is held at rest hangs on when garbage was collected last. */
const mostOf = ({ peakRss, rss }: LoadRun) => peakRss ?? rss

/** The same from step to step: a straight line. */
function growthOf(from: Weight, to: Weight): Result {
  const figure = (to.bytes - from.bytes) / MIB / ((to.count - from.count) / 1_000)
  const [less, more] = [from.count, to.count].map((count) => inThousands.format(count))
  const work = `… at most, for each 1,000 more from ${less} to ${more}`
  return { row: 'memory', work, figure, unit: 'MiB', aim: 'reported' }
}

function memoryOf(
  count: number,
  runs: readonly LoadRun[],
  bound?: number,
  others: readonly LoadRun[] = [],
): Result[] {
  const rowOf = (what: string, bytesOf: (run: LoadRun) => number): Result => {
    const work = `memory with ${inThousands.format(count)} messages, ${what}`
    const most = (of: readonly LoadRun[]) => Math.max(...of.map(bytesOf)) / MIB
    const against = others.length > 0 && { against: most(others) }
    const result = { row: 'memory', work, figure: most(runs), unit: 'MiB', ...against }
    return bound === undefined ? { ...result, aim: 'reported' } : under(result, bound)
  }
  return [
    rowOf('at rest', ({ rss }) => rss),
    rowOf('at most', ({ peakRss }) => peakRss ?? Number.NaN),
  ]
}
