import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { withDotenv } from '../../src/config/dotenv.ts'
import { headersFor } from '../../src/config/node-headers.ts'
import { parseConfig, variables } from '../../src/config.ts'
import { createHttpTarget } from '../../src/lib/http.ts'
import { createRedactor } from '../../src/lib/secret.ts'
import { createMetrics } from '../../src/observe/metrics.ts'
import { readFrom } from './files.ts'

const SIGNER = `0x${'2'.repeat(40)}`
const TEXT = `
EXECUTION_NODE=http://execution:8545
CONSENSUS_NODE=http://consensus:5052
NETWORK=mainnet
EJECTOR_SCOPE={"1":[123]}
ORACLE_ADDRESSES_ALLOWLIST=["${SIGNER}"]
MESSAGES_LOCATION=messages
`

function parse(text: string, process: Record<string, string> = {}) {
  const { env, names, warnings } = withDotenv(process, text)
  const dotenv = { path: '/srv/.env', failure: undefined, names, warnings }
  return parseConfig(env, readFrom({ '/p': 'from the file' }), dotenv)
}

describe('the environment wins over .env as a whole', () => {
  test('X_FILE there over X here, and the reverse', () => {
    const older = `${TEXT}MESSAGES_PASSWORD=older\n`
    expect(parse(older, { MESSAGES_PASSWORD_FILE: '/p' })).toMatchObject({
      config: { delivery: { password: { text: 'from the file' } } },
      warnings: [
        'MESSAGES_PASSWORD_FILE is set in the environment: MESSAGES_PASSWORD of .env is ignored',
      ],
    })
    const file = `${TEXT}MESSAGES_PASSWORD_FILE=/nowhere\n`
    expect(parse(file, { MESSAGES_PASSWORD: 'here' })).toMatchObject({
      config: { delivery: { password: { text: 'here' } } },
    })
  })

  test.each([
    [{ STAKING_MODULE_ID: '2', OPERATOR_ID: '7' }, { scope: new Map([[2, [7]]]) }],
    [{ VALIDATOR_EXIT_WEBHOOK: 'http://s/exit' }, { delivery: { mode: 'webhook' } }],
    [{ LOCATOR_ADDRESS: `0x${'3'.repeat(40)}` }, { chainId: undefined }],
  ])('the same for other ways to say one thing: %j', (process, config) => {
    expect(parse(TEXT, process)).toMatchObject({ ok: true, config })
    expect(parse(TEXT, process).warnings).toEqual([expect.stringContaining('of .env is ignored')])
  })

  test('an old name for trust counts only where it stands with the environment', () => {
    const old = 'DISABLE_SECURITY_DONT_USE_IN_PRODUCTION'
    expect(parse(`${TEXT}${old}=true`, { TRUST_MODE: 'false' })).toMatchObject({
      config: { trustMode: false },
    })
  })

  test('an empty value there hides the one of .env, and no other', () => {
    const text = `${TEXT}MESSAGES_PASSWORD_FILE=/p\nSTATE_FILE=/s\n`
    expect(parse(text, { MESSAGES_PASSWORD: '', STATE_FILE: '' })).toMatchObject({
      config: { delivery: { password: { text: 'from the file' } }, stateFile: undefined },
      warnings: [],
    })
  })
})

