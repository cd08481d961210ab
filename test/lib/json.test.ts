import { expect, test } from 'vitest'
import { parseJson } from '../../src/lib/json.ts'

const parse = (text: string | Uint8Array) => parseJson(Buffer.from(text))
const refused = (code: string) => ({ ok: false, code, detail: expect.any(String) })

test('parses UTF-8 with and without a byte-order mark', () => {
  expect(parse('{"a":"ü"}')).toEqual({ ok: true, value: { a: 'ü' } })
  expect(parse('\uFEFF{"a":1}\n')).toEqual({ ok: true, value: { a: 1 } })
})

test('refuses what is not UTF-8', () => {
  expect(parse(Uint8Array.of(0x22, 0xff, 0x22))).toEqual(refused('not-utf8'))
  expect(parse(Buffer.from('{"a":1}', 'utf16le'))).toMatchObject({ ok: false })
})

test.each(['', '   \n', '{', '{"a":}', 'secret words', '{"a":1}}'])('refuses %j', (text) => {
  expect(parse(text)).toEqual(refused('not-json'))
})

test('does not repeat the text that it refuses', () => {
  const result = parse('{"message":"hunter2"')
  expect(JSON.stringify(result)).not.toContain('hunter2')
  expect(JSON.stringify(parse('hunter2'))).not.toContain('hunter2')
})

test('refuses deep nesting without parsing it', () => {
  const depth = 1_000_000
  expect(parse('['.repeat(depth) + ']'.repeat(depth))).toEqual(refused('too-complex'))
  expect(parse('{"a":'.repeat(depth))).toEqual(refused('too-complex'))
})

test('refuses millions of parts', () => {
  expect(parse(`[${'0,'.repeat(4_000_000)}0]`)).toEqual(refused('too-complex'))
})

test('brackets within texts do not count, escaped quotes do not end them', () => {
  const text = JSON.stringify(`${'['.repeat(20_000)}"\\`)
  expect(parse(text)).toMatchObject({ ok: true })
})

test('refuses 2 MB of junk', () => {
  expect(parse('x'.repeat(2_000_000))).toEqual(refused('not-json'))
  expect(parse(Buffer.alloc(2_000_000))).toEqual(refused('not-json'))
})
