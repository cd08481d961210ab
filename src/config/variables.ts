type Variable = {
  /** As it would be written in the environment; empty: none. */
  readonly default: string
  /**
   * A value of the right form, for messages about one that was not. Where a pasted one would do
   * harm, a placeholder (`…`) that is refused.
   */
  readonly example: string
  /** One line for people. */
  readonly meaning: string
}

const variable = (byDefault: string, example: string, meaning: string): Variable => ({
  default: byDefault,
  example,
  meaning,
})

/**
 * Every variable of the environment, in the order of the documentation. The defaults are read from
 * here and go through the same checks as given values.
 */
export const variableTable = {
  EXECUTION_NODE: variable(
    '',
    'http://execution.example:8545,https://rpc.example/v3/key',
    'execution nodes: one URL or several with commas between; requests are read from all of them',
  ),
  CONSENSUS_NODE: variable(
    '',
    'http://consensus.example:5052',
    'consensus nodes: one URL or several with commas between; exits go to all of them',
  ),
  NODE_HEADERS: variable(
    '',
    '{"rpc.example":{"X-API-Key":"<key>"}}',
    'HTTP headers for nodes that want a key, by host or host:port, as JSON',
  ),
  NETWORK: variable(
    '',
    'mainnet',
    'mainnet or hoodi: sets the Locator, and the chain that all nodes must be on',
  ),
  LOCATOR_ADDRESS: variable(
    '',
    '0xC1d0b3DE6792Bf6b4b37EccdcC24e45978Cfd2Eb',
    'address of the Lido Locator contract; NETWORK may stand for it',
  ),
  EJECTOR_SCOPE: variable(
    '',
    '{"<module id>":[<operator ids>]}',
    'whose validators to exit: staking module ids with the ids of their operators, as JSON',
  ),
  STAKING_MODULE_ID: variable('', '…', 'older way to say the scope: id of the one staking module'),
  OPERATOR_IDENTIFIERS: variable('', '[…]', 'operator ids in STAKING_MODULE_ID, as JSON'),
  OPERATOR_ID: variable('', '…', 'the one operator id in STAKING_MODULE_ID'),
  MESSAGES_LOCATION: variable(
    '',
    'messages',
    'where the signed exit messages are: a folder, s3://bucket/prefix or gs://bucket/prefix',
  ),
  VALIDATOR_EXIT_WEBHOOK: variable(
    '',
    'http://signer.example:8080/exit',
    'URL to call for each exit, instead of messages',
  ),
  PROOF: variable(
    'oracle',
    'either',
    'what proves a request: oracle (signed reports), finality (consensus nodes), either or both',
  ),
  EXIT_BUS_ADDRESS: variable(
    '',
    '0x0De4Ea0184c2ad0BacA7183356Aea5B8d5Bf5c6e',
    'exit bus whose events the proof by finality believes; known for mainnet and hoodi',
  ),
  ORACLE_ADDRESSES_ALLOWLIST: variable(
    '',
    '["0x…","0x…"]',
    'oracle members whose signed reports are believed, as JSON; PROOF=finality and TRUST_MODE need none',
  ),
  ORACLE_QUORUM: variable('1', '5', 'how many of them must have signed a report'),
  SUBMIT_TX_HASH_ALLOWLIST: variable(
    '[]',
    '["0x…"]',
    'transactions that request exits directly and are believed, as JSON',
  ),
  MESSAGES_PASSWORD: variable('', '<password>', 'password of encrypted (EIP-2335) messages'),
  BLOCKS_PRELOAD: variable('108000', '108000', 'blocks to look back at start (15 days)'),
  BLOCKS_LOOP: variable('32', '32', 'blocks to read again at each poll'),
  LOAD_LOGS_STEP: variable('10000', '10000', 'widest block range of one eth_getLogs request'),
  VALIDATORS_BATCH_SIZE: variable('1000', '1000', 'validators in one request to a consensus node'),
  JOB_INTERVAL: variable('384000', '384000', 'milliseconds between polls (one epoch)'),
  FINALITY_EVENTS: variable('true', 'true', 'poll at once when the chain finalizes'),
  HTTP_PORT: variable('8989', '8989', 'port of metrics and health; 0 or false: no server'),
  HTTP_HOST: variable('', '127.0.0.1', 'address that HTTP_PORT is opened on; empty: every one'),
  RUN_METRICS: variable('false', 'true', 'serve /metrics'),
  RUN_HEALTH_CHECK: variable('true', 'true', 'serve /health, /livez and /readyz'),
  RUN_STATUS: variable('false', 'true', 'serve the page at / and /status'),
  RUN_KEYS_API: variable(
    'false',
    'true',
    'serve the paths of the Keys API that tell whom to sign next',
  ),
  LOGGER_LEVEL: variable('info', 'info', 'error, warn, log, info or debug'),
  LOGGER_FORMAT: variable('simple', 'json', 'simple or json'),
  LOGGER_SECRETS: variable(
    '[]',
    '["MESSAGES_PASSWORD"]',
    'more to mask in the log: names of variables or values, as JSON',
  ),
  DRY_RUN: variable('false', 'false', 'do everything but hand over exits'),
  TRUST_MODE: variable('false', 'false', 'believe requests without proof'),
  DISABLE_SECURITY_DONT_USE_IN_PRODUCTION: variable('', 'false', 'old name of TRUST_MODE'),
  FORCE_DENCUN_FORK_MODE: variable(
    'false',
    'false',
    'take Deneb as active without asking the node',
  ),
  CAPELLA_FORK_VERSION: variable('', '0x…', 'Capella fork version of a chain not known'),
  WEBHOOK_ABORT_TIMEOUT_MS: variable('10000', '10000', 'milliseconds one webhook call may take'),
  WEBHOOK_MAX_RETRIES: variable('0', '3', 'webhook calls after the first has failed'),
  WEBHOOK_TOKEN: variable('', '<token>', 'token that the webhook receives'),
  WEBHOOK_HEADER: variable('Authorization', 'X-Token', 'header that holds the token'),
  WEBHOOK_RESEND_AFTER: variable(
    '3600000',
    '3600000',
    'milliseconds until an accepted call is repeated if the validator does not exit',
  ),
  JWT_SECRET_PATH: variable(
    '',
    '/secrets/jwt.hex',
    'file with the hex secret that authenticates at the execution nodes',
  ),
  PROM_PREFIX: variable('validator_ejector_', 'validator_ejector_', 'prefix of the metric names'),
  MAX_EXITS_PER_HOUR: variable(
    '',
    '4',
    'how many validators may be submitted for the first time within an hour; empty: any number',
  ),
  STATE_FILE: variable('', '/data/state.sqlite', 'file that remembers over restarts'),
  HOLD_FILE: variable('', '/data/hold', 'while this file exists, nothing is submitted'),
} satisfies Record<string, Variable>

