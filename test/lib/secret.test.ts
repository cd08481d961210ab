import { describe, expect, test } from 'vitest'
import { createRedactor, quote } from '../../src/lib/secret.ts'

const SIGNATURE = `0x${'ab12'.repeat(48)}`
const PUBKEY = `0x${'cd34'.repeat(24)}`

describe('createRedactor', () => {
  const AWKWARD = [
    'qu"ote',
    'back\\slash',
    'two\nlines',
    'ünï©ode 🔑',
    'a/b+c d?',
    "it's",
    'lone\ud800',
  ]

  test.each(AWKWARD)(
    '%j is masked as it is, in JSON, in JSON in JSON, in URLs and base64',
    (secret) => {
      const redact = createRedactor([secret])
      const json = JSON.stringify(secret)

      expect(redact(`<${secret}>`)).toBe('<<secret>>')
      expect(redact(json)).toBe('"<secret>"')
      expect(redact(JSON.stringify(json))).toBe('"\\"<secret>\\""')
      expect(redact(`${secret}${secret}`)).toBe('<secret><secret>')
      expect(redact(Buffer.from(secret).toString('base64'))).toMatch(/^<secret>=*$/)
      if (secret.startsWith('lone')) return
      expect(redact(encodeURIComponent(secret))).toBe('<secret>')
      expect(redact(encodeURI(secret))).toBe('<secret>')
      expect(redact(encodeURIComponent(secret).toLowerCase())).toBe('<secret>')
      expect(redact(new URLSearchParams({ k: secret }).toString())).toBe('k=<secret>')
    },
  )

  test('JSON of other languages is known too', () => {
    expect(createRedactor(['pä/ss'])('"p\\u00e4/ss" "pä\\/ss"')).toBe('"<secret>" "<secret>"')
  })

  test('the longest secret wins, whatever the order', () => {
    for (const secrets of [
      ['abc', 'abcdef'],
      ['abcdef', 'abc'],
    ]) {
      expect(createRedactor(secrets)('abcdef abc')).toBe('<secret> <secret>')
    }
  })

  test('pattern characters are just characters', () => {
    expect(createRedactor(['a.c', '^x$', '(y|z)'])('abc a.c ^x$ (y|z)')).toBe(
      'abc <secret> <secret> <secret>',
    )
  })

  test('masking twice is masking once, even if a secret is part of the mask', () => {
    const redact = createRedactor(['secret', 'secret>'])
    const once = redact(`my secret ${SIGNATURE}`)

    expect(redact(once)).toBe(once)
  })

  test('empty and very short secrets do not make the log unreadable', () => {
    expect(createRedactor(['', ' ', 'a', 'ab'])('a tab about')).toBe('a tab about')
  })

  test('a secret that was quoted and cut is masked up to the cut', () => {
    const redact = createRedactor(['correct horse battery'])
    const text = `${'x'.repeat(180)} correct horse battery`

    expect(redact(quote(text))).toBe(`${'x'.repeat(180)} <secret>…`)
    expect(redact('well…')).toBe('well…')
  })

  test('a secret with line ends is known on one line', () => {
    expect(createRedactor(['one\n\ttwo'])(quote('said: one\n\ttwo'))).toBe('said: <secret>')
  })

  test('signatures are never shown, public keys and hashes are', () => {
    const redact = createRedactor([])

    expect(redact(`"${SIGNATURE}"`)).toBe('"0xab12…(96 bytes)"')
    expect(redact(SIGNATURE.slice(2).toUpperCase())).toBe('AB12…(96 bytes)')
    expect(redact(`0X${SIGNATURE.slice(2)}`)).toBe('0Xab12…(96 bytes)')
    expect(redact(`${SIGNATURE}${SIGNATURE.slice(2)}`)).toBe('0xab12…(192 bytes)')
    expect(redact(Buffer.from(SIGNATURE.slice(2), 'hex').toString('base64'))).toBe('…(96 bytes)')
    expect(redact(`${'x'.repeat(200)}${SIGNATURE}`)).toBe(`${'x'.repeat(200)}0xab12…(96 bytes)`)
    expect(redact(PUBKEY)).toBe(PUBKEY)
  })
})

describe('quote', () => {
  test('brings a text on one line without control characters', () => {
    expect(quote(' a\r\n\tb\u0000\u001b[31mc\u2028d\u202ee ')).toBe('a b [31mc d e')
  })

  test('cuts, but not through a character', () => {
    expect(quote('abcdef', 3)).toBe('abc…')
    expect(quote('ab🔑', 3)).toBe('ab…')
    expect(quote('abc', 3)).toBe('abc')
  })

  test('shortens hex before it cuts', () => {
    expect(quote(`${'x'.repeat(190)} ${SIGNATURE}`)).toBe(`${'x'.repeat(190)} 0xab12…(9…`)
  })

  test('shortens base64 before it cuts', () => {
    const base64 = Buffer.from(SIGNATURE.slice(2), 'hex').toString('base64')

    expect(quote(`${'x '.repeat(40)}${base64}`)).toBe(`${'x '.repeat(40)}…(96 bytes)`)
  })

  test('is quick and quiet about endless texts', () => {
    expect(quote('y '.repeat(5_000_000))).toHaveLength(201)
    expect(quote(' '.repeat(5_000_000))).toBe('…')
    expect(quote('ab12'.repeat(5_000_000))).toBe('ab12…(5000 bytes)…')
  })
})

test('what stands before the host of any URL is masked, known or not', () => {
  const redact = createRedactor([])
  const text = 'GET http://user:p%40ss@host:1/a@b failed, wss://t0ken@host, see https://host/x@y'
  const masked = 'GET http://<secret>@host:1/a@b failed, wss://<secret>@host, see https://host/x@y'
  expect(redact(text)).toBe(masked)
  expect(redact(masked)).toBe(masked)
})
