import { describe, expect, test } from 'vitest'
import { headersFor } from '../../src/config/node-headers.ts'
import { describeProblem, parseConfig } from '../../src/config.ts'
import { createRedactor } from '../../src/lib/secret.ts'
import { readFrom } from './files.ts'

const SIGNER = '0x00000000000000000000000000000000000000AA'
const OTHER = `0x${'b'.repeat(40)}`
const HASH = `0x${'Ab'.repeat(32)}`

const GOOD = {
  EXECUTION_NODE: 'http://localhost:8545',
  CONSENSUS_NODE: 'http://localhost:5052',
  LOCATOR_ADDRESS: '0xC1d0b3DE6792Bf6b4b37EccdcC24e45978Cfd2Eb',
  EJECTOR_SCOPE: '{"1":[123]}',
  ORACLE_ADDRESSES_ALLOWLIST: `["${SIGNER}"]`,
  MESSAGES_LOCATION: 'messages',
}
type Env = Record<string, string | undefined>

const parse = (env: Env = {}, files: Record<string, string | Uint8Array> = {}) =>
  parseConfig({ ...GOOD, ...env }, readFrom(files))

function configOf(env: Env = {}, files: Record<string, string | Uint8Array> = {}) {
  const parsed = parse(env, files)
  if (!parsed.ok) throw new Error(parsed.problems.map(describeProblem).join('\n'))
  return parsed.config
}

function problemsOf(env: Env = {}, files: Record<string, string | Uint8Array> = {}) {
  const parsed = parse(env, files)
  return parsed.ok ? [] : parsed.problems.map(({ variable }) => variable)
}

const warningsOf = (env: Env, files = {}) => parse(env, files).warnings

describe('defaults', () => {
  test('four values, a locator and a folder are enough', () => {
    const parsed = parse()

    expect(parsed).toMatchObject({ ok: true, warnings: [] })
    expect(configOf()).toEqual({
      executionNodes: ['http://localhost:8545'],
      consensusNodes: ['http://localhost:5052'],
      nodeHeaders: new Map(),
      chainId: undefined,
      locatorAddress: '0xc1d0b3de6792bf6b4b37eccdcc24e45978cfd2eb',
      scope: new Map([[1, [123]]]),
      delivery: {
        mode: 'message',
        location: { kind: 'folder', path: 'messages' },
        password: undefined,
      },
      oracleAllowlist: ['0x00000000000000000000000000000000000000aa'],
      proof: 'oracle',
      exitBusAddress: undefined,
      oracleQuorum: 1,
      submitTxHashAllowlist: [],
      trustMode: false,
      dryRun: false,
      blocksPreload: 108_000,
      blocksLoop: 32,
      loadLogsStep: 10_000,
      validatorsBatchSize: 1_000,
      jobIntervalMs: 384_000,
      finalityEvents: true,
      http: {
        port: 8989,
        host: undefined,
        runMetrics: false,
        runHealthCheck: true,
        runStatus: false,
        runKeysApi: false,
      },
      logger: { level: 'info', format: 'simple' },
      forceDencunForkMode: false,
      capellaForkVersion: undefined,
      jwtSecretPath: undefined,
      promPrefix: 'validator_ejector_',
      stateFile: undefined,
      holdFile: undefined,
    })
  })

  test('an empty or blank value means unset', () => {
    const empty = { JOB_INTERVAL: '', HTTP_PORT: ' ', STATE_FILE: '', PROM_PREFIX: '', DRY_RUN: '' }

    expect(configOf({ ...empty, MESSAGES_PASSWORD: '', OPERATOR_ID: '' })).toEqual(configOf())
  })

  test('everything that is wrong is said at once, with an example that would do', () => {
    const parsed = parseConfig({ JOB_INTERVAL: 'x', LOGGER_FORMAT: 'json' }, readFrom({}))

    expect(parsed).toMatchObject({ ok: false, logger: { level: 'info', format: 'json' } })
    const problems = parsed.ok ? [] : parsed.problems
    expect(problems.map(({ variable }) => variable)).toEqual([
      'JOB_INTERVAL',
      'EXECUTION_NODE',
      'CONSENSUS_NODE',
      'NETWORK',
      'EJECTOR_SCOPE',
      'MESSAGES_LOCATION',
      'ORACLE_ADDRESSES_ALLOWLIST',
    ])
    const examples = Object.fromEntries(
      problems.map(({ example }) => example.split(/=(.*)/s).slice(0, 2)),
    )
    const pasted = parseConfig(examples, readFrom({}))
    // What may be dangerous is refused when it is pasted as it stands.
    expect(pasted.ok ? [] : pasted.problems.map(({ variable }) => variable)).toEqual([
      'EJECTOR_SCOPE',
      'ORACLE_ADDRESSES_ALLOWLIST',
    ])
    expect(problems.map(describeProblem)).toContain(
      'JOB_INTERVAL: must be a whole number from 1 to 2147483647, for example JOB_INTERVAL=384000',
    )
  })

  test('a bad log format does not keep the problems from being logged', () => {
    expect(parse({ LOGGER_FORMAT: 'xml', LOGGER_LEVEL: 'loud' })).toMatchObject({
      ok: false,
      logger: { level: 'info', format: 'simple' },
      problems: [{ variable: 'LOGGER_LEVEL' }, { variable: 'LOGGER_FORMAT' }],
    })
  })
})

