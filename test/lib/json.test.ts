import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseJson, splitJson } from '../../src/lib/json.ts'

const parse = (text: string | Uint8Array) => parseJson(Buffer.from(text))
const ok = (value: unknown) => ({ ok: true, value })
const refused = (code: string) => ({ ok: false, code, detail: expect.any(String) })

/** What is around the list, and the values, as whoever reads the lines finds them. */
function split(text: string | Uint8Array) {
  const lines = Buffer.from(splitJson(Buffer.from(text), 'data'))
    .toString()
    .split('\n')
  const [around, ...portions] = lines.map((line) => JSON.parse(line))
  return { around, results: portions.flat() }
}

test('parses UTF-8 with and without a byte-order mark', () => {
  expect(parse('{"a":"ü"}')).toEqual([ok({ a: 'ü' })])
  expect(parse('\uFEFF{"a":1}\n')).toEqual([ok({ a: 1 })])
})

test('refuses what is not UTF-8', () => {
  expect(parse(Uint8Array.of(0x22, 0xff, 0x22))).toEqual([refused('not-utf8')])
  expect(parse(Buffer.from('{"a":1}', 'utf16le'))).toMatchObject([{ ok: false }])
})

test.each(['', '   \n', '{', '{"a":}', 'secret words', '{"a":1}}'])('refuses %j', (text) => {
  expect(parse(text)).toEqual([refused('not-json')])
})

test('reads one value a line, and one bad line spoils no other', () => {
  expect(parse('{"a":1}\n{"a":2}\r\n\n{"a":\n{"a":4}\n')).toEqual([
    ok({ a: 1 }),
    ok({ a: 2 }),
    refused('not-json'),
    ok({ a: 4 }),
  ])
})

test('what spans lines and is cut off is one value that is none', () => {
  expect(parse('{\n"a":1,\n"b":')).toEqual([refused('not-json')])
})

test('does not repeat the text that it refuses', () => {
  const result = parse('{"message":"hunter2"')
  expect(JSON.stringify(result)).not.toContain('hunter2')
  expect(JSON.stringify(parse('hunter2'))).not.toContain('hunter2')
})

test.each([
  ['deep nesting', '['.repeat(1_000_000) + ']'.repeat(1_000_000)],
  ['deep objects', '{"a":'.repeat(1_000_000)],
  ['millions of parts', `[${'0,'.repeat(1_000_000)}0]`],
])('refuses %s without parsing it', (_, text) => {
  expect(parse(text)).toEqual([refused('too-complex')])
  expect(split(text)).toEqual({ around: null, results: [refused('too-complex')] })
})

test('what is nested too deep to be told again is refused in a long text', () => {
  const deep = '['.repeat(100_000) + ']'.repeat(100_000)
  expect(split(deep + ' '.repeat(4_000_000))).toMatchObject({
    results: [{ ok: false, code: 'too-complex' }],
  })
})

test('more values than any file can hold are refused as a whole', () => {
  expect(split(`[${'0               ,'.repeat(260_000)}0]`).results).toEqual([
    refused('too-complex'),
  ])
})

test('refuses 2 MB of junk', () => {
  expect(parse('x'.repeat(2_000_000))).toEqual([refused('not-json')])
  expect(parse(Buffer.alloc(2_000_000))).toEqual([refused('not-json')])
})

test('any bytes give results, and throw nothing', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      for (const result of parseJson(bytes)) {
        if (!result.ok) expect(result).toEqual(refused(result.code))
      }
      expect(split(bytes).results).toEqual(parseJson(bytes).filter((one) => !isList(one)))
    }),
    { seed: 1, numRuns: 300 },
  )
})
const isList = (result: { ok: boolean; value?: unknown }) =>
  result.ok && Array.isArray(result.value)

test('any value survives, alone, one a line, and in a list that is taken apart', () => {
  // JSON knows no -0, and `__proto__` is no key of an object literal.
  const value = fc.jsonValue({ maxDepth: 2 }).map((one) => JSON.parse(JSON.stringify(one)))
  fc.assert(
    fc.property(fc.array(value, { minLength: 2, maxLength: 10 }), (values) => {
      const text = JSON.stringify(values)
      expect(parse(text)).toEqual([ok(values)])
      expect(parse(values.map((one) => JSON.stringify(one)).join('\n'))).toEqual(values.map(ok))
      expect(split(text)).toEqual({ around: [], results: values.map(ok) })
      const wrapped = JSON.stringify({ note: 1, data: values })
      expect(split(wrapped)).toEqual({ around: { note: 1, data: [] }, results: values.map(ok) })
    }),
    { seed: 2, numRuns: 300 },
  )
})
