import { PASSWORD } from './messages.ts'
import { QUORUM } from './oracle.ts'
import { OPERATOR, type World } from './world.ts'

/** What the operator of the demo configures. */
export const environmentOf = (
  world: World,
  folder: string,
  port: number,
  stateFile: string,
): Readonly<Record<string, string>> => ({
  EXECUTION_NODE: world.executionUrls.join(),
  CONSENSUS_NODE: world.consensusUrls.join(),
  LOCATOR_ADDRESS: world.oracle.locator,
  EXIT_BUS_ADDRESS: world.oracle.exitBus,
  EJECTOR_SCOPE: JSON.stringify({ [OPERATOR.moduleId]: [OPERATOR.operatorId] }),
  MESSAGES_LOCATION: folder,
  MESSAGES_PASSWORD: PASSWORD,
  ORACLE_ADDRESSES_ALLOWLIST: JSON.stringify(world.oracle.allowlist),
  ORACLE_QUORUM: String(QUORUM),
  STATE_FILE: stateFile,
  JOB_INTERVAL: '1000',
  HTTP_PORT: String(port),
  RUN_METRICS: 'true',
  RUN_STATUS: 'true',
})

/** As a file `.env`: in single quotes nothing of a value means anything else. */
export const dotenvOf = (environment: Readonly<Record<string, string>>): string =>
  Object.entries(environment)
    .map(([name, value]) => `${name}='${value}'\n`)
    .join('')