describe('numbers and booleans', () => {
  const NUMBERS = [
    ['BLOCKS_PRELOAD', '0'],
    ['BLOCKS_LOOP', '0'],
    ['LOAD_LOGS_STEP', '0'],
    ['VALIDATORS_BATCH_SIZE', '0'],
    ['JOB_INTERVAL', '0'],
    ['JOB_INTERVAL', '2147483648'],
    ['ORACLE_QUORUM', '0'],
    ['WEBHOOK_ABORT_TIMEOUT_MS', '0'],
    ['WEBHOOK_ABORT_TIMEOUT_MS', '2147483648'],
    ['WEBHOOK_MAX_RETRIES', '1001'],
    ['WEBHOOK_RESEND_AFTER', '0'],
    ['HTTP_PORT', '65536'],
  ] as const

  test.each(NUMBERS)('%s=%s is refused', (name, value) => {
    expect(problemsOf({ [name]: value })).toEqual([name])
  })

  test.each([...new Set(NUMBERS.map(([name]) => name))])('%s takes whole numbers only', (name) => {
    for (const bad of ['NaN', '-1', '1.5', '1e3', '0x10', '1_000', '12s', 'Infinity', '1 2']) {
      expect(problemsOf({ [name]: bad }), bad).toEqual([name])
    }
    expect(problemsOf({ [name]: '9'.repeat(40) })).toEqual([name])
  })

  test('zero retries are fine, and surrounding blanks do no harm', () => {
    expect(problemsOf({ WEBHOOK_MAX_RETRIES: '0', BLOCKS_LOOP: ' 64 ' })).toEqual([])
  })

  test.each(['true', 'TRUE', 'True'])('booleans come in any letter case: %s', (value) => {
    expect(configOf({ DRY_RUN: value }).dryRun).toBe(true)
  })

  test.each(['yes', '1', '0', 'on', 'truee'])('%s is no boolean', (value) => {
    expect(problemsOf({ DRY_RUN: value })).toEqual(['DRY_RUN'])
  })

  test('port 0 or false: no server', () => {
    expect(configOf({ HTTP_PORT: '0' }).http.port).toBeUndefined()
    expect(configOf({ HTTP_PORT: 'False' }).http.port).toBeUndefined()
    expect(configOf({ HTTP_PORT: '9000' }).http.port).toBe(9000)
  })

  test('an interval that was meant in seconds is warned of', () => {
    expect(warningsOf({ JOB_INTERVAL: '384' })).toEqual([expect.stringContaining('JOB_INTERVAL')])
  })
})