describe('what is told of .env', () => {
  test('every name that is not ours, with the nearest', () => {
    const names = [
      'ORACLE_QUORUN',
      'ORACLE_SIGNERS',
      'EASY_TRACK_ADDRESS',
      'AWS_REGION',
      'GRAFANA_PORT',
    ]
    expect(parse(TEXT + names.map((name) => `${name}=x\n`).join('')).warnings).toEqual([
      'ORACLE_QUORUN in .env is unknown and has no effect: is ORACLE_QUORUM meant?',
      expect.stringMatching(/^ORACLE_SIGNERS in .env is unknown and has no effect; the nearest/),
      'EASY_TRACK_ADDRESS in .env has no effect: only the 2.x line read it. Remove it',
    ])
  })

  test('variables of docker-compose.yml are known', () => {
    const compose = readFileSync(new URL('../../docker-compose.yml', import.meta.url), 'utf8')
    const names = [...compose.matchAll(/\$\{([A-Z_]+)/g)].map(([, name]) => `${name}=1\n`)
    expect(names.length).toBeGreaterThan(3)
    expect(parse(TEXT + names.join('')).warnings).toEqual([])
  })

  test('a value that stands where a name belongs does not show', () => {
    const key = 'c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0'
    expect(parse(`${TEXT}${key}=x`).warnings).toEqual([expect.stringMatching(/^a name in .env/)])
  })

  test.each([
    ['MESSAGES_PASSWORD=abc#def', 1],
    ['MESSAGES_PASSWORD=abc # the password', 0],
    ['MESSAGES_PASSWORD="abc#def"', 0],
    ['#MESSAGES_PASSWORD=abc#def', 0],
    ['export WEBHOOK_TOKEN = x#', 1],
  ])('%s: %i warnings of a value that is cut', (line, count) => {
    const { warnings } = parse(`${TEXT}${line}\n`)
    expect(warnings.filter((warning) => warning.includes('ends at a "#"'))).toHaveLength(count)
    expect(JSON.stringify(warnings)).not.toContain('abc')
  })

  test('where it was looked for, when something is missing', () => {
    const absent = { path: '/srv/.env', failure: 'ENOENT', names: [], warnings: [] }
    expect(parseConfig({}, readFrom({}), absent).warnings).toEqual([
      '/srv/.env was not found: only the environment of the process counts',
    ])
    expect(parseConfig({}, readFrom({}), { ...absent, failure: 'EACCES' })).toMatchObject({
      problems: expect.arrayContaining([
        { variable: '/srv/.env', problem: 'cannot be read: EACCES', example: expect.anything() },
      ]),
    })
  })
})

describe('whatever the environment holds', () => {
  const names = variables.map(({ name }) => name)
  const hostile = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string(),
    fc.json(),
    fc.webUrl({ withQueryParameters: true }),
    fc.constantFrom(
      'true',
      '0',
      '1',
      '[]',
      '{}',
      '"x"',
      '%',
      '0x',
      'null',
      '-1',
      '1e9',
      '[1]',
      '../',
    ),
    fc.tuple(fc.string(), fc.string()).map(([user, path]) => `http://${user}%@host/${path}%`),
    fc.dictionary(fc.string(), fc.array(fc.integer())).map((value) => JSON.stringify(value)),
    fc
      .dictionary(fc.domain(), fc.dictionary(fc.string(), fc.string()))
      .map((value) => JSON.stringify(value)),
  )
  const environment = fc.dictionary(fc.constantFrom(...names), hostile)
  const valid = Object.fromEntries(
    TEXT.trim()
      .split('\n')
      .map((line) => line.split(/=(.*)/s).slice(0, 2)),
  )

  test('there are named problems, or a configuration whose every use works', () => {
    fc.assert(
      fc.property(environment, fc.boolean(), (some, isMostlyValid) => {
        const env = isMostlyValid ? { ...valid, ...some } : some
        const parsed = parseConfig(env, readFrom({}))
        createRedactor(parsed.secrets)('a text')
        if (!parsed.ok) {
          expect(parsed.problems.length).toBeGreaterThan(0)
          for (const { variable } of parsed.problems) expect(names).toContain(variable)
          return
        }
        const { config } = parsed
        for (const url of [...config.executionNodes, ...config.consensusNodes]) {
          new Headers({ ...createHttpTarget(url).headers, ...headersFor(config.nodeHeaders, url) })
        }
        if (config.delivery.mode === 'webhook') {
          const { url, header, token = '' } = config.delivery
          new Headers({ ...createHttpTarget(url).headers, [header]: token })
        }
        const { promPrefix: prefix, dryRun, trustMode, scope } = config
        const mode = config.delivery.mode
        createMetrics({ prefix, version: '', mode, dryRun, trustMode, scope, nodeMetrics: false })
      }),
      { numRuns: 500, seed: 20_261_126 },
    )
  })

  test('one value at a time beside good ones', () => {
    fc.assert(
      fc.property(fc.constantFrom(...names), hostile, (name, value) => {
        const parsed = parseConfig({ ...valid, [name]: value }, readFrom({}))
        if (parsed.ok) return
        for (const { variable } of parsed.problems) expect(names).toContain(variable)
      }),
      { numRuns: 2_000, seed: 20_261_126 },
    )
  })

  test('a password with percent signs reaches the node as it was typed', () => {
    const part = fc.string({ minLength: 1, unit: fc.constantFrom(...'ab%f09 2é'.replace(' ', '')) })
    fc.assert(
      fc.property(part, part, (user, password) => {
        const parsed = parseConfig(
          { ...valid, EXECUTION_NODE: `http://${user}:${password}@h` },
          readFrom({}),
        )
        if (!parsed.ok) throw new Error('refused')
        const { headers } = createHttpTarget(parsed.config.executionNodes[0] ?? '')
        const sent = Buffer.from(headers.authorization?.slice(6) ?? '', 'base64').toString()
        const isEscaped = /%[0-9a-f]{2}/i.test(user + password)
        if (!isEscaped) expect(sent).toBe(`${user}:${password}`)
      }),
      { numRuns: 300, seed: 20_261_126 },
    )
  })

  test('.env text is read or passed over, and a written value comes back', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => void withDotenv({}, text)),
      { seed: 20_261_126 },
    )
    const value = fc
      .string({ minLength: 1 })
      .filter((text) => !/[\\'"`\n\r]/.test(text) && text.trim() === text)
    fc.assert(
      fc.property(fc.constantFrom(...names), value, (name, text) => {
        expect(withDotenv({}, `${name}='${text}'`).env[name]).toBe(text)
      }),
      { seed: 20_261_126 },
    )
  })
})
