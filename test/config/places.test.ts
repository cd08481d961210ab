import { readFileSync } from 'node:fs'
import { parse as parseDotenv } from 'dotenv'
import { describe, expect, test } from 'vitest'
import { describeProblem, parseConfig, variables } from '../../src/config.ts'
import { readFrom } from './files.ts'

const GOOD = {
  EXECUTION_NODE: 'http://localhost:8545',
  CONSENSUS_NODE: 'http://localhost:5052',
  LOCATOR_ADDRESS: `0x${'1'.repeat(40)}`,
  EJECTOR_SCOPE: '{"1":[123]}',
  ORACLE_ADDRESSES_ALLOWLIST: `["0x${'2'.repeat(40)}"]`,
  MESSAGES_LOCATION: 'messages',
}
type Env = Record<string, string | undefined>
type Files = Record<string, string | Uint8Array>

const parse = (env: Env = {}, files: Files = {}) =>
  parseConfig({ ...GOOD, ...env }, readFrom(files))

function configOf(env: Env = {}, files: Files = {}) {
  const parsed = parse(env, files)
  if (!parsed.ok) throw new Error(parsed.problems.map(describeProblem).join('\n'))
  return parsed.config
}

function problemsOf(env: Env = {}, files: Files = {}) {
  const parsed = parse(env, files)
  return parsed.ok ? [] : parsed.problems.map(({ variable }) => variable)
}

describe('nodes', () => {
  test('a list of URLs loses blanks, trailing slashes, empty entries and duplicates', () => {
    const list =
      ' http://a:1/ , https://u:p@B.example/v3/KEY// ,, http://a:1,https://u:p@b.example/v3/KEY'

    expect(configOf({ EXECUTION_NODE: list }).executionNodes).toEqual([
      'http://a:1',
      'https://u:p@B.example/v3/KEY',
    ])
  })

  test('a query keeps its slash', () => {
    const url = 'https://a.example/rpc?key=abc/'

    expect(configOf({ CONSENSUS_NODE: url }).consensusNodes).toEqual([url])
  })

  test.each(['localhost:8545', 'ws://a', 'ftp://a', 'http:a', 'http://', 'http://a b', ',', 'x'])(
    '%s is refused',
    (value) => {
      expect(problemsOf({ EXECUTION_NODE: value })).toEqual(['EXECUTION_NODE'])
    },
  )

  test('one bad URL in a list is a problem, and no value is ever echoed', () => {
    const parsed = parse({
      EXECUTION_NODE: 'http://good,wss://user:hunter22@host/APIKEY123',
      CONSENSUS_NODE: 'user:hunter22@host/APIKEY123',
      VALIDATOR_EXIT_WEBHOOK: 'user:hunter22@host/APIKEY123',
      WEBHOOK_TOKEN: 'hunter22\nAPIKEY123',
      JOB_INTERVAL: 'hunter22',
      EJECTOR_SCOPE: '{"hunter22":["APIKEY123"]}',
      LOGGER_SECRETS: '["hunter22"',
    })

    expect(parsed).toMatchObject({ ok: false })
    expect(parsed.ok ? [] : parsed.problems).toHaveLength(8)
    expect(JSON.stringify([parsed.ok ? '' : parsed.problems, parsed.warnings])).not.toMatch(
      /hunter22|APIKEY123/,
    )
  })
})