describe('whom to believe', () => {
  test('addresses and hashes come in any letter case, duplicates count once', () => {
    const config = configOf({
      ORACLE_ADDRESSES_ALLOWLIST: JSON.stringify([SIGNER, SIGNER.toLowerCase(), OTHER]),
      SUBMIT_TX_HASH_ALLOWLIST: JSON.stringify([HASH]),
      ORACLE_QUORUM: '2',
    })

    expect(config.oracleAllowlist).toEqual([SIGNER.toLowerCase(), OTHER])
    expect(config.submitTxHashAllowlist).toEqual([HASH.toLowerCase()])
  })

  test.each(['[]', '{}', '0xaa', '["0xaa"]', '[1]', '[null]', 'null', '["0x"'])(
    '%s is no allowlist',
    (value) => {
      expect(problemsOf({ ORACLE_ADDRESSES_ALLOWLIST: value })).toEqual([
        'ORACLE_ADDRESSES_ALLOWLIST',
      ])
    },
  )

  test('more signatures than distinct signers could never come together', () => {
    const twice = JSON.stringify([SIGNER, SIGNER.toLowerCase()])

    expect(problemsOf({ ORACLE_ADDRESSES_ALLOWLIST: twice, ORACLE_QUORUM: '2' })).toEqual([
      'ORACLE_QUORUM',
    ])
  })

  test('trust mode needs no signers, by its new or its old name', () => {
    for (const proof of ['finality', 'FINALITY']) {
      expect(problemsOf({ PROOF: proof, ORACLE_ADDRESSES_ALLOWLIST: '' })).toEqual([])
    }
    for (const [proof, problem] of [
      ['oracle', 'is required unless PROOF is finality'],
      ['either', 'is required with PROOF=either: only PROOF=finality needs none'],
      ['both', 'is required with PROOF=both: only PROOF=finality needs none'],
    ]) {
      const parsed = parse({ PROOF: proof, ORACLE_ADDRESSES_ALLOWLIST: '' })
      expect(parsed.ok ? [] : parsed.problems).toMatchObject([
        { variable: 'ORACLE_ADDRESSES_ALLOWLIST', problem },
      ])
    }
    const none = { ORACLE_ADDRESSES_ALLOWLIST: '[]', ORACLE_QUORUM: '3' }

    expect(configOf({ ...none, TRUST_MODE: 'true' }).trustMode).toBe(true)
    expect(
      configOf({
        ...none,
        ORACLE_ADDRESSES_ALLOWLIST: '',
        DISABLE_SECURITY_DONT_USE_IN_PRODUCTION: 'true',
      }).trustMode,
    ).toBe(true)
  })

  test('a TRUST_MODE that is set wins over its old name, true or not', () => {
    const env = { TRUST_MODE: 'false', DISABLE_SECURITY_DONT_USE_IN_PRODUCTION: 'true' }

    expect(configOf(env).trustMode).toBe(false)
    expect(warningsOf(env)).toHaveLength(1)
  })
})

describe('the network', () => {
  const bare = { LOCATOR_ADDRESS: '' }

  test.each([
    ['mainnet', 1n, '0xc1d0b3de6792bf6b4b37eccdcc24e45978cfd2eb'],
    ['HOODI', 560_048n, '0xe2ef9536daaaebff5b1c130957ab3e80056b06d8'],
  ])('%s stands for the Locator and the chain', (NETWORK, chainId, locatorAddress) => {
    expect(configOf({ ...bare, NETWORK })).toMatchObject({ chainId, locatorAddress })
  })

  test('an address beside it must be the same', () => {
    expect(configOf({ NETWORK: 'mainnet' })).toMatchObject({ chainId: 1n })
    expect(problemsOf({ NETWORK: 'hoodi' })).toEqual(['LOCATOR_ADDRESS'])
  })

  test('one of the two is required, and chains without the protocol are none', () => {
    expect(problemsOf(bare)).toEqual(['NETWORK'])
    for (const NETWORK of ['holesky', 'sepolia', '1', '__proto__']) {
      expect(problemsOf({ ...bare, NETWORK }), NETWORK).toEqual(['NETWORK'])
    }
  })
})

