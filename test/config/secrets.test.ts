import { expect, test } from 'vitest'
import { parseConfig } from '../../src/config.ts'
import { createRedactor } from '../../src/lib/secret.ts'
import { readFrom } from './files.ts'

const redactorOf = (env: Record<string, string>, files: Record<string, string> = {}) =>
  createRedactor(parseConfig(env, readFrom(files)).secrets)

test('node URLs lose credentials, keys in paths and query values, even when they are refused', () => {
  const redact = redactorOf({
    EXECUTION_NODE: 'https://lido:p%40ss@a.example/v3/0123456789abcdef,ws://h/KEY-KEY-KEY',
    CONSENSUS_NODE: 'https://b.example/beacon?apikey=qWeRtY',
  })

  expect(redact('GET https://lido:p%40ss@a.example/v3/0123456789abcdef/eth')).toBe(
    'GET https://<secret>@a.example/v3/<secret>/eth',
  )
  expect(redact('wrong password p@ss')).toBe('wrong password <secret>')
  expect(redact(`Basic ${Buffer.from('lido:p@ss').toString('base64')}`)).toBe('Basic <secret>')
  expect(redact('no such key: KEY-KEY-KEY')).toBe('no such key: <secret>')
  expect(redact('https://b.example/beacon?apikey=qWeRtY')).toBe(
    'https://b.example/beacon?apikey=<secret>',
  )
})

test('plain words in URLs are masked there only, so that the log stays readable', () => {
  const redact = redactorOf({
    EXECUTION_NODE: 'https://validator:secretpw@a.example/ethereum/rpc?network=mainnet&v=100',
  })

  expect(redact('validator 100 on ethereum mainnet')).toBe('validator 100 on ethereum mainnet')
  expect(redact('POST /ethereum/rpc?network=mainnet&v=100')).toBe(
    'POST <secret>/rpc<secret><secret>',
  )
  expect(redact('https://validator:secretpw@a.example')).toBe('https://<secret>@a.example')
})

test('passwords and tokens, from files too, in every form they may take', () => {
  const redact = redactorOf(
    { MESSAGES_PASSWORD_FILE: '/p', WEBHOOK_TOKEN_FILE: '/t', AWS_SECRET_ACCESS_KEY: 'aws/key+1' },
    { '/p': 'pä"ss\\w\n', '/t': 'tok-en\n' },
  )

  expect(redact('x pä"ss\\w x')).toBe('x <secret> x')
  expect(redact('pä"ss\\w'.normalize('NFKD'))).toBe('<secret>')
  expect(redact(JSON.stringify('pä"ss\\w'))).toBe('"<secret>"')
  expect(redact('Bearer tok-en; aws/key+1 aws%2Fkey%2B1')).toBe(
    'Bearer <secret>; <secret> <secret>',
  )
})

test('LOGGER_SECRETS names variables, ours or not, or holds values', () => {
  const redact = redactorOf(
    {
      LOGGER_SECRETS:
        '["EXECUTION_NODE","MY_SECRET","literal value","MESSAGES_PASSWORD","toString"]',
      EXECUTION_NODE_FILE: '/n',
      MY_SECRET: 'mine',
    },
    { '/n': 'http://one.example,http://two.example' },
  )

  expect(redact('at http://two.example: mine, literal value')).toBe(
    'at <secret>: <secret>, <secret>',
  )
  expect(redact('set MESSAGES_PASSWORD')).toBe('set MESSAGES_PASSWORD')
})

test('hosts of nodes may show, but for those that LOGGER_SECRETS lists', () => {
  const { hosts } = parseConfig(
    {
      EXECUTION_NODE: 'http://user:exec.example@exec.example:8545/key,http://hidden.example',
      CONSENSUS_NODE: 'no URL',
      LOGGER_SECRETS: '["hidden.example"]',
    },
    readFrom({}),
  )

  expect(hosts).toEqual(['exec.example:8545'])
})
