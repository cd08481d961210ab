import { safeParse } from 'valibot'
import {
  type Complain,
  checkJwtSecret,
  checkNetwork,
  checkSigners,
  doubtsOf,
  requireOneWay,
  trustModeOf,
} from './config/checks.ts'
import { type Checked, type Delivery, deliveryOf } from './config/delivery.ts'
import type { DotenvFile } from './config/dotenv.ts'
import { type Environment, type Given, gather, type ReadFile } from './config/environment.ts'
import type { NodeHeaders } from './config/node-headers.ts'
import { type Settings, schemas } from './config/schema.ts'
import { hostsIn, secretsIn } from './config/secrets.ts'
import { unknownNames } from './config/unknown-names.ts'
import { FILE_VARIABLES, variableNames, variableTable } from './config/variables.ts'
import { forWatch, ignoredByWatch } from './config/watch.ts'
import { EVERYONE, type Scope } from './requests/scope.ts'

export { variables } from './config/variables.ts'

type LoggerConfig = {
  readonly level: 'error' | 'warn' | 'log' | 'info' | 'debug'
  readonly format: 'simple' | 'json'
}

/** What is needed to follow requests, whoever hands out the exits. */
export type CommonConfig = Readonly<ReturnType<typeof configOf>>

/** Every value in its unit, checked. */
export type Config = CommonConfig & { readonly delivery: Delivery }

/** One thing that is wrong. Never holds a value of the environment, but for paths of files. */
export type Problem = {
  readonly variable: string
  readonly problem: string
  /**
   * The variable with a value of the right form. Where pasting one could lose exits or believe a
   * stranger, a placeholder (`…`) that is refused.
   */
  readonly example: string
}

/**
 * `secrets` is for the redactor, also when there are only problems to be logged, and so are the
 * `hosts` of nodes, which lines show.
 */
export type ParsedConfig<Kind = Config> =
  | {
      readonly ok: true
      readonly config: Kind
      readonly warnings: readonly string[]
      readonly secrets: readonly string[]
      readonly hosts: readonly string[]
    }
  | {
      readonly ok: false
      readonly problems: readonly Problem[]
      readonly warnings: readonly string[]
      readonly secrets: readonly string[]
      readonly hosts: readonly string[]
      /** As given, as far as that could be read. */
      readonly logger: LoggerConfig
    }

/** Settles each variable by itself: given, by default, or not at all. */
function readSettings(given: Given, complain: Complain): Settings {
  const entries = variableNames.map((name) => {
    const value = given.values[name] ?? variableTable[name].default
    if (value === '') return [name, undefined] as const
    const parsed = safeParse(schemas[name], value)
    if (parsed.success) return [name, parsed.output] as const
    const isTold = given.problems.some(({ variable }) => variable === name)
    if (!isTold) complain(name, parsed.issues[0].message)
    return [name, undefined] as const
  })
  return Object.fromEntries(entries) as Settings
}

function scopeOf(settings: Settings, checked: Checked): Scope {
  if (settings.EJECTOR_SCOPE !== undefined) return settings.EJECTOR_SCOPE
  // Only `watch` does without.
  if (settings.STAKING_MODULE_ID === undefined) return EVERYONE
  const operators = settings.OPERATOR_IDENTIFIERS ?? [checked.OPERATOR_ID]
  return new Map([[settings.STAKING_MODULE_ID, operators]])
}

const loggerOf = (settings: Settings): LoggerConfig => ({
  level: settings.LOGGER_LEVEL ?? 'info',
  format: settings.LOGGER_FORMAT ?? 'simple',
})

function configOf(given: Given, settings: Settings) {
  const checked = settings as Checked
  return {
    /** Base URLs, with paths and credentials, without trailing slashes. At least one. */
    executionNodes: checked.EXECUTION_NODE,
    consensusNodes: checked.CONSENSUS_NODE,
    /** What nodes want beside the URL: see `headersFor`. Secret. */
    nodeHeaders: settings.NODE_HEADERS ?? (new Map() as NodeHeaders),
    /** The chain that every node must be on; `undefined`: the one that they agree on. */
    chainId: settings.NETWORK?.chainId,
    locatorAddress: settings.LOCATOR_ADDRESS ?? checked.NETWORK.lido.locator,
    /** Whose validators may be exited. Never empty. */
    scope: scopeOf(settings, checked),
    /** What proves a request: signed reports, the finality of its block, one of them, or both. */
    proof: checked.PROOF,
    /** The exit bus whose events the proof by finality believes, where it is not the known one. */
    exitBusAddress: settings.EXIT_BUS_ADDRESS,
    /** Signers that are believed. May be empty in trust mode only. */
    oracleAllowlist: settings.ORACLE_ADDRESSES_ALLOWLIST ?? [],
    /** Never more than the allowlist has, but in trust mode. */
    oracleQuorum: checked.ORACLE_QUORUM,
    submitTxHashAllowlist: checked.SUBMIT_TX_HASH_ALLOWLIST,
    trustMode: trustModeOf(given, settings),
    dryRun: checked.DRY_RUN,
    blocksPreload: checked.BLOCKS_PRELOAD,
    blocksLoop: checked.BLOCKS_LOOP,
    /** Blocks in one `eth_getLogs` range at most. */
    loadLogsStep: checked.LOAD_LOGS_STEP,
    validatorsBatchSize: checked.VALIDATORS_BATCH_SIZE,
    jobIntervalMs: checked.JOB_INTERVAL,
    finalityEvents: checked.FINALITY_EVENTS,
    http: {
      /** `undefined`: no server. */
      port: checked.HTTP_PORT === 0 ? undefined : checked.HTTP_PORT,
      /** `undefined`: every interface. */
      host: settings.HTTP_HOST,
      runMetrics: checked.RUN_METRICS,
      runHealthCheck: checked.RUN_HEALTH_CHECK,
      runStatus: checked.RUN_STATUS,
      runKeysApi: checked.RUN_KEYS_API,
    },
    logger: loggerOf(settings),
    forceDencunForkMode: checked.FORCE_DENCUN_FORK_MODE,
    capellaForkVersion: settings.CAPELLA_FORK_VERSION,
    /** A file that held a good secret just now. It is read again when needed. */
    jwtSecretPath: settings.JWT_SECRET_PATH,
    promPrefix: checked.PROM_PREFIX,
    /** Validators that may be submitted for the first time within any hour; `undefined`: no limit. */
    maxExitsPerHour: settings.MAX_EXITS_PER_HOUR,
    stateFile: settings.STATE_FILE,
    holdFile: settings.HOLD_FILE,
  }
}

