import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createRedactor, hideSecrets, quote } from '../../src/lib/secret.ts'

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

describe('short and common values', () => {
  const COMMON = [
    'wrong',
    'message',
    'secret',
    'Password',
    'validator',
    'mainnet',
    '8545',
    '1234567',
    'is',
    'a',
  ]

  test.each(COMMON)('%j stays in lines of ours, and is masked where a secret belongs', (secret) => {
    const redact = createRedactor([secret])
    const line = `${secret}: a message is wrong, set MESSAGES_PASSWORD=<password> at http://host:8545`

    expect(redact(line)).toBe(line)
    expect(redact(`http://user:${secret}@host`)).toBe('http://<secret>@host')
    expect(redact(`Authorization: Bearer ${secret}`)).toBe('Authorization: Bearer <secret>')
    expect(redact(`password=${secret}&x`)).toBe('password=<secret>&x')
    expect(redact(JSON.stringify({ password: secret, token: secret }))).toBe(
      '{"password":"<secret>","token":"<secret>"}',
    )
  })

  test('in the words of others they are masked as whole words', () => {
    hideSecrets(['wrong', '8545'])

    expect(quote('your password wrong is wrongly 8545')).toBe(
      'your password <secret> is wrongly <secret>',
    )
  })

  test.each(['swordfish', 'abc1', 'Tr0ub4dor', 'qWeRtY'])(
    '%j, which is no word of ours, is masked anywhere',
    (secret) => {
      expect(createRedactor([secret])(`cannot open with ${secret}.`)).toBe(
        'cannot open with <secret>.',
      )
    },
  )

  test.each(['exec.example', 'exec.example:8545', 'exec', 'Example', 'ec.exa'])(
    '%j, which is part of the host of a node, stays in that host, and is masked where a secret belongs',
    (secret) => {
      hideSecrets([secret], ['exec.example:8545', 'beacon:5052'])
      const line = 'execution node exec.example:8545: getaddrinfo ENOTFOUND exec.example'

      for (const mask of [createRedactor([secret]), (text: string) => quote(text)]) {
        expect(mask(line)).toBe(line)
        expect(mask(`Bearer ${secret}, password=${secret}`)).toBe(
          'Bearer <secret>, password=<secret>',
        )
      }
      expect(quote(`http://user:${secret}@host`)).toBe('http://<secret>@host')
    },
  )

  test('a short one is no part of a longer word', () => {
    expect(createRedactor(['ab12'])(`0x${'ab12'.repeat(8)} and ab12`)).toBe(
      `0x${'ab12'.repeat(8)} and <secret>`,
    )
  })
})

test('what is quoted is redacted first, then cut: no piece of a secret is left', () => {
  const secret = 'Kp3vXw9qLm2nRt7y'
  hideSecrets([secret])
  for (let length = 0; length <= 40; length++) {
    for (const end of ['', '"}', ' is no key']) {
      const shown = quote(`${'x'.repeat(length)} ${secret}${end}`, 30)
      for (let at = 0; at + 4 <= secret.length; at++) {
        expect(shown).not.toContain(secret.slice(at, at + 4))
      }
    }
  }
  expect(quote(JSON.stringify({ key: secret, other: 'b' }))).toBe('{"key":"<secret>","other":"b"}')
})

test('whatever the secret is, and wherever it stands, it does not show', () => {
  const letters = fc.string({
    unit: fc.constantFrom(...'aZ09é"\\/% #+&=\n🔑'),
    minLength: 6,
    maxLength: 30,
  })
  const secret = letters.filter((text) => text.trim().length >= 6)
  fc.assert(
    fc.property(secret, fc.lorem(), (value, around) => {
      const redact = createRedactor([value])
      const forms = [value, JSON.stringify(value).slice(1, -1), encodeURIComponent(value)]
      for (const form of forms) {
        const shown = redact(`${around} ${form} ${around}`)
        expect(shown).toContain('<secret>')
        expect(shown).not.toContain(form.trim())
        expect(redact(shown)).toBe(shown)
      }
    }),
    { seed: 20_261_126, numRuns: 300 },
  )
})