describe('scope', () => {
  test('modules with their operators, numbers as text too, duplicates once', () => {
    const { scope } = configOf({ EJECTOR_SCOPE: '{"1":[5,"5",0],"16777215":[1099511627775]}' })

    expect(scope).toEqual(
      new Map([
        [1, [5, 0]],
        [16777215, [1099511627775]],
      ]),
    )
  })

  test.each([
    '{}',
    '[]',
    'null',
    '1',
    '"x"',
    '{"1":[]}',
    '{"1":5}',
    '{"1":[-1]}',
    '{"1":[1.5]}',
    '{"1":[null]}',
    '{"1":["x"]}',
    '{"0":[1]}',
    '{"01":[1]}',
    '{"-1":[1]}',
    '{"x":[1]}',
    '{"16777216":[1]}',
    '{"1":[1099511627776]}',
    '{"1":[1],"__proto__":[1]}',
    '{"1":[1]',
  ])('%s is refused', (value) => {
    expect(problemsOf({ EJECTOR_SCOPE: value })).toEqual(['EJECTOR_SCOPE'])
  })

  const older = (env: Env) => ({ EJECTOR_SCOPE: '', ...env })

  test('the older way: one module, an array of operators or one', () => {
    const identifiers = older({ STAKING_MODULE_ID: '1', OPERATOR_IDENTIFIERS: '[1,"2",1]' })

    expect(configOf(identifiers).scope).toEqual(new Map([[1, [1, 2]]]))
    expect(configOf(older({ STAKING_MODULE_ID: '2', OPERATOR_ID: '0' })).scope).toEqual(
      new Map([[2, [0]]]),
    )
    expect(configOf({ ...identifiers, OPERATOR_ID: '9' }).scope).toEqual(new Map([[1, [1, 2]]]))
    expect(parse({ ...identifiers, OPERATOR_ID: '9' }).warnings).toEqual([
      'OPERATOR_IDENTIFIERS is set: OPERATOR_ID is ignored',
    ])
  })

  test('EJECTOR_SCOPE wins over the older way, bad or not, with a warning', () => {
    const env = { STAKING_MODULE_ID: 'x', OPERATOR_ID: '7' }

    expect(configOf(env).scope).toEqual(new Map([[1, [123]]]))
    expect(parse(env).warnings).toEqual([
      'EJECTOR_SCOPE is set: STAKING_MODULE_ID, OPERATOR_ID are ignored',
    ])
  })

  test('half a scope is none', () => {
    expect(problemsOf(older({}))).toEqual(['EJECTOR_SCOPE'])
    expect(problemsOf(older({ STAKING_MODULE_ID: '1' }))).toEqual(['OPERATOR_IDENTIFIERS'])
    expect(problemsOf(older({ OPERATOR_ID: '1' }))).toEqual(['STAKING_MODULE_ID'])
    expect(problemsOf(older({ STAKING_MODULE_ID: '1', OPERATOR_IDENTIFIERS: '[]' }))).toEqual([
      'OPERATOR_IDENTIFIERS',
    ])
    expect(problemsOf(older({ STAKING_MODULE_ID: '1.5', OPERATOR_ID: '-1' }))).toEqual([
      'STAKING_MODULE_ID',
      'OPERATOR_ID',
    ])
  })
})

describe('messages', () => {
  test.each([
    ['/var/messages/', { kind: 'folder', path: '/var/messages/' }],
    ['s3://bucket', { kind: 's3', bucket: 'bucket', prefix: '' }],
    ['s3://bucket/', { kind: 's3', bucket: 'bucket', prefix: '' }],
    ['gs://my.bucket-1/a/b/', { kind: 'gs', bucket: 'my.bucket-1', prefix: 'a/b' }],
    ['S3://bucket/x', { kind: 's3', bucket: 'bucket', prefix: 'x' }],
  ])('%s', (value, location) => {
    expect(configOf({ MESSAGES_LOCATION: value }).delivery).toMatchObject({ location })
  })

  test.each(['s3://', 'gs:///x', 'https://host/x', 'file:///x', 's3://a b'])(
    '%s is refused',
    (value) => {
      expect(problemsOf({ MESSAGES_LOCATION: value })).toEqual(['MESSAGES_LOCATION'])
    },
  )

  test('exactly one of messages and webhook', () => {
    expect(problemsOf({ MESSAGES_LOCATION: '' })).toEqual(['MESSAGES_LOCATION'])
    expect(problemsOf({ VALIDATOR_EXIT_WEBHOOK: 'http://a/b' })).toEqual(['MESSAGES_LOCATION'])
  })
})

