import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { createRedactor } from '../../src/lib/secret.ts'
import { createLogger, type LogFormat, type LogLevel } from '../../src/observe/log.ts'

type Options = { level?: LogLevel; secrets?: readonly string[] }

function logTo(format: LogFormat, { level = 'info', secrets = [] }: Options = {}) {
  const lines: string[] = []
  const log = createLogger({
    level,
    format,
    redact: createRedactor(secrets),
    write: (line) => lines.push(line),
    now: () => new Date('2024-05-01T12:34:56.789Z'),
  })
  return { log, lines }
}

const LEVELS = ['error', 'warn', 'info', 'debug'] as const
const FORMATS = ['simple', 'json'] as const

describe('formats', () => {
  test('simple: time in UTC, level, message, and details if there are any', () => {
    const { log, lines } = logTo('simple')

    log.info('Started')
    log.warn('Careful', {})
    log.error('100% %s', { a: 1, b: 'x' })

    expect(lines).toEqual([
      '2024-05-01 12:34:56 info: Started',
      '2024-05-01 12:34:56 warn: Careful',
      '2024-05-01 12:34:56 error: 100% %s {"a":1,"b":"x"}',
    ])
  })

  test('json: one object a line', () => {
    const { log, lines } = logTo('json')

    log.warn('Started', { level: 'mine', message: 'mine' })
    log.info('Next')

    expect(lines).toEqual([
      '{"message":"Started","level":"warn","timestamp":"2024-05-01 12:34:56","details":{"level":"mine","message":"mine"}}',
      '{"message":"Next","level":"info","timestamp":"2024-05-01 12:34:56"}',
    ])
  })

  test.each(LEVELS)('level %s shows itself and what is graver', (level) => {
    const { log, lines } = logTo('simple', { level })

    for (const one of LEVELS) log[one](one)

    expect(lines).toHaveLength(LEVELS.indexOf(level) + 1)
  })

  test('level log is an older word for info', () => {
    const { log, lines } = logTo('simple', { level: 'log' })

    for (const one of LEVELS) log[one](one)

    expect(lines).toHaveLength(3)
  })

  test.each(FORMATS)('no text can forge a line or drive a terminal (%s)', (format) => {
    const { log, lines } = logTo(format)
    const evil = 'a\n2024-05-01 12:34:56 info: forged\r\u001b[2J\u0085\u2028\u202e\u0000'

    log.info(evil, { [evil]: evil })

    expect(lines).toHaveLength(1)
    expect(lines[0]).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u)
    if (format === 'json') expect(JSON.parse(`${lines[0]}`).message).toBe(evil)
  })
})

describe('secrets', () => {
  const SECRETS = [
    'qu"ote',
    'back\\slash',
    'two\nlines',
    'ünï🔑',
    'tab\there',
    '</script>',
    '1234567890',
  ]

  test.each(FORMATS)('never appear, wherever they stand (%s)', (format) => {
    const { log, lines } = logTo(format, { level: 'debug', secrets: SECRETS })

    for (const secret of SECRETS) {
      const cause = new Error(`inner ${secret}`)
      log.info(`message ${secret}`, {
        text: secret,
        [secret]: [secret, new Map([[secret, new Set([secret])]])],
        error: Object.assign(new Error(`outer ${secret}`, { cause }), { code: secret }),
        echoed: JSON.stringify({ body: secret }),
        number: 9_123_459,
        bigint: 1234567890n,
        url: new URL(`http://x/?k=${encodeURIComponent(secret)}`),
      })
    }

    const all = lines.join('\n')
    expect(lines).toHaveLength(SECRETS.length)
    for (const secret of SECRETS) {
      expect(all).not.toContain(secret)
      expect(all).not.toContain(JSON.stringify(secret).slice(1, -1))
      expect(all).not.toContain(encodeURIComponent(secret))
    }
    if (format === 'json') for (const line of lines) JSON.parse(line)
  })

  test('a secret that looks like JSON leaves a line that can be read', () => {
    const { log, lines } = logTo('json', { secrets: ['":"', '"level"', 'info'] })

    log.info('x', { a: 'b' })

    const entry = JSON.parse(`${lines[0]}`)
    expect(entry).toMatchObject({ message: 'x', level: 'info' })
    expect(JSON.stringify(entry.details)).not.toContain('":"b')
  })

  test('signatures do not appear, nor bytes', () => {
    const { log, lines } = logTo('simple')
    const hex = 'ab'.repeat(96)

    log.info(`sent 0x${hex}`, { hex, bytes: Buffer.from(hex, 'hex') })

    expect(lines[0]).toContain(
      'sent 0xabab…(96 bytes) {"hex":"abab…(96 bytes)","bytes":"<96 bytes>"}',
    )
  })
})

