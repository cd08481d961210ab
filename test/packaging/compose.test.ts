import { readFileSync } from 'node:fs'
import { Ajv } from 'ajv'
import { parse as parseDotenv } from 'dotenv'
import { describe, expect, test } from 'vitest'
import { parse as parseYaml } from 'yaml'
import { parseConfig } from '../../src/config.ts'
import { readFrom } from '../config-files.ts'
import { parseDockerfile } from './dockerfile.ts'

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')

const { $schema: _, ...schema } = JSON.parse(read('test/vectors/compose-spec.json'))
const text = read('docker-compose.yml')
const isCompose = new Ajv({ strict: false, allErrors: true, validateFormats: false }).compile(
  schema,
)

describe('docker-compose.yml', () => {
  const compose = parseYaml(text)
  const { ejector } = compose.services

  test('is what the Compose Specification allows', () => {
    expect([isCompose(compose), isCompose.errors]).toEqual([true, null])
  })

  test('is so too with its comments switched on', () => {
    const withSecrets = parseYaml(
      text.replace(/^( *)# (?=(?:secrets:| {2}|[A-Z_]+: \/run))/gm, '$1'),
    )

    expect([isCompose(withSecrets), isCompose.errors]).toEqual([true, null])
    expect(withSecrets.services.ejector.secrets).toEqual(Object.keys(withSecrets.secrets))
    const paths = Object.entries(withSecrets.services.ejector.environment)
      .filter(([name]) => !['HTTP_PORT', 'STATE_FILE'].includes(name))
      .map(([, path]) => path)
    expect(paths).toHaveLength(5)
    for (const path of paths) expect(path).toMatch(/^\/run\/secrets\/[a-z_]+$/)
  })

  test('a mistake would be noticed', () => {
    expect(isCompose({ services: { ejector: { ...ejector, read_onyl: true } } })).toBe(false)
  })

  test('the container may do no more than it must', () => {
    expect(ejector).toMatchObject({
      read_only: true,
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
      init: true,
      restart: 'unless-stopped',
    })
    expect(ejector).not.toHaveProperty('privileged')
    expect(ejector).not.toHaveProperty('cap_add')
    expect(ejector.user).not.toMatch(/:-0\b/)
    for (const port of ejector.ports) expect(port).toMatch(/^127\.0\.0\.1:/)
  })

  test('messages are where .env of the older daemon says, and cannot be changed', () => {
    const stage = parseDockerfile(read('Dockerfile')).at(-1)!
    const workdir = stage.steps.flatMap((step) => (step.kind === 'workdir' ? [step.path] : []))

    expect(workdir).toEqual(['/app'])
    expect(ejector.volumes).toContain('./messages:/app/messages:ro')
    expect(JSON.stringify(stage)).toContain('ln -s /app/messages /messages')
  })

  test('an environment of the older daemon starts, with the ports that it had', () => {
    const env = parseDotenv(OLDER)
    const parsed = parseConfig({ ...env, ...ejector.environment }, readFrom({}))

    expect(parsed).toMatchObject({
      ok: true,
      config: {
        delivery: { mode: 'message', location: { kind: 'folder', path: 'messages' } },
        http: { port: 8989 },
        stateFile: '/data/state.sqlite',
      },
    })
    // biome-ignore lint/suspicious/noTemplateCurlyInString: Compose fills it in
    expect(ejector.ports).toEqual(['127.0.0.1:${HTTP_PORT:-8989}:8989'])
    expect(ejector.env_file).toBe('.env')
  })
})

const SIGNER = `0x${'a'.repeat(40)}`
/** In the way of the older daemon: comments behind values, empty values, its names. */
const OLDER = `
EXECUTION_NODE=http://1.2.3.4:8545
CONSENSUS_NODE=http://1.2.3.4:5051
LOCATOR_ADDRESS=${SIGNER}
STAKING_MODULE_ID=1
OPERATOR_ID=123

MESSAGES_LOCATION=messages
MESSAGES_PASSWORD=pass
VALIDATOR_EXIT_WEBHOOK=

ORACLE_ADDRESSES_ALLOWLIST=["${SIGNER}"]

BLOCKS_PRELOAD=50000 # 7 days of blocks

HTTP_PORT=9000
RUN_METRICS=true
RUN_HEALTH_CHECK=true

LOGGER_LEVEL=info
LOGGER_FORMAT=simple
LOGGER_SECRETS=["MESSAGES_PASSWORD","EXECUTION_NODE", "CONSENSUS_NODE"]

DRY_RUN=false
`
