import { isIP } from 'node:net'
import * as v from 'valibot'
import { parsedBy } from '../lib/parsed-by.ts'
import {
  type Hex,
  type ModuleId,
  type OperatorId,
  parseAddress,
  parseBytes32,
} from '../lib/primitives.ts'
import { httpUrl, messagesLocation, urlList } from './locations.ts'
import { LIDO_NETWORKS } from './networks.ts'
import type { NodeHeaders } from './node-headers.ts'
import type { VariableName } from './variables.ts'

/** The longest time a timer of Node can wait, in milliseconds: beyond it, it fires at once. */
const MAX_TIMER_MS = 2 ** 31 - 1
/** As wide as in oracle reports: `moduleId` has 3 bytes, `nodeOperatorId` 5. */
const MAX_MODULE_ID = 2 ** 24 - 1
const MAX_OPERATOR_ID = 2 ** 40 - 1

const unique = <T>(items: readonly T[]): readonly T[] => [...new Set(items)]
const text = v.string('must be text')

/** The value of plain decimal digits, within bounds. */
function parseInteger(value: unknown, min: number, max: number): number | undefined {
  const number = typeof value === 'string' && /^[0-9]{1,16}$/.test(value) ? Number(value) : value
  return Number.isInteger(number) && Number(number) >= min && Number(number) <= max
    ? Number(number)
    : undefined
}

const integer = (min: number, max: number) =>
  parsedBy(
    (value: string) => parseInteger(value, min, max),
    `must be a whole number from ${min} to ${max}`,
  )

/** `true` or `false` in any letter case. */
const boolean = v.pipe(
  text,
  v.toLowerCase(),
  v.picklist(['true', 'false'], 'must be true or false'),
  v.transform((word) => word === 'true'),
)

const oneOf = <const Word extends string>(words: readonly Word[]) =>
  v.pipe(text, v.toLowerCase(), v.picklist(words, `must be one of ${words.join(', ')}`))

function parseJson(value: string): unknown {
  try {
    return JSON.parse(value)
  } catch {
    return undefined
  }
}

const json = (rule: string) => parsedBy<string, unknown>(parseJson, rule)

const listOf = <Item extends v.GenericSchema>(item: Item, rule: string) =>
  v.pipe(json(rule), v.array(item, rule), v.transform(unique))

/** As entries, so that every key is looked at, `__proto__` too. */
const entriesOf = (value: unknown): unknown =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.entries(value)
    : undefined
const entries = (rule: string) => parsedBy(entriesOf, rule)

const address = parsedBy(parseAddress, 'must be an address: 0x and 40 hex digits')

/** As a number or in digits, without leading zeros: `01` beside `1` would be one module twice. */
const id = <Id extends number>(what: string, min: number, max: number) =>
  parsedBy(
    (value: unknown) =>
      /^0[0-9]/.test(String(value)) ? undefined : (parseInteger(value, min, max) as Id | undefined),
    `${what} must be whole numbers from ${min} to ${max}`,
  )

// The staking router counts modules from 1.
const moduleId = id<ModuleId>('module ids', 1, MAX_MODULE_ID)
const operatorId = id<OperatorId>('operator ids', 0, MAX_OPERATOR_ID)

const OPERATORS_RULE = 'must be a JSON array of operator ids'
const operatorIds = v.pipe(
  v.array(operatorId, OPERATORS_RULE),
  v.minLength(1, 'must name at least one operator for each module'),
  v.transform(unique),
)

const SCOPE_RULE = 'must be a JSON object: module ids with arrays of operator ids'
const scope = v.pipe(
  json(SCOPE_RULE),
  entries(SCOPE_RULE),
  v.array(v.tuple([moduleId, operatorIds])),
  v.minLength(1, 'must name at least one module'),
  v.transform((modules): ReadonlyMap<ModuleId, readonly OperatorId[]> => new Map(modules)),
)

/** Names that the HTTP client or the request itself claims. */
const RESERVED_HEADERS =
  /^(content-type|content-length|host|connection|transfer-encoding|idempotency-key)$/i
const headerName = v.pipe(
  text,
  v.regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, 'must be the name of an HTTP header'),
  v.check((name) => !RESERVED_HEADERS.test(name), 'must not be a header that every call has'),
)
const headerValue = v.pipe(
  text,
  v.regex(
    /^[\x20-\x7e\x80-\xff]+$/,
    'must be usable as an HTTP header: printable characters on one line',
  ),
)

const HEADERS_RULE = 'must be a JSON object: hosts with objects of HTTP headers'
const nodeHost = v.pipe(
  text,
  v.toLowerCase(),
  v.regex(/^[^\s/@]+$/, 'must name nodes as host or host:port'),
)
const headersOfNode = v.pipe(entries(HEADERS_RULE), v.array(v.tuple([headerName, headerValue])))
const nodeHeaders = v.pipe(
  json(HEADERS_RULE),
  entries(HEADERS_RULE),
  v.array(v.tuple([nodeHost, headersOfNode])),
  v.transform(
    (hosts): NodeHeaders => new Map(hosts.map(([host, list]) => [host, Object.fromEntries(list)])),
  ),
)

