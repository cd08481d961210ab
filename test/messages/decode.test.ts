import fc from 'fast-check'
import { expect, test } from 'vitest'
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
  expect(await decode(text)).toMatchObject([{ refusal: { code: 'not-json' } }])
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

test('one object a line is read, short or long, and a bad line spoils no other', async () => {
  const lines = [exit(1), exit(2), exit(3)].map((one) => JSON.stringify(one))
  const text = lines.with(1, '{"message":').join('\n')
  const expected = [
    { kind: 'exit', exit: { validatorIndex: 1 } },
    { kind: 'refused', refusal: { code: 'not-json' } },
    { kind: 'exit', exit: { validatorIndex: 3 } },
  ]
  expect(await decode(text)).toMatchObject(expected)
  expect(await decode(long(text))).toMatchObject(expected)
})

test('deep nesting is refused, short or long', async () => {
  for (const depth of [10_000, 1_000_000]) {
    const parts = await decode('['.repeat(depth) + ']'.repeat(depth))
    expect(parts).toMatchObject([{ kind: 'refused', refusal: { code: 'too-complex' } }])
  }
})

const signature = fc.constantFrom(SIGNATURE, SIGNATURE.slice(2), SIGNATURE.toUpperCase())
const index = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER })
const epoch = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })
const number = (value: number | bigint) => fc.constantFrom(String(value), Number(value))
/** Each form of one exit that is read. */
const shaped = (signed: Record<string, unknown>) =>
  fc.constantFrom<unknown>(
    signed,
    [signed],
    { data: signed },
    { data: [signed] },
    { exit: signed, fork_version: '0x03000000' },
    { exit: signed.message, signature: signed.signature },
    { signed_exit_message: signed, public_key: `0x${'cd'.repeat(48)}` },
    { ...signed, validatorPublicKey: 'cd'.repeat(48) },
    { ...signed, signature: JSON.stringify({ signature: signed.signature }) },
    { ...(signed.message as object), signature: signed.signature },
  )

test('every form of every exit is read, short and long, and comes out as it is', async () => {
  const made = fc.record({ index, epoch, signature }).chain((one) =>
    fc
      .record({
        epoch: fc.constant(String(one.epoch)),
        validator_index: number(one.index),
      })
      .chain((message) => shaped({ message, signature: one.signature }))
      .map((shape) => ({ one, shape })),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(made, { minLength: 1, maxLength: 5 }), async (all) => {
      const text = JSON.stringify(all.map(({ shape }) => shape))
      for (const parts of [await decode(text), await decode(long(text))]) {
        expect(parts.map((part) => part.kind === 'exit' && part.exit)).toEqual(
          all.map(({ one }) => ({
            epoch: one.epoch,
            validatorIndex: one.index,
            signature: SIGNATURE,
          })),
        )
      }
    }),
    { seed: 3, numRuns: 25 },
  )
})

test('no JSON throws anything, and none that is not signed becomes an exit', async () => {
  const field = fc.constantFrom(
    ...['message', 'exit', 'data', 'signature', 'crypto', 'kdf', 'params', 'function', 'checksum'],
    ...['cipher', 'epoch', 'validator_index', 'signed_exit_message', 'validators', '__proto__'],
  )
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof(
      { depthSize: 'small' },
      fc.constantFrom(null, 1, -1, '1', '', 'pbkdf2', true, '0xab', 1e300),
      fc.array(tie('tree'), { maxLength: 4 }),
      fc.dictionary(field, tie('tree'), { maxKeys: 5 }),
    ),
  }))
  await fc.assert(
    fc.asyncProperty(tree, async (value) => {
      for (const part of await decode(JSON.stringify(value))) expect(part.kind).not.toBe('exit')
    }),
    { seed: 4, numRuns: 2_000 },
  )
})