describe('headers for nodes', () => {
  const nodes = {
    EXECUTION_NODE: 'https://A.example/v3,http://b:8545',
    CONSENSUS_NODE: 'http://[::1]:5052',
  }
  const NODE_HEADERS = JSON.stringify({
    'a.example': { 'X-API-Key': 'one', 'X-Other': 'other' },
    'A.EXAMPLE:443': { 'X-API-Key': 'exact' },
    'b:1': { 'X-API-Key': 'another port' },
    '[::1]': { Authorization: 'Bearer six' },
  })

  test('are found by host and by host with port, which wins', () => {
    const { nodeHeaders } = configOf({ ...nodes, NODE_HEADERS })

    expect(headersFor(nodeHeaders, 'https://a.example/v3')).toEqual({
      'X-API-Key': 'exact',
      'X-Other': 'other',
    })
    expect(headersFor(nodeHeaders, 'http://b:8545')).toEqual({})
    expect(headersFor(nodeHeaders, 'http://[::1]:5052')).toEqual({ Authorization: 'Bearer six' })
  })

  test('a host that is no node of ours is told, without its name', () => {
    expect(warningsOf({ ...nodes, NODE_HEADERS })).toEqual([
      'NODE_HEADERS: host 3 of 4 is no configured node: unused',
    ])
  })

  test('may stand in a file', () => {
    const env = { NODE_HEADERS_FILE: '/h' }

    expect(configOf(env, { '/h': '{"localhost":{"X-Key":"k"}}\n' }).nodeHeaders.size).toBe(1)
  })

  test.each([
    '[]',
    'null',
    '{"a":"b"}',
    '{"a":{"X-Key":1}}',
    '{"a":{"X Key":"v"}}',
    '{"a":{"X-Key":"one\\ntwo"}}',
    '{"a":{"Host":"b"}}',
    '{"http://a":{"X-Key":"v"}}',
    '{"a":{"X-Key":"v"}',
  ])('%s is refused', (value) => {
    expect(problemsOf({ NODE_HEADERS: value })).toEqual(['NODE_HEADERS'])
  })

  test('are told nowhere, also where they are no text', () => {
    const parsed = parse({ NODE_HEADERS: '{"a":{"X-Key":1234567890123456}}' })
    expect(JSON.stringify(parsed)).toContain('must be text')
    expect(JSON.stringify(parsed)).not.toContain('1234567890123456')
  })

  test('are secret, also when they are refused', () => {
    for (const value of ['{"localhost":{"X-Key":"s3cr3t-key"}}', '{"a":{"X Key":"s3cr3t-key"}}']) {
      expect(createRedactor(parse({ NODE_HEADERS: value }).secrets)('s3cr3t-key')).toBe('<secret>')
    }
  })
})