function exampleOf(variable: string, value: string | undefined): string {
  if (value !== undefined) return `${variable}=${value}`
  const name = variableNames.find((one) => one === variable)
  if (name !== undefined) return `${name}=${variableTable[name].example}`
  const file = FILE_VARIABLES.find((one) => `${one}_FILE` === variable) ?? 'secret'
  return `${variable}=/secrets/${file.toLowerCase()}.txt`
}

/**
 * Reads the whole environment, and says everything that is wrong with it at once.
 *
 * @param env - such as `process.env`; an empty value counts as unset
 * @param readFile - reads the files that variables name; throws when it cannot
 * @param dotenv - what was found in `.env`, where it was looked for
 */
export const parseConfig = (
  env: Environment,
  readFile: ReadFile,
  dotenv?: DotenvFile,
): ParsedConfig =>
  parse({ env, readFile, dotenv, isWatch: false }, (given, settings) => ({
    ...configOf(given, settings),
    delivery: deliveryOf(given, settings),
  }))

/**
 * The same for `watch`, which hands out nothing: what that needs is passed over. Without a scope
 * everyone is watched, and without PROOF finality proves.
 */
export const parseWatchConfig = (
  env: Environment,
  readFile: ReadFile,
  dotenv?: DotenvFile,
): ParsedConfig<CommonConfig> => parse({ env, readFile, dotenv, isWatch: true }, configOf)

type Source = {
  readonly env: Environment
  readonly readFile: ReadFile
  readonly dotenv: DotenvFile | undefined
  readonly isWatch: boolean
}

function parse<Kind>(
  { env, readFile, dotenv, isWatch }: Source,
  toConfig: (given: Given, settings: Settings) => Kind,
): ParsedConfig<Kind> {
  const given = gather(isWatch ? forWatch(env) : env, readFile)
  const problems: Problem[] = []
  const complain: Complain = (variable, problem, example) =>
    problems.push({ variable, problem, example: exampleOf(variable, example) })

  if (dotenv?.failure !== undefined && dotenv.failure !== 'ENOENT') {
    problems.push({
      variable: dotenv.path,
      problem: `cannot be read: ${dotenv.failure}`,
      example: `chmod u+r ${dotenv.path}`,
    })
  }
  for (const { variable, problem } of given.problems) complain(variable, problem)
  const settings = readSettings(given, complain)
  requireOneWay(given, complain, isWatch)
  checkNetwork(settings, complain)
  checkSigners(given, settings, complain)
  checkJwtSecret(settings.JWT_SECRET_PATH, readFile, complain)

  const listed = settings.LOGGER_SECRETS ?? []
  const secrets = secretsIn(env, given, listed)
  const hosts = hostsIn(given, listed)
  const isIncomplete = problems.some(({ problem }) => /\bis required\b/.test(problem))
  const warnings = [
    ...(dotenv?.warnings ?? []),
    ...(isIncomplete && dotenv?.failure === 'ENOENT'
      ? [`${dotenv.path} was not found: only the environment of the process counts`]
      : []),
    ...unknownNames(env, dotenv, listed),
    ...given.warnings,
    ...doubtsOf(given, settings),
    ...(isWatch ? ignoredByWatch(env) : []),
  ]
  if (problems.length > 0) {
    return { ok: false, problems, warnings, secrets, hosts, logger: loggerOf(settings) }
  }
  const config = toConfig(given, settings)
  return { ok: true, config, warnings, secrets, hosts }
}

/** One problem as a sentence for the log. */
export const describeProblem = ({ variable, problem, example }: Problem) =>
  `${variable}: ${problem}, for example ${example}`