describe('details', () => {
  const detailsOf = (details: Record<string, unknown>, level: LogLevel = 'info') => {
    const { log, lines } = logTo('json', { level })
    log.error('m', details)
    return JSON.parse(`${lines[0]}`).details
  }

  test('errors show their causes, and their stacks at debug only', () => {
    const cause = Object.assign(new TypeError('no route'), { code: 'EHOSTUNREACH', socket: {} })
    const error = new Error('ask node', { cause })
    const shown = {
      message: 'ask node',
      name: 'Error',
      cause: { message: 'no route', name: 'TypeError', code: 'EHOSTUNREACH' },
    }

    expect(detailsOf({ error })).toEqual({ error: shown })
    expect(detailsOf({ error }, 'debug').error.stack).toContain('log.test.ts')
    expect(detailsOf({ error: new AggregateError([error], 'all') }).error.errors).toEqual([shown])
  })

  test('whatever there is can be shown', () => {
    const circle: Record<string, unknown> = { name: 'circle' }
    circle.self = circle
    const shared = { x: 1 }

    expect(
      detailsOf({
        big: 10n ** 30n,
        map: new Map<unknown, unknown>([[1n, new Set(['a'])]]),
        nothing: undefined,
        none: null,
        list: [undefined, Number.NaN, -0],
        call: () => 1,
        symbol: Symbol('s'),
        date: new Date(0),
        bad: new Date(Number.NaN),
        circle,
        twice: [shared, shared],
      }),
    ).toEqual({
      big: `1${'0'.repeat(30)}`,
      map: { '1': ['a'] },
      none: null,
      list: [null, 'NaN', 0],
      symbol: 'Symbol(s)',
      date: '1970-01-01T00:00:00.000Z',
      bad: 'null',
      circle: { name: 'circle', self: '[circular]' },
      twice: [{ x: 1 }, { x: 1 }],
    })
  })

  test('what fights back is passed over', () => {
    const { proxy, revoke } = Proxy.revocable({}, {})
    revoke()
    const trap = {
      get angry() {
        throw new Error('no')
      },
      toJSON() {
        throw new Error('no')
      },
    }

    expect(detailsOf({ proxy, trap, fine: 1 })).toEqual({
      proxy: '[unreadable]',
      trap: { angry: '[unreadable]' },
      fine: 1,
    })
  })

  test('endless things are cut', () => {
    let deep: unknown = 1
    for (let i = 0; i < 10_000; i++) deep = { deep }
    const shown = detailsOf({ deep, wide: Array(5_000).fill(1), long: 'x'.repeat(1e6) })

    expect(JSON.stringify(shown).length).toBeLessThan(10_000)
    expect(shown.wide.at(-1)).toBe('… 4000 more')
  })

  test('a writer or a redactor that throws does not stop the daemon, nor leaks', () => {
    const lines: string[] = []
    const fail = () => {
      throw new Error('no')
    }
    const base = { level: 'info', format: 'simple' } as const

    createLogger({ ...base, redact: String, write: fail }).error('x')
    createLogger({ ...base, redact: fail, write: (line) => lines.push(line) }).error('hidden')

    expect(lines).toHaveLength(1)
    expect(lines[0]).not.toContain('hidden')
  })
})

/** Node 20 cannot run TypeScript: `npm test` builds first. */
const built = new URL('../../.tmp/built/observe/log.js', import.meta.url)

describe.skipIf(!existsSync(built))('standard output', () => {
  const run = (body: string) =>
    spawn(process.execPath, [
      '--input-type=module',
      '-e',
      `import { createLogger } from ${JSON.stringify(built.href)}
       const log = createLogger({ level: 'info', format: 'simple', redact: String })
       ${body}`,
    ])

  test('nothing is lost when the process ends at once', async () => {
    const child = run(`for (let i = 0; i < 2000; i++) log.info('line ' + i); process.exit(3)`)
    let out = ''
    child.stdout.on('data', (chunk) => {
      out += chunk
    })
    const [code] = await once(child, 'close')

    expect(code).toBe(3)
    expect(out.trimEnd().split('\n')).toHaveLength(2000)
    expect(out).toMatch(/ info: line 1999\n$/)
  })

  test('a reader that has gone does not end the process', async () => {
    const child = run(
      `setTimeout(() => { log.info('a'); log.info('b'); setTimeout(() => { log.info('c'); process.exit(7) }, 50) }, 200)`,
    )
    child.stdout.destroy()
    const [code] = await once(child, 'close')

    expect(code).toBe(7)
  })
})

test('on a terminal a public key and a hash are shortened, in pipes and in JSON never', () => {
  const pubkey = `0xa99a76ed${'0'.repeat(83)}8e44c`
  const hash = `0x${'1'.repeat(59)}23456`
  const told = (format: 'simple' | 'json', isTty: boolean) => {
    const lines: string[] = []
    const write = (line: string) => void lines.push(line)
    const log = createLogger({ level: 'info', format, redact: (text) => text, write, isTty })
    log.info(`validator ${pubkey}`, { hash, address: `0x${'2'.repeat(40)}` })
    return lines.join()
  }

  expect(told('simple', true)).toContain(
    `validator 0xa99a76ed…8e44c {"hash":"0x11111111…23456","address":"0x${'2'.repeat(40)}"}`,
  )
  for (const line of [told('simple', false), told('json', true)]) {
    expect(line).toContain(pubkey)
    expect(line).toContain(hash)
  }
})