describe('the rest', () => {
  test.each(['127.0.0.1', '::1', '[::1]', 'localhost', '10.0.0.1'])(
    'HTTP_HOST may be %s',
    (host) => {
      expect(configOf({ HTTP_HOST: host }).http.host).toBe(host.replace(/[[\]]/g, ''))
    },
  )

  test.each(['http://a', 'a:8989', 'a b', '-', 'a/b', '[::1', '::g'])(
    '%s is no HTTP_HOST',
    (host) => {
      expect(problemsOf({ HTTP_HOST: host })).toEqual(['HTTP_HOST'])
    },
  )

  test('a token must fit into a header, and the header must be free', () => {
    const webhook = { MESSAGES_LOCATION: '', VALIDATOR_EXIT_WEBHOOK: 'https://h.example/exit/' }

    expect(configOf({ ...webhook, WEBHOOK_TOKEN: 't', WEBHOOK_HEADER: 'X-Key' }).delivery).toEqual({
      mode: 'webhook',
      url: 'https://h.example/exit/',
      token: 't',
      header: 'X-Key',
      timeoutMs: 10_000,
      maxRetries: 0,
      resendAfterMs: 3_600_000,
    })
    expect(problemsOf({ WEBHOOK_TOKEN: 'a\nb' })).toEqual(['WEBHOOK_TOKEN'])
    expect(problemsOf({ WEBHOOK_HEADER: 'X Key' })).toEqual(['WEBHOOK_HEADER'])
    expect(problemsOf({ WEBHOOK_HEADER: 'content-type' })).toEqual(['WEBHOOK_HEADER'])
  })

  test('fork version, metric prefix and log settings', () => {
    const config = configOf({
      CAPELLA_FORK_VERSION: '0x0300FF00',
      PROM_PREFIX: 'lido:',
      LOGGER_LEVEL: 'LOG',
      LOGGER_FORMAT: 'JSON',
    })

    expect(config).toMatchObject({ capellaForkVersion: '0x0300ff00', promPrefix: 'lido:' })
    expect(config.logger).toEqual({ level: 'log', format: 'json' })
    for (const bad of ['0x03', '03000000', '0x030000000', '0x0300000g']) {
      expect(problemsOf({ CAPELLA_FORK_VERSION: bad }), bad).toEqual(['CAPELLA_FORK_VERSION'])
    }
    for (const bad of ['1x_', 'a-b_', 'a b']) {
      expect(problemsOf({ PROM_PREFIX: bad }), bad).toEqual(['PROM_PREFIX'])
    }
  })

  test('unknown variables are nobody’s business, unless they look like ours', () => {
    expect(warningsOf({ PATH: '/bin', NODE_OPTIONS: 'x' })).toEqual([])
    const NEAR = [
      ['EXECUTION_NODES', 'EXECUTION_NODE'],
      ['ORACLE_ADDRESS_ALLOWLIST', 'ORACLE_ADDRESSES_ALLOWLIST'],
      ['ORACLE_QUORUN', 'ORACLE_QUORUM'],
      ['DRY_RUM', 'DRY_RUN'],
      ['HOLD_FLE', 'HOLD_FILE'],
      ['dry_run', 'DRY_RUN'],
      ['MESSAGES_PASWORD_FILE', 'MESSAGES_PASSWORD_FILE'],
    ]
    for (const [name = '', near] of NEAR) {
      expect(warningsOf({ [name]: 'x' })).toEqual([
        `${name} in the environment is unknown and has no effect: is ${near} meant?`,
      ])
    }
    expect(warningsOf({ LOGGER_SECRETS: '["DRY_RUM"]', DRY_RUM: 'x' })).toEqual([])
  })

  test('variables of the 2.x line that mean nothing any more are told', () => {
    expect(warningsOf({ EASY_TRACK_ADDRESS: '0x', VOTING_EVENTS_FRAME_BLOCKS: '1' })).toEqual([
      'EASY_TRACK_ADDRESS in the environment has no effect: only the 2.x line read it. Remove it',
      'VOTING_EVENTS_FRAME_BLOCKS in the environment has no effect: only the 2.x line read it. Remove it',
    ])
  })

  test.each(['"true"', "'true'", '`true`'])('quotes are named as such: %s', (DRY_RUN) => {
    expect(parse({ DRY_RUN })).toMatchObject({
      problems: [{ variable: 'DRY_RUN', problem: expect.stringContaining('quotes') }],
    })
  })

  test('a quoted password is refused, and masked with its quotes and without', () => {
    const parsed = parse({ MESSAGES_PASSWORD: '"pass w0rd"', MESSAGES_PASSWORD_FILE: "'/p'" })

    expect(parsed.ok ? [] : parsed.problems.map(({ variable }) => variable)).toEqual([
      'MESSAGES_PASSWORD',
      'MESSAGES_PASSWORD_FILE',
    ])
    expect(createRedactor(parsed.secrets)('"pass w0rd" pass w0rd')).toBe('<secret> <secret>')
  })

  test('a wrong EIP-55 checksum is told, and one without is fine', () => {
    const right = '0xC1d0b3DE6792Bf6b4b37EccdcC24e45978Cfd2Eb'
    const wrong = right.replace('C1d0', 'c1d0')
    const ORACLE_ADDRESSES_ALLOWLIST = JSON.stringify([
      wrong,
      right,
      OTHER,
      OTHER.toUpperCase().replace('0X', '0x'),
    ])

    expect(warningsOf({ ORACLE_ADDRESSES_ALLOWLIST })).toEqual([
      `ORACLE_ADDRESSES_ALLOWLIST: ${wrong} has a wrong EIP-55 checksum: compare it again`,
    ])
    expect(warningsOf({ LOCATOR_ADDRESS: wrong })).toHaveLength(1)
  })
})