export type VariableName = keyof typeof variableTable

/** What only handing out exits needs: `watch` passes over these. */
export const NOT_FOR_WATCH = [
  'MESSAGES_LOCATION',
  'VALIDATOR_EXIT_WEBHOOK',
  'MESSAGES_PASSWORD',
  'RUN_KEYS_API',
  'DRY_RUN',
  'FORCE_DENCUN_FORK_MODE',
  'CAPELLA_FORK_VERSION',
  'WEBHOOK_ABORT_TIMEOUT_MS',
  'WEBHOOK_MAX_RETRIES',
  'WEBHOOK_TOKEN',
  'WEBHOOK_HEADER',
  'WEBHOOK_RESEND_AFTER',
  'MAX_EXITS_PER_HOUR',
  'HOLD_FILE',
] as const satisfies readonly VariableName[]

/** Variables whose value may stand in a file, which `<name>_FILE` names. */
export const FILE_VARIABLES = [
  'EXECUTION_NODE',
  'CONSENSUS_NODE',
  'NODE_HEADERS',
  'MESSAGES_PASSWORD',
  'WEBHOOK_TOKEN',
] as const satisfies readonly VariableName[]

export const variableNames = Object.keys(variableTable) as readonly VariableName[]

/** As they stand in an environment: the variables, and the files that may stand for them. */
export type GivenName = VariableName | `${(typeof FILE_VARIABLES)[number]}_FILE`

/** The table as a list, `<name>_FILE` included: the documentation is held against it. */
export const variables: readonly {
  readonly name: string
  readonly default: string
  readonly meaning: string
}[] = variableNames.flatMap((name) => {
  const row = { name, default: variableTable[name].default, meaning: variableTable[name].meaning }
  if (!FILE_VARIABLES.some((file) => file === name)) return [row]
  return [row, { name: `${name}_FILE`, default: '', meaning: `file that holds ${name}` }]
})

export const givenNames = variables.map(({ name }) => name as GivenName)
