import { expect, test } from 'vitest'
import { parseJson, parseLongJson } from '../../src/lib/json.ts'
import { decodeContent } from '../../src/messages/decode.ts'

const SIGNATURE = `0x${'ab'.repeat(96)}`
const exit = (index: number) => ({
  message: { epoch: '1', validator_index: String(index) },
  signature: SIGNATURE,
})
const decode = async (text: string | Uint8Array) => decodeContent(Buffer.from(text))

/** The same JSON, long enough to be taken apart. */
const long = (text: string) => text.replace(/^\uFEFF?/, (bom) => bom + ' '.repeat(300_000))

test.each([
  JSON.stringify([exit(1), exit(2), exit(3)]),
  JSON.stringify({ data: [exit(1), exit(2)] }),
  JSON.stringify({ data: [exit(1), exit(2)], more: [1, 2, { data: [3] }] }, null, 2),
  '{"first":{"data":[1,2]},"data" : [ 1 , {"data":[3]} ]}',
  '{"data":[1,2],"data":[3]}',
  '{"xdata":[1,2]}',
  JSON.stringify({ ...exit(1), data: [1, 2, 3] }),
  JSON.stringify([[exit(1), exit(2)], { data: [exit(3)] }]),
  JSON.stringify([{ note: 'brackets ]}[{ and "quotes" \\' }, exit(1)]),
  JSON.stringify(exit(1)),
  '\uFEFF[1,2]',
  '[]',
  '[ \n ]',
  '{"data":[]}',
  '{"data":null}',
  'null',
  '"[1,2]"',
])('a long text is read like a short one: %s', async (text) => {
  const short = await decode(text)
  expect(await decode(long(text))).toEqual(short)
  expect(short.length).toBeGreaterThan(0)
})

test.each([
  '[1,2',
  '[1,,2]',
  '[1,2,]',
  '[1 2]',
  '[1,2]]',
  '[1,2]x',
  '[{"a":1]}',
  '{"data":[1,2]',
  '{"data":[1,2],}',
  '[1,"open]',
])('what is no JSON in short is none in long: %s', async (text) => {
  expect(parseJson(Buffer.from(text))).toMatchObject({ ok: false, code: 'not-json' })
  expect(await decode(long(text))).toMatchObject([{ refusal: { code: 'not-json' } }])
})

test('a long text that is not UTF-8 somewhere is refused', async () => {
  const text = Buffer.concat([Buffer.from(long('["')), Uint8Array.of(0xff), Buffer.from('"]')])
  expect(await decode(text)).toMatchObject([{ refusal: { code: 'not-utf8' } }])
})

test('thousands of exits in one file are read in their order', async () => {
  const exits = Array.from({ length: 5_000 }, (_, index) => exit(index))
  const parts = await decode(JSON.stringify({ data: exits }))
  const indices = parts.map((part) => part.kind === 'exit' && part.exit.validatorIndex)
  expect(indices).toEqual(exits.map((_, index) => index))
})

test('one absurd element of a long list is refused alone', async () => {
  const absurd = `[${'0,'.repeat(200_000)}0]`
  const parts = await decode(`[${JSON.stringify(exit(1))},${absurd},${JSON.stringify(exit(2))}]`)
  expect(parts).toMatchObject([
    { kind: 'exit' },
    { kind: 'refused', refusal: { code: 'too-complex' } },
    { kind: 'exit' },
  ])
})

test('more elements than any file can hold are refused as a whole', async () => {
  expect(await decode(`[${'0,'.repeat(400_000)}0]`)).toMatchObject([
    { refusal: { code: 'too-complex' } },
  ])
  expect(await parseLongJson(Buffer.from(`[${'0,'.repeat(100)}0]`), 10)).toMatchObject({
    ok: false,
    code: 'too-complex',
  })
})

test('deep nesting is refused, short or long', async () => {
  for (const depth of [10_000, 1_000_000]) {
    const parts = await decode('['.repeat(depth) + ']'.repeat(depth))
    expect(parts).toMatchObject([{ kind: 'refused', refusal: { code: 'too-complex' } }])
  }
})
