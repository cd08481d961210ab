import { existsSync, readFileSync } from 'node:fs'
import { Ajv } from 'ajv'
import { parse as parseDotenv } from 'dotenv'
import { describe, expect, test } from 'vitest'
import { parse as parseYaml } from 'yaml'
import { parseConfig, parseWatchConfig } from '../../src/config.ts'
import { EVERYONE } from '../../src/requests/scope.ts'
import { readFrom } from '../config/files.ts'
import { parseDockerfile } from './dockerfile.ts'

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')

const { $schema: _, ...schema } = JSON.parse(read('test/vectors/compose-spec.json'))
const text = read('docker-compose.yml')
const isCompose = new Ajv({ strict: false, allErrors: true, validateFormats: false }).compile(
  schema,
)

/** As Compose reads it, with merge keys. */
const parseCompose = (content: string) => parseYaml(content, { merge: true })

describe('docker-compose.yml', () => {
  const compose = parseCompose(text)
  const { ejector } = compose.services

  test('is what the Compose Specification allows', () => {
    expect([isCompose(compose), isCompose.errors]).toEqual([true, null])
  })

  test('is so too with its comments switched on', () => {
    const withSecrets = parseCompose(
      text.replace(/^( *)# (?=(?:secrets:|networks:| {2}|[A-Z_]+: \/run))/gm, '$1'),
    )

    expect([isCompose(withSecrets), isCompose.errors]).toEqual([true, null])
    expect(withSecrets.services.ejector.secrets).toEqual(Object.keys(withSecrets.secrets))
    expect(withSecrets.services.ejector.networks).toEqual(Object.keys(withSecrets.networks))
    const paths = Object.entries(withSecrets.services.ejector.environment)
      .filter(([name]) => !['HTTP_PORT', 'STATE_FILE', 'HOLD_FILE'].includes(name))
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
        holdFile: '/data/hold',
      },
    })
    // biome-ignore lint/suspicious/noTemplateCurlyInString: Compose fills it in
    expect(ejector.ports).toEqual(['127.0.0.1:${HTTP_PORT:-8989}:8989'])
    expect(ejector.env_file).toBe('.env')
  })
})

describe('the watch profile', () => {
  const { services, volumes } = parseCompose(text)
  const { ejector, watch } = services

  test('is there for who wants it, and holds no message', () => {
    expect(watch).toMatchObject({ profiles: ['watch'], command: ['watch'] })
    expect(watch.volumes).toEqual(['watch:/data'])
    expect(volumes).toHaveProperty('watch')
    for (const name of ['image', 'read_only', 'cap_drop', 'security_opt', 'user', 'init']) {
      expect(watch[name]).toEqual(ejector[name])
    }
    for (const port of watch.ports) expect(port).toMatch(/^127\.0\.0\.1:/)
  })

  test('with the environment of the other service it watches everyone, and finality proves', () => {
    const more = { ...watch.environment, EJECTOR_SCOPE: '' }
    const parsed = parseWatchConfig({ ...parseDotenv(OLDER), ...more }, readFrom({}))

    expect(parsed).toMatchObject({
      ok: true,
      config: { scope: EVERYONE, proof: 'finality', stateFile: '/data/watch.sqlite' },
      warnings: [expect.stringMatching(/^watch hands out no exits, and ignores MESSAGES_LOCATION/)],
    })
  })
})