describe('files', () => {
  test('values may stand in files, trimmed', () => {
    const config = configOf(
      { EXECUTION_NODE: '', EXECUTION_NODE_FILE: '/node' },
      { '/node': ' http://from-file:1/\r\n' },
    )

    expect(config.executionNodes).toEqual(['http://from-file:1'])
  })

  test('a value wins over its file, which is not even read', () => {
    const parsed = parse({ EXECUTION_NODE_FILE: '/nowhere' })

    expect(parsed).toMatchObject({
      ok: true,
      warnings: ['EXECUTION_NODE is set: EXECUTION_NODE_FILE is ignored'],
    })
  })

  test.each([
    ['EXECUTION_NODE', {}, 'cannot read the file /f: ENOENT'],
    ['CONSENSUS_NODE', { '/f': ' \n' }, 'the file /f is empty'],
    ['WEBHOOK_TOKEN', { '/f': '' }, 'the file /f is empty'],
    ['MESSAGES_PASSWORD', { '/f': '\n' }, 'the file /f is empty'],
  ])('a bad file of %s is named, once', (name, files, problem) => {
    const parsed = parse({ [name]: '', [`${name}_FILE`]: '/f' }, files)

    expect(parsed).toMatchObject({
      problems: [{ variable: `${name}_FILE`, problem, example: expect.stringContaining('=/') }],
    })
  })

  const passwordOf = (env: Env, files: Files = {}) => {
    const { delivery } = configOf(env, files)
    const password = delivery.mode === 'message' ? delivery.password : undefined
    return password && [password.text, password.bytes.map((one) => Buffer.from(one).toString())]
  }

  test('a password keeps its blanks, and its line end for those who need it', () => {
    const file = { MESSAGES_PASSWORD_FILE: '/p' }

    expect(passwordOf({ MESSAGES_PASSWORD: ' p w ' })).toEqual([' p w ', [' p w ']])
    expect(passwordOf(file, { '/p': ' p w \r\n' })).toEqual([' p w ', [' p w ', ' p w \r\n']])
    expect(passwordOf({ MESSAGES_PASSWORD: 'a', ...file })).toEqual(['a', ['a']])
  })

  test('a password need not be UTF-8', () => {
    const bytes = Uint8Array.from([0x70, 0xff, 0x0a])
    const { delivery } = configOf({ MESSAGES_PASSWORD_FILE: '/p' }, { '/p': bytes })

    expect(delivery).toMatchObject({ password: { bytes: [{ length: 2 }, { length: 3 }] } })
  })

  test('the JWT secret is checked at once, and its file is remembered', () => {
    const env = { JWT_SECRET_PATH: '/jwt' }
    const secret = 'Ab'.repeat(32)

    expect(configOf(env, { '/jwt': `0x${secret}\n` }).jwtSecretPath).toBe('/jwt')
    expect(problemsOf(env, { '/jwt': secret })).toEqual([])
    expect(problemsOf(env)).toEqual(['JWT_SECRET_PATH'])
    for (const bad of ['', secret.slice(2), `${secret}00`, 'x'.repeat(64)]) {
      const parsed = parse(env, { '/jwt': bad })
      expect(parsed).toMatchObject({ problems: [{ variable: 'JWT_SECRET_PATH' }] })
      if (bad !== '') expect(JSON.stringify(parsed)).not.toContain(bad)
    }
  })
})

describe('.env.example', () => {
  const text = readFileSync(new URL('../../.env.example', import.meta.url), 'utf8')
  const shown = [...text.matchAll(/^(# )?([A-Z_]+)=(.*)$/gm)].map(([, , name, value]) => [
    name,
    value,
  ])
  /** Filled in for everybody, or for everybody to fill in. */
  const PRESET = ['NETWORK', 'MESSAGES_LOCATION', 'ORACLE_QUORUM', 'STATE_FILE', 'HOLD_FILE']

  test('has every variable once, with its default', () => {
    const expected = variables.map(({ name, default: value }) => [name, value])

    expect(shown.map(([name]) => name).sort()).toEqual(variables.map(({ name }) => name).sort())
    expect(shown.filter(([name]) => !PRESET.includes(`${name}`)).sort()).toEqual(
      expected.filter(([name]) => !PRESET.includes(`${name}`)).sort(),
    )
  })

  test('starts once the empty values are filled in, and names those that it cannot do without', () => {
    const { EXECUTION_NODE, CONSENSUS_NODE, EJECTOR_SCOPE, ORACLE_ADDRESSES_ALLOWLIST } = GOOD
    const env = parseDotenv(text)
    expect(Object.keys(env).filter((name) => env[name] === '')).toEqual([
      'EXECUTION_NODE',
      'CONSENSUS_NODE',
      'EJECTOR_SCOPE',
      'ORACLE_ADDRESSES_ALLOWLIST',
      'ORACLE_QUORUM',
    ])
    const empty = parseConfig(env, readFrom({}))

    expect(empty.ok ? [] : empty.problems.map(({ variable }) => variable)).toEqual([
      'EXECUTION_NODE',
      'CONSENSUS_NODE',
      'EJECTOR_SCOPE',
      'ORACLE_ADDRESSES_ALLOWLIST',
    ])
    expect(
      parseConfig(
        { ...env, EXECUTION_NODE, CONSENSUS_NODE, EJECTOR_SCOPE, ORACLE_ADDRESSES_ALLOWLIST },
        readFrom({}),
      ),
    ).toMatchObject({
      ok: true,
      warnings: [],
      config: { trustMode: false, stateFile: 'state.sqlite', holdFile: 'hold' },
    })
  })
})
