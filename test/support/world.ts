import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type App, type AppOptions, startApp } from '../../src/app.ts'
import {
  type CommonConfig,
  type ParsedConfig,
  parseConfig,
  parseWatchConfig,
} from '../../src/config.ts'
import { createRedactor, hideSecrets } from '../../src/lib/secret.ts'
import { createLogger } from '../../src/observe/log.ts'
import { startWatch } from '../../src/watch.ts'
import type { SimExitRequest } from '../sim/abi.ts'
import { type BeaconChainOptions, createBeaconChain } from '../sim/beacon-chain.ts'
import { type BeaconNode, type BeaconNodeOptions, startBeaconNode } from '../sim/beacon-node.ts'
import { createExecutionChain, type ExecutionChainOptions } from '../sim/execution-chain.ts'
import {
  type ExecutionNode,
  type ExecutionNodeOptions,
  startExecutionNode,
} from '../sim/execution-node.ts'
import { until } from './until.ts'

export type LogLine = {
  readonly level: string
  readonly message: string
  readonly details?: Record<string, unknown>
}

export type WorldOptions = {
  readonly execution?: ExecutionChainOptions
  readonly beacon?: BeaconChainOptions
  readonly executionNodes?: readonly Partial<ExecutionNodeOptions>[]
  readonly beaconNodes?: readonly Partial<BeaconNodeOptions>[]
}

/** The daemon in this process, and what it says. */
export type RunningApp = App & {
  readonly lines: readonly LogLine[]
  readonly url: string
  /** Lines whose message or details hold this text. */
  said(text: string | RegExp): readonly LogLine[]
  metric(name: string, labels?: Readonly<Record<string, string>>): Promise<number | undefined>
  metrics(): Promise<string>
  end(): Promise<void>
}

/** The validator that most tests ask for, of the operator that is ours. */
export const OURS = { moduleId: 1, operatorId: 5 }

