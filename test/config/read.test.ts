import { expect, test } from 'vitest'
import { variableNames } from '../../src/config/variables.ts'
import { parseConfig } from '../../src/config.ts'

const ADDRESS = `0x${'2'.repeat(40)}`
const SECRET = 'ab'.repeat(32)
const GOOD: Record<string, string> = {
  EXECUTION_NODE: 'http://a:8545',
  CONSENSUS_NODE: 'http://a:5052',
  LOCATOR_ADDRESS: ADDRESS,
  EJECTOR_SCOPE: '{"1":[123]}',
  ORACLE_ADDRESSES_ALLOWLIST: `["${ADDRESS}","0x${'3'.repeat(40)}"]`,
  MESSAGES_LOCATION: 'messages',
}
const OLDER_SCOPE = { EJECTOR_SCOPE: '', STAKING_MODULE_ID: '1', OPERATOR_ID: '1' }
const WEBHOOK = { MESSAGES_LOCATION: '', VALIDATOR_EXIT_WEBHOOK: 'http://a/exit' }

/** For each variable another value than by default, and what it needs beside it. */
const OTHER: Record<string, Record<string, string>> = {
  EXECUTION_NODE: { EXECUTION_NODE: 'http://b' },
  CONSENSUS_NODE: { CONSENSUS_NODE: 'http://b' },
  NODE_HEADERS: { NODE_HEADERS: '{"a":{"X-Key":"k"}}' },
  NETWORK: { LOCATOR_ADDRESS: '', NETWORK: 'hoodi' },
  LOCATOR_ADDRESS: { LOCATOR_ADDRESS: `0x${'4'.repeat(40)}` },
  EJECTOR_SCOPE: { EJECTOR_SCOPE: '{"2":[1]}' },
  STAKING_MODULE_ID: { ...OLDER_SCOPE, STAKING_MODULE_ID: '3' },
  OPERATOR_IDENTIFIERS: { ...OLDER_SCOPE, OPERATOR_IDENTIFIERS: '[4]' },
  OPERATOR_ID: { ...OLDER_SCOPE, OPERATOR_ID: '5' },
  MESSAGES_LOCATION: { MESSAGES_LOCATION: 's3://b' },
  VALIDATOR_EXIT_WEBHOOK: WEBHOOK,
  ORACLE_ADDRESSES_ALLOWLIST: { ORACLE_ADDRESSES_ALLOWLIST: `["${ADDRESS}"]` },
  PROOF: { PROOF: 'both' },
  EXIT_BUS_ADDRESS: { EXIT_BUS_ADDRESS: `0x${'ab'.repeat(20)}` },
  ORACLE_QUORUM: { ORACLE_QUORUM: '2' },
  SUBMIT_TX_HASH_ALLOWLIST: { SUBMIT_TX_HASH_ALLOWLIST: `["0x${SECRET}"]` },
  MESSAGES_PASSWORD: { MESSAGES_PASSWORD: 'p' },
  BLOCKS_PRELOAD: { BLOCKS_PRELOAD: '7' },
  BLOCKS_LOOP: { BLOCKS_LOOP: '7' },
  LOAD_LOGS_STEP: { LOAD_LOGS_STEP: '7' },
  VALIDATORS_BATCH_SIZE: { VALIDATORS_BATCH_SIZE: '7' },
  JOB_INTERVAL: { JOB_INTERVAL: '7' },
  FINALITY_EVENTS: { FINALITY_EVENTS: 'false' },
  HTTP_PORT: { HTTP_PORT: '7' },
  HTTP_HOST: { HTTP_HOST: '::1' },
  RUN_METRICS: { RUN_METRICS: 'true' },
  RUN_HEALTH_CHECK: { RUN_HEALTH_CHECK: 'false' },
  RUN_STATUS: { RUN_STATUS: 'true' },
  RUN_KEYS_API: { RUN_KEYS_API: 'true' },
  LOGGER_LEVEL: { LOGGER_LEVEL: 'debug' },
  LOGGER_FORMAT: { LOGGER_FORMAT: 'json' },
  LOGGER_SECRETS: { LOGGER_SECRETS: '["x"]' },
  DRY_RUN: { DRY_RUN: 'true' },
  TRUST_MODE: { TRUST_MODE: 'true' },
  DISABLE_SECURITY_DONT_USE_IN_PRODUCTION: { DISABLE_SECURITY_DONT_USE_IN_PRODUCTION: 'true' },
  FORCE_DENCUN_FORK_MODE: { FORCE_DENCUN_FORK_MODE: 'true' },
  CAPELLA_FORK_VERSION: { CAPELLA_FORK_VERSION: '0x01020304' },
  WEBHOOK_ABORT_TIMEOUT_MS: { ...WEBHOOK, WEBHOOK_ABORT_TIMEOUT_MS: '7' },
  WEBHOOK_MAX_RETRIES: { ...WEBHOOK, WEBHOOK_MAX_RETRIES: '7' },
  WEBHOOK_TOKEN: { ...WEBHOOK, WEBHOOK_TOKEN: 't' },
  WEBHOOK_HEADER: { ...WEBHOOK, WEBHOOK_HEADER: 'X-T' },
  WEBHOOK_RESEND_AFTER: { ...WEBHOOK, WEBHOOK_RESEND_AFTER: '7' },
  JWT_SECRET_PATH: { JWT_SECRET_PATH: '/jwt' },
  PROM_PREFIX: { PROM_PREFIX: 'p_' },
  MAX_EXITS_PER_HOUR: { MAX_EXITS_PER_HOUR: '7' },
  STATE_FILE: { STATE_FILE: '/s' },
  HOLD_FILE: { HOLD_FILE: '/h' },
}

const parse = (env: Record<string, string>) => {
  const parsed = parseConfig({ ...GOOD, ...env }, () => SECRET)
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems))
  return { config: parsed.config, secrets: parsed.secrets }
}

test.each(variableNames)('%s makes a difference', (name) => {
  const env = OTHER[name]
  if (env === undefined) throw new Error(`add a value of ${name} that is not its default`)
  const without = { ...env }
  delete without[name]
  const before = parseConfig({ ...GOOD, ...without }, () => SECRET)
  const { config, secrets } = parse(env)

  expect({ config, secrets }).not.toEqual(
    before.ok && { config: before.config, secrets: before.secrets },
  )
})