describe('the monitoring profile', () => {
  const { services, volumes } = parseCompose(text)
  const { ejector: _ejector, watch: _watch, ...monitoring } = services as Record<string, Service>

  test('adds three services, and changes nothing for those who do without', () => {
    expect(Object.keys(monitoring)).toEqual(['prometheus', 'alertmanager', 'grafana'])
    expect(services.ejector).not.toHaveProperty('profiles')
    expect(services.ejector).not.toHaveProperty('depends_on')
    for (const { profiles } of Object.values(monitoring)) expect(profiles).toEqual(['monitoring'])
  })

  test.each(Object.entries(monitoring))('%s is pinned, and may do as little', (name, service) => {
    expect(service.image).toMatch(/^[\w-]+\/[\w-]+:v?\d+\.\d+\.\d+$/)
    expect(service).toMatchObject({
      read_only: true,
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
      restart: 'unless-stopped',
    })
    expect(service).not.toHaveProperty('privileged')
    expect(service).not.toHaveProperty('cap_add')
    expect(service).not.toHaveProperty('env_file')
    for (const port of service.ports) expect(port).toMatch(/^127\.0\.0\.1:/)
    const [own, ...others] = service.volumes.filter((volume) => !volume.startsWith('./'))
    expect(own).toMatch(new RegExp(`^${name}:/`))
    expect(others).toEqual([])
    expect(volumes).toHaveProperty(name)
  })

  test('what it mounts of the repository is there, and cannot be changed', () => {
    const mounts = Object.values(monitoring)
      .flatMap((service) => service.volumes)
      .filter((volume) => volume.startsWith('./'))

    expect(mounts.length).toBeGreaterThanOrEqual(4)
    for (const mount of mounts) {
      const [, path = ''] = /^\.\/([\w/]+):\/etc\/[\w/]+:ro$/.exec(mount) ?? []
      expect(existsSync(new URL(`../../${path}`, import.meta.url)), mount).toBe(true)
    }
  })

  test('its parts find each other under their names and ports', () => {
    const prometheus = parseYaml(read('docker/prometheus/prometheus.yml'))
    const [scrape] = prometheus.scrape_configs
    const [alerting] = prometheus.alerting.alertmanagers
    const [source] = parseYaml(read('docker/grafana/provisioning/datasources/prometheus.yml'))
      .datasources as readonly { url: string; jsonData: { timeInterval: string } }[]

    expect(scrape.static_configs[0].targets).toEqual(['ejector:8989'])
    expect(services.ejector.environment.HTTP_PORT).toBe('8989')
    expect(alerting.static_configs[0].targets).toEqual(['alertmanager:9093'])
    expect(services.alertmanager.ports[0]).toMatch(/:9093$/)
    expect(source?.url).toBe('http://prometheus:9090')
    expect(services.prometheus.ports[0]).toMatch(/:9090$/)
    expect(source?.jsonData.timeInterval).toBe(prometheus.global.scrape_interval)
  })

  test('Grafana finds the dashboard, and lets nobody in unasked', () => {
    const { environment } = services.grafana
    const [provider] = parseYaml(
      read('docker/grafana/provisioning/dashboards/validator-ejector.yml'),
    ).providers as readonly { options: { path: string } }[]

    expect(services.grafana.volumes).toContain(
      `./docker/grafana/dashboards:${provider?.options.path}:ro`,
    )
    expect(environment.GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH).toBe(
      `${provider?.options.path}/validator-ejector.json`,
    )
    expect(environment).toMatchObject({
      GF_AUTH_ANONYMOUS_ENABLED: 'false',
      GF_USERS_ALLOW_SIGN_UP: 'false',
    })
  })

  test('no secret of a receiver can get into git', () => {
    const ignored = read('docker/alertmanager/secrets/.gitignore').split('\n')

    expect(ignored).toEqual(expect.arrayContaining(['*', '!.gitignore']))
    const paths = [...read('docker/alertmanager/alertmanager.yml').matchAll(/_file: (\S+)/g)]
    expect(paths.length).toBeGreaterThanOrEqual(2)
    for (const [, path] of paths) expect(path).toMatch(/^\/etc\/alertmanager\/secrets\//)
  })
})

type Service = {
  readonly image: string
  readonly profiles: readonly string[]
  readonly ports: readonly string[]
  readonly volumes: readonly string[]
}

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

describe('docker/eth-docker.yml', () => {
  const { ejector } = parseCompose(read('docker/eth-docker.yml')).services

  test('is what the Compose Specification allows', () => {
    const compose = parseCompose(read('docker/eth-docker.yml'))
    expect([isCompose(compose), isCompose.errors]).toEqual([true, null])
  })

  test('may do as little as the service of docker-compose.yml', () => {
    const ours = parseCompose(text).services.ejector
    const limits = ['read_only', 'tmpfs', 'cap_drop', 'security_opt', 'init', 'restart', 'user']
    for (const limit of limits) expect(ejector[limit], limit).toEqual(ours[limit])
    expect(ejector).not.toHaveProperty('ports')
  })

  test('its environment and .env.example start the daemon', () => {
    const example = parseDotenv(read('.env.example'))
    const filled = {
      EJECTOR_SCOPE: '{"1":[5]}',
      ORACLE_ADDRESSES_ALLOWLIST: `["0x${'1'.repeat(40)}"]`,
    }
    const env = {
      ...example,
      ...filled,
      ...ejector.environment,
      CONSENSUS_NODE: 'http://consensus:5052',
    }
    expect(parseConfig(env, readFrom({}))).toMatchObject({ ok: true })
  })
})
