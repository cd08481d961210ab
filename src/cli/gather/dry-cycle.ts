import { createOffer } from '../../app/offer.ts'
import { createPipeline, type PipelineParts } from '../../app/pipeline.ts'
import { createCycle } from '../../cycle.ts'
import { pause } from '../../lib/deadline.ts'
import type {
  CycleParts,
  CycleReport,
  Log,
  OfferResult,
  Reading,
} from '../../requests/cycle-parts.ts'
import type { Parts, Progress } from './parts.ts'

export type DryTask = Pick<PipelineParts, 'config' | 'chainId' | 'messages' | 'journal'> & {
  /** Instead of reading the scope from the chain. */
  readonly readRequests?: CycleParts['readRequests']
  /** Blocks that are to be read. */
  readonly window?: { readonly from: number; readonly to: number }
}

export type DryCycle = {
  readonly report: CycleReport
  /** What the cycle was run on, for another look. */
  readonly parts: CycleParts
  /** What the daemon would log as an error, at any time of it, but for what concerns one request. */
  readonly alarms: readonly string[]
  /** The same for its warnings. */
  readonly warnings: readonly string[]
}

/** What a reader gives that has nothing to add. */
export const NOTHING_NEW: Reading = {
  requests: [],
  reportedBy: new Map(),
  contracts: [],
  versionProblem: null,
  cursor: undefined,
  finalizedAt: undefined,
  unread: [],
  remaining: 0,
  complete: true,
  problems: [],
  alarms: [],
}

/** Whatever the cycle decides, nothing is submitted. */
const submitNothing = async (): Promise<OfferResult> => ({ accepted: false, answers: [] })

/**
 * One cycle of the daemon that submits nothing. It waits for answers that the daemon would ask for
 * again later.
 */
export async function runDryCycle(
  parts: Parts,
  task: DryTask,
  lifetime: AbortSignal,
): Promise<DryCycle> {
  const heard = createListener(parts.log)
  const { nextOfferAt } = createOffer(task.config, parts.nodes, parts.metrics)
  const pipeline = createPipeline({
    ...parts,
    ...task,
    log: heard.log,
    lifetime,
    offer: { offer: submitNothing, nextOfferAt, settled: async () => {} },
    onUnlistedSigner: () => {},
    onRead: () => {},
  })
  const { window } = task
  const readWindow = window && createWindowReader(pipeline, window, parts.progress)
  const readRequests = task.readRequests ?? readWindow ?? pipeline.readRequests
  const dry: CycleParts = {
    ...pipeline,
    // What it says of requests is in the report.
    log: parts.log,
    settings: { ...pipeline.settings, dryRun: true },
    isHeld: async () => false,
    // Which nodes are not used was told before; limits of staking modules come with that look.
    checkNodes: (signal) => pipeline.checkNodes(signal).then(() => []),
    prove: createPatientProver(pipeline.prove, parts.progress),
    async readRequests(known, signal) {
      const reading = await readRequests(known, signal)
      // Versions of the exit bus have a finding of their own.
      heard.alarms.push(...reading.alarms.filter((one) => one !== reading.versionProblem))
      if (reading.complete) heard.warnings.push(...reading.problems)
      return reading
    },
  }
  const report = await createCycle(dry)(lifetime)
  return { report, parts: dry, alarms: distinct(heard.alarms), warnings: distinct(heard.warnings) }
}

const distinct = (texts: readonly string[]) => [...new Set(texts)]

/** Keeps what is logged as an error or a warning. */
function createListener(log: Log) {
  const [alarms, warnings]: [string[], string[]] = [[], []]
  const keepIn =
    (list: string[], pass: Log['error']): Log['error'] =>
    (message, details = {}) => {
      pass(message, details)
      // What concerns one request is told with that.
      if (!('validator' in details)) list.push(lineOf(message, details))
    }
  return {
    alarms,
    warnings,
    log: { ...log, error: keepIn(alarms, log.error), warn: keepIn(warnings, log.warn) },
  }
}

function lineOf(message: string, details: Readonly<Record<string, unknown>>): string {
  const told = Object.entries(details).filter(([, value]) => value !== undefined)
  const list = told.map(
    ([name, value]) => `${name} ${value instanceof Error ? value.message : value}`,
  )
  return list.length === 0 ? message : `${message} (${list.join(', ')})`
}

/** Between two looks at reading that goes on. */
const LOOK_EVERY_MS = 250
/** A node that gets nowhere for so long will not get there. */
const PATIENCE_MS = 60_000

/** Reads every request of the window. A cycle of the daemon goes on with what there is after a while. */
function createWindowReader(
  { readRequests }: Pick<CycleParts, 'readRequests'>,
  { from, to }: NonNullable<DryTask['window']>,
  progress: Progress,
): CycleParts['readRequests'] {
  return async function readWindow(known, signal) {
    const rounds: Reading[] = []
    let [movedAt, before]: [number, number | undefined] = [performance.now(), undefined]
    for (;;) {
      const reading = await readRequests(known, signal)
      rounds.push(reading)
      const { remaining } = reading
      if (remaining !== undefined) progress('reading blocks', to - from - remaining, to - from)
      if (remaining !== before) movedAt = performance.now()
      // In later rounds a node that is at it still says so, and that is no failure.
      const hasFailed =
        rounds.length === 1 && remaining === undefined && reading.problems.length > 0
      if (remaining === 0 || hasFailed || performance.now() - movedAt > PATIENCE_MS) {
        return joinRounds(rounds, reading, remaining === 0 && rounds.some((one) => one.complete))
      }
      before = remaining
      await pause(LOOK_EVERY_MS, signal)
      signal.throwIfAborted()
    }
  }
}

/** What a node said in an earlier round counts too. */
function joinRounds(rounds: readonly Reading[], last: Reading, complete: boolean): Reading {
  const requests = new Map(rounds.flatMap((one) => one.requests.map((it) => [it.key, it] as const)))
  const reportedBy = new Map(rounds.flatMap((one) => [...one.reportedBy]))
  const contracts = new Map(
    rounds.flatMap((one) =>
      one.contracts.map((pair) => [Object.values(pair).join(), pair] as const),
    ),
  )
  const problems = distinct(rounds.flatMap((one) => one.problems)).filter(
    (problem) => !complete || !STILL_AT_IT.test(problem),
  )
  return {
    ...last,
    requests: [...requests.values()],
    reportedBy,
    contracts: [...contracts.values()],
    alarms: distinct(rounds.flatMap((one) => one.alarms)),
    problems,
    complete,
  }
}

const STILL_AT_IT = /still reading earlier blocks/

/** A slow node leaves questions open for the daemon's next cycle; here they are asked at once. */
function createPatientProver(prove: CycleParts['prove'], progress: Progress): CycleParts['prove'] {
  return async function proveAll(requests, signal, toldBy) {
    let before = -1
    for (;;) {
      const proofs = await prove(requests, signal, toldBy)
      const proven = requests.filter(({ key }) => proofs.statusOf(key) === 'proven').length
      if (proofs.problems.length === 0 || proven <= before) return proofs
      progress('proving requests', proven, requests.length)
      before = proven
    }
  }
}
