import { getAddress } from 'ethers/address'
import { type Given, type ReadFile, readFailure } from './environment.ts'
import { isForNode } from './node-headers.ts'
import type { Settings } from './schema.ts'

/**
 * Takes down one problem of one variable. Must not be handed values that may be secret.
 *
 * @param example - a value to show instead of the variable's own example
 */
export type Complain = (variable: string, problem: string, example?: string) => void

/** What must be set, and what must not be set together: `watch` needs neither scope nor way out. */
export function requireOneWay(given: Given, complain: Complain, isWatch: boolean): void {
  const has = (name: keyof Given['values']) => given.values[name] !== undefined
  for (const name of ['EXECUTION_NODE', 'CONSENSUS_NODE'] as const) {
    const failed = given.problems.some(({ variable }) => variable === `${name}_FILE`)
    if (!has(name) && !failed) complain(name, 'is required')
  }
  if (!has('LOCATOR_ADDRESS') && !has('NETWORK')) {
    complain('NETWORK', 'is required unless LOCATOR_ADDRESS is set')
  }
  if (!has('EJECTOR_SCOPE')) {
    const hasOperators = has('OPERATOR_IDENTIFIERS') || has('OPERATOR_ID')
    if (has('STAKING_MODULE_ID') && !hasOperators) {
      complain('OPERATOR_IDENTIFIERS', 'is required with STAKING_MODULE_ID')
    } else if (hasOperators && !has('STAKING_MODULE_ID')) {
      complain('STAKING_MODULE_ID', 'is required with OPERATOR_IDENTIFIERS or OPERATOR_ID')
    } else if (!hasOperators && !isWatch) complain('EJECTOR_SCOPE', 'is required')
  }
  if (isWatch) return
  if (has('MESSAGES_LOCATION') && has('VALIDATOR_EXIT_WEBHOOK')) {
    complain('MESSAGES_LOCATION', 'only one of it and VALIDATOR_EXIT_WEBHOOK may be set')
  } else if (!has('MESSAGES_LOCATION') && !has('VALIDATOR_EXIT_WEBHOOK')) {
    complain('MESSAGES_LOCATION', 'one of it and VALIDATOR_EXIT_WEBHOOK is required')
  }
}

/** Two ways to say where the protocol is: a second one that says something else is a slip. */
export function checkNetwork(settings: Settings, complain: Complain): void {
  const { NETWORK: network, LOCATOR_ADDRESS: locator } = settings
  if (network === undefined || locator === undefined || network.lido.locator === locator) return
  complain(
    'LOCATOR_ADDRESS',
    `is not the Locator of NETWORK=${network.name}: remove one of the two`,
    network.lido.locator,
  )
}

/** By its name, or by its old name. */
export const trustModeOf = (given: Given, settings: Settings) =>
  (given.values.TRUST_MODE === undefined
    ? settings.DISABLE_SECURITY_DONT_USE_IN_PRODUCTION
    : settings.TRUST_MODE) ?? false

/** Nothing could ever be proven without signers, or with more signatures than signers. */
export function checkSigners(given: Given, settings: Settings, complain: Complain): void {
  if (trustModeOf(given, settings) || settings.PROOF === 'finality') return
  const name = 'ORACLE_ADDRESSES_ALLOWLIST'
  const allowlist = settings[name]
  const quorum = settings.ORACLE_QUORUM
  const proof = settings.PROOF ?? 'oracle'
  if (given.values[name] === undefined) {
    const rule = `with PROOF=${proof}: only PROOF=finality needs none`
    complain(name, `is required ${proof === 'oracle' ? 'unless PROOF is finality' : rule}`)
  } else if (allowlist?.length === 0) complain(name, 'must not be empty unless PROOF is finality')
  else if (allowlist && quorum !== undefined && quorum > allowlist.length) {
    complain(
      'ORACLE_QUORUM',
      `must not exceed the ${allowlist.length} distinct addresses of ${name}`,
      String(Math.floor(allowlist.length / 2) + 1),
    )
  }
}

/** It is read again when needed; here it only has to be good. */
export function checkJwtSecret(
  path: string | undefined,
  readFile: ReadFile,
  complain: Complain,
): void {
  if (path === undefined) return
  try {
    const secret = Buffer.from(readFile(path)).toString().trim()
    if (/^(0x)?[0-9a-f]{64}$/i.test(secret)) return
    complain('JWT_SECRET_PATH', `the file ${path} must hold 32 bytes as 64 hex digits`)
  } catch (error) {
    complain('JWT_SECRET_PATH', `cannot read the file ${path}: ${readFailure(error)}`)
  }
}

/** A shorter interval is legal, but no chain finalizes that often. Milliseconds. */
const SHORTEST_SENSIBLE_INTERVAL = 1_000

/** What can be used and is probably not meant. */
export function doubtsOf(given: Given, settings: Settings): readonly string[] {
  const { JOB_INTERVAL: interval = Infinity, NODE_HEADERS: headers } = settings
  const nodes = [...(settings.EXECUTION_NODE ?? []), ...(settings.CONSENSUS_NODE ?? [])]
  const hosts = [...(headers?.keys() ?? [])]
  return [
    ...(interval < SHORTEST_SENSIBLE_INTERVAL
      ? [`JOB_INTERVAL is in milliseconds: ${interval} leaves no pause between polls`]
      : []),
    ...(settings.MAX_EXITS_PER_HOUR === undefined || settings.STATE_FILE !== undefined
      ? []
      : ['MAX_EXITS_PER_HOUR begins to count anew at each start: STATE_FILE is not set']),
    ...hosts.flatMap((host, at) =>
      isForNode(host, nodes)
        ? []
        : [`NODE_HEADERS: host ${at + 1} of ${hosts.length} is no configured node: unused`],
    ),
    ...(['LOCATOR_ADDRESS', 'EXIT_BUS_ADDRESS', 'ORACLE_ADDRESSES_ALLOWLIST'] as const).flatMap(
      (name) =>
        (given.values[name]?.match(/\b0x[0-9a-f]{40}\b/gi) ?? [])
          .filter(hasWrongChecksum)
          .map((address) => `${name}: ${address} has a wrong EIP-55 checksum: compare it again`),
    ),
  ]
}

/** Only mixed letter case carries a checksum. */
function hasWrongChecksum(address: string): boolean {
  const digits = address.slice(2)
  if (digits === digits.toLowerCase() || digits === digits.toUpperCase()) return false
  return getAddress(address.toLowerCase()) !== `0x${digits}`
}