const parseHost = (value: string): string | undefined => {
  const host = value.replace(/^\[(.*)\]$/, '$1')
  const isName = /^(?=.{1,253}$)[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/i.test(host)
  return isIP(host) !== 0 || isName ? host : undefined
}

/** How each variable is read once it is set or has a default. */
export const schemas = {
  EXECUTION_NODE: urlList,
  CONSENSUS_NODE: urlList,
  NODE_HEADERS: nodeHeaders,
  NETWORK: v.pipe(
    oneOf(LIDO_NETWORKS.map(({ name }) => name)),
    parsedBy((name: string) => LIDO_NETWORKS.find((one) => one.name === name), 'must be a network'),
  ),
  LOCATOR_ADDRESS: address,
  EJECTOR_SCOPE: scope,
  STAKING_MODULE_ID: moduleId,
  OPERATOR_IDENTIFIERS: v.pipe(json(OPERATORS_RULE), operatorIds),
  OPERATOR_ID: operatorId,
  MESSAGES_LOCATION: messagesLocation,
  VALIDATOR_EXIT_WEBHOOK: httpUrl,
  PROOF: oneOf(['oracle', 'finality', 'either', 'both']),
  EXIT_BUS_ADDRESS: address,
  ORACLE_ADDRESSES_ALLOWLIST: listOf(address, 'must be a JSON array of addresses'),
  ORACLE_QUORUM: integer(1, 1_000),
  SUBMIT_TX_HASH_ALLOWLIST: listOf(
    parsedBy(parseBytes32, 'must hold transaction hashes: 0x and 64 hex digits'),
    'must be a JSON array of transaction hashes',
  ),
  MESSAGES_PASSWORD: text,
  BLOCKS_PRELOAD: integer(1, 1_000_000_000),
  BLOCKS_LOOP: integer(1, 1_000_000),
  LOAD_LOGS_STEP: integer(1, 1_000_000_000),
  VALIDATORS_BATCH_SIZE: integer(1, 100_000),
  JOB_INTERVAL: integer(1, MAX_TIMER_MS),
  FINALITY_EVENTS: boolean,
  HTTP_PORT: v.pipe(
    text,
    v.transform((port) => (port.toLowerCase() === 'false' ? '0' : port)),
    integer(0, 65_535),
  ),
  HTTP_HOST: parsedBy(parseHost, 'must be an IP address or a host name, without port'),
  RUN_METRICS: boolean,
  RUN_HEALTH_CHECK: boolean,
  RUN_STATUS: boolean,
  RUN_KEYS_API: boolean,
  LOGGER_LEVEL: oneOf(['error', 'warn', 'log', 'info', 'debug']),
  LOGGER_FORMAT: oneOf(['simple', 'json']),
  LOGGER_SECRETS: listOf(
    v.string('must hold texts only'),
    'must be a JSON array of variable names or values',
  ),
  DRY_RUN: boolean,
  TRUST_MODE: boolean,
  DISABLE_SECURITY_DONT_USE_IN_PRODUCTION: boolean,
  FORCE_DENCUN_FORK_MODE: boolean,
  CAPELLA_FORK_VERSION: v.pipe(
    text,
    v.toLowerCase(),
    v.regex(/^0x[0-9a-f]{8}$/, 'must be 4 bytes: 0x and 8 hex digits'),
    v.transform((version) => version as Hex),
  ),
  WEBHOOK_ABORT_TIMEOUT_MS: integer(1, MAX_TIMER_MS),
  WEBHOOK_MAX_RETRIES: integer(0, 1_000),
  WEBHOOK_TOKEN: headerValue,
  WEBHOOK_HEADER: headerName,
  WEBHOOK_RESEND_AFTER: integer(1, MAX_TIMER_MS),
  JWT_SECRET_PATH: text,
  PROM_PREFIX: v.pipe(
    text,
    v.regex(
      /^[a-zA-Z_:][a-zA-Z0-9_:]*$/,
      'must be able to start a metric name: letters, digits, _ and :, no digit first',
    ),
  ),
  MAX_EXITS_PER_HOUR: integer(1, 1_000_000),
  STATE_FILE: text,
  HOLD_FILE: text,
} satisfies Record<VariableName, v.GenericSchema>

type Schemas = typeof schemas
/** What the environment says; `undefined` where it says nothing, or nothing that can be used. */
export type Settings = {
  readonly [Name in VariableName]?: v.InferOutput<Schemas[Name]> | undefined
}