/** Two chains, their nodes, a folder of messages, and the daemon when it is started. */
export async function createWorld(options: WorldOptions = {}) {
  const chain = createExecutionChain(options.execution)
  const beacon = createBeaconChain(options.beacon)
  const executionNodes: ExecutionNode[] = []
  for (const node of options.executionNodes ?? [{}]) {
    executionNodes.push(await startExecutionNode({ chain, ...node }))
  }
  const beaconNodes: BeaconNode[] = []
  for (const node of options.beaconNodes ?? [{}]) {
    beaconNodes.push(await startBeaconNode({ chain: beacon, ...node }))
  }
  const home = mkdtempSync(join(tmpdir(), 'ejector-'))
  const folder = join(home, 'messages')
  mkdirSync(folder)
  const apps: RunningApp[] = []

  return {
    chain,
    beacon,
    executionNodes,
    beaconNodes,
    /** The first of each, where there is one only. */
    execution: executionNodes[0] as ExecutionNode,
    consensus: beaconNodes[0] as BeaconNode,
    home,
    folder,

    /** The event of the protocol for a validator of the beacon chain. */
    requestOf: (validatorIndex: number, more: Partial<SimExitRequest> = {}): SimExitRequest => ({
      ...OURS,
      validatorIndex,
      pubkey: beacon.pubkey(validatorIndex),
      ...more,
    }),

    /** A genuine report, finalized. */
    ask(...requests: readonly SimExitRequest[]) {
      const report = chain.submitReport({ requests })
      chain.finalize()
      return report
    },

    writeMessage(validatorIndex: number, name = `${validatorIndex}.json`): string {
      writeFileSync(join(folder, name), JSON.stringify(beacon.signExit(validatorIndex)))
      return name
    },

    env: (more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv => ({
      EXECUTION_NODE: executionNodes.map(({ url }) => url).join(','),
      CONSENSUS_NODE: beaconNodes.map(({ url }) => url).join(','),
      LOCATOR_ADDRESS: chain.locator,
      EJECTOR_SCOPE: JSON.stringify({ [OURS.moduleId]: [OURS.operatorId] }),
      MESSAGES_LOCATION: folder,
      ORACLE_ADDRESSES_ALLOWLIST: JSON.stringify(chain.signerAddresses()),
      JOB_INTERVAL: '100',
      RUN_METRICS: 'true',
      LOGGER_LEVEL: 'debug',
      LOGGER_FORMAT: 'json',
      ...more,
    }),

    async start(more: NodeJS.ProcessEnv = {}, seams: Seams = {}): Promise<RunningApp> {
      const app = await startInProcess(this.env(more), seams, EJECTOR)
      apps.push(app)
      return app
    },

    /** `watch`: with neither scope nor messages, and the proof by votes unless told otherwise. */
    async watch(more: NodeJS.ProcessEnv = {}, seams: Seams = {}): Promise<RunningApp> {
      const none = { EJECTOR_SCOPE: '', MESSAGES_LOCATION: '', PROOF: 'oracle', RUN_STATUS: 'true' }
      const app = await startInProcess(this.env({ ...none, ...more }), seams, WATCH)
      apps.push(app)
      return app
    },

    async close(): Promise<void> {
      await Promise.all(apps.map((app) => app.end()))
      await Promise.all([...executionNodes, ...beaconNodes].map((node) => node.close()))
      rmSync(home, { recursive: true, force: true })
    },
  }
}

/** What a test may replace in the daemon. */
type Seams = Pick<AppOptions, 'now' | 'elapsed' | 'callTimeoutMs' | 'pause'>

export type World = Awaited<ReturnType<typeof createWorld>>

type Kind<Config extends CommonConfig> = {
  readonly parse: (env: NodeJS.ProcessEnv, readFile: typeof readFileSync) => ParsedConfig<Config>
  readonly start: (config: Config, options: AppOptions) => Promise<App>
}
const EJECTOR = { parse: parseConfig, start: startApp }
const WATCH = { parse: parseWatchConfig, start: startWatch }

/** As `main` does it, without the process: any free port, log lines kept. */
async function startInProcess<Config extends CommonConfig>(
  env: NodeJS.ProcessEnv,
  seams: Seams,
  { parse, start }: Kind<Config>,
): Promise<RunningApp> {
  const parsed = parse(env, readFileSync)
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems))
  hideSecrets(parsed.secrets)
  const lines: LogLine[] = []
  const log = createLogger({
    ...parsed.config.logger,
    redact: createRedactor(parsed.secrets),
    write: (line) => lines.push(JSON.parse(line)),
  })
  const app = await start(parsed.config, {
    version: '0.0.0-test',
    log,
    port: 0,
    ...seams,
  })
  app.ended.catch((error: unknown) => log.error('ended', { error }))
  const url = `http://127.0.0.1:${app.port}`
  const metrics = async () => (await fetch(`${url}/metrics`)).text()
  return Object.assign(app, {
    lines,
    url,
    metrics,
    said: (text: string | RegExp) =>
      lines.filter((line) =>
        typeof text === 'string'
          ? JSON.stringify(line).includes(text)
          : text.test(JSON.stringify(line)),
      ),
    async metric(name: string, labels: Readonly<Record<string, string>> = {}) {
      return readMetric(await metrics(), `validator_ejector_${name}`, labels)
    },
    async end() {
      app.stop()
      await app.ended.catch(() => {})
    },
  })
}

/** The value of one series in Prometheus' text format; `undefined` when it is absent. */
export function readMetric(
  text: string,
  name: string,
  labels: Readonly<Record<string, string>>,
): number | undefined {
  for (const line of text.split('\n')) {
    const [, found, list = '', value] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? []
    if (found !== name) continue
    const matches = Object.entries(labels).every(([key, want]) => list.includes(`${key}="${want}"`))
    if (matches) return Number(value)
  }
  return undefined
}

/** Runs until this many whole cycles have ended, counted from now. */
export async function cycles(app: RunningApp, count = 2): Promise<void> {
  const ended = async () => {
    const text = await app.metrics()
    const series = text
      .split('\n')
      .filter((line) => line.startsWith('validator_ejector_job_duration_seconds_count'))
    return series.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0)
  }
  const before = await ended()
  await until(`${count} more cycles`, async () => (await ended()) >= before + count)
}
