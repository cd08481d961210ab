import { expect, test } from 'vitest'
import { readShapes } from '../../src/messages/shapes.ts'

const SIGNATURE = `0x${'ab'.repeat(96)}`
const PUBKEY = `0x${'cd'.repeat(48)}`
const SIGNED = { message: { epoch: '1', validator_index: '2' }, signature: SIGNATURE }

const exit = (epoch = 1n, validatorIndex = 2, claimedPubkey?: string) => ({
  kind: 'exit',
  exit: { epoch, validatorIndex, signature: SIGNATURE },
  claimedPubkey,
})
const refused = (code: string) => ({
  kind: 'refused',
  refusal: { code, detail: expect.any(String) },
})
const withMessage = (message: unknown) => ({ message, signature: SIGNATURE })

test.each<[string, unknown]>([
  ['the specification, ethdo, clients, Charon', SIGNED],
  ['numbers', withMessage({ epoch: 1, validator_index: 2 })],
  ['older ethdo', { exit: SIGNED, fork_version: '0x03000000' }],
  ['one in the Keymanager API', { data: SIGNED }],
  ['a list of one', [SIGNED]],
  ['a pool dump of one', { data: [SIGNED] }],
  ['Obol without a public key', { signed_exit_message: SIGNED }],
  ['Obol with an empty public key', { public_key: '', signed_exit_message: SIGNED }],
  ['Web3Signer answering JSON', { ...SIGNED, signature: `{"signature":"${SIGNATURE}"}` }],
  ['capital hex', { ...SIGNED, signature: SIGNATURE.toUpperCase() }],
  ['hex without 0x', { ...SIGNED, signature: SIGNATURE.slice(2) }],
  ['white space around the signature', { ...SIGNED, signature: ` ${SIGNATURE}\n` }],
  ['a flat exit', { epoch: '1', validator_index: '2', signature: SIGNATURE }],
  ['a bare exit beside the signature', { exit: SIGNED.message, signature: SIGNATURE }],
  ['bare data beside the signature', { data: SIGNED.message, signature: SIGNATURE }],
  ['further keys', { ...SIGNED, note: 'kept with care', data: 'of another kind' }],
])('reads %s', (_, value) => {
  expect(readShapes(value)).toEqual([exit()])
})

test('reads the public key that Obol and Stader name', () => {
  const obol = { public_key: PUBKEY, signed_exit_message: SIGNED }
  const stader = { ...SIGNED, validatorPublicKey: PUBKEY.slice(2).toUpperCase() }
  expect(readShapes([obol, stader])).toEqual([exit(1n, 2, PUBKEY), exit(1n, 2, PUBKEY)])
})

test('reads the entries of a list in their order, good and bad', () => {
  const other = { ...SIGNED, message: { epoch: '5', validator_index: '6' } }
  expect(readShapes([SIGNED, null, other])).toEqual([exit(), refused('unknown-shape'), exit(5n, 6)])
})

test('the largest numbers that the specification allows are read', () => {
  const message = { epoch: '18446744073709551615', validator_index: '9007199254740991' }
  expect(readShapes(withMessage(message))).toEqual([exit(2n ** 64n - 1n, 2 ** 53 - 1)])
})

test('an envelope is handed on closed', () => {
  const envelope = { crypto: {}, version: 4 }
  expect(readShapes(envelope)).toEqual([{ kind: 'envelope', envelope }])
})

test.each<[string, unknown, string]>([
  ['null', null, 'unknown-shape'],
  ['a number', 123, 'unknown-shape'],
  ['a text', 'text', 'unknown-shape'],
  ['an empty list', [], 'no-messages'],
  ['an empty object', {}, 'no-messages'],
  ['an empty pool dump', { data: [] }, 'no-messages'],
  ['data that is null', { data: null }, 'unknown-shape'],
  ['strange keys', { foo: 1 }, 'unknown-shape'],
  ['an exit that is null', { exit: null }, 'unknown-shape'],
  ['an exit without a message', { exit: { signature: SIGNATURE } }, 'unknown-shape'],
  ['a message that is a list', { message: [1, 2], signature: SIGNATURE }, 'unknown-shape'],
  ['lists within lists', [[[[[SIGNED]]]]], 'too-complex'],
  ['an account keystore', { crypto: { ciphertext: '00', kdf: 'scrypt' }, version: 3 }, 'keystore'],
  ['keystores of the Keymanager API', { keystores: ['…'], passwords: ['…'] }, 'keystore'],
  ['a partial exit of Obol', { partial_exits: [], share_idx: 1, signature: '0x' }, 'partial-exit'],
  ['an exit of one share', { share_idx: 1, signed_exit_message: SIGNED }, 'partial-exit'],
  ['shares', { epoch: '1', validator_index: 2, signatures: ['0x'] }, 'partial-exit'],
  ['a bare message', { epoch: '1', validator_index: '2' }, 'unsigned'],
  ['a bare message within exit', { exit: { epoch: '1', validator_index: '2' } }, 'unsigned'],
  ['bare data', { data: { epoch: '1', validator_index: '2' } }, 'unsigned'],
  ['a bare exit with an empty signature', { exit: SIGNED.message, signature: '' }, 'unsigned'],
  ['a message without signature', { message: SIGNED.message }, 'unsigned'],
  ['a signature that is null', { ...SIGNED, signature: null }, 'unsigned'],
  ['a signature that is empty', { ...SIGNED, signature: '' }, 'unsigned'],
  [
    'the offline preparation of ethdo',
    { version: '3', genesis_validators_root: '0x', epoch: '1', validators: [] },
    'offline-preparation',
  ],
])('refuses %s', (_, value, code) => {
  expect(readShapes(value)).toEqual([refused(code)])
})

test.each([-1, '-1', '18446744073709551616', 2 ** 64, 1.5, '1.5', '0x1', '', ' 1', null, {}, true])(
  'refuses %j as epoch and as index',
  (value) => {
    const epoch = withMessage({ epoch: value, validator_index: '2' })
    const index = withMessage({ epoch: '1', validator_index: value })
    expect(readShapes([epoch, index])).toEqual([refused('bad-epoch'), refused('bad-index')])
  },
)

test.each<unknown>([
  SIGNATURE.slice(0, -2),
  `${SIGNATURE}00`,
  SIGNATURE.replace('ab', 'xy'),
  '{"signature":"0xab"}',
  '{"signature":',
  '{}',
  12,
  {},
])('refuses the signature %j, and does not repeat it', (signature) => {
  const [entry] = readShapes({ ...SIGNED, signature })
  expect(entry).toEqual(refused('bad-signature-format'))
  expect(JSON.stringify(entry)).not.toContain('abab')
})

test.each([
  [SIGNATURE.slice(0, -2), 'signature: 190 hex digits, 2 are missing'],
  [SIGNATURE.slice(2, -5), 'signature: 187 hex digits, 5 are missing'],
  [`${SIGNATURE}00`, 'signature: 194 hex digits, 2 too many'],
  ['0x', 'signature: 0 hex digits, 192 are missing'],
  [SIGNATURE.replace('ab', 'xy'), 'signature: 192 characters, and some are no hex digits'],
])('of the signature %s it says how many digits are missing', (signature, detail) => {
  expect(readShapes({ ...SIGNED, signature })).toMatchObject([{ refusal: { detail } }])
})

test('refuses what stands in place of a public key', () => {
  const obol = { public_key: '0x1234', signed_exit_message: SIGNED }
  expect(readShapes(obol)).toEqual([refused('pubkey-mismatch')])
})

test('of a key that stands twice the last one counts', () => {
  const text = `{"message":{"epoch":"9","epoch":"1","validator_index":"2"},"signature":"${SIGNATURE}"}`
  expect(readShapes(JSON.parse(text))).toEqual([exit()])
})

test('__proto__ is a key like any other', () => {
  const value: unknown = JSON.parse(`{"__proto__":${JSON.stringify(SIGNED)}}`)
  expect(readShapes(value)).toEqual([refused('unknown-shape')])
  const inside: unknown = JSON.parse(
    `{"message":{"__proto__":{"epoch":"1","validator_index":"2"}},"signature":"${SIGNATURE}"}`,
  )
  expect(readShapes(inside)).toEqual([refused('bad-epoch')])
  expect(({} as Record<string, unknown>).message).toBeUndefined()
})

test('a detail names harmless keys only', () => {
  const value = { foo_bar: 1, [`0x${'99'.repeat(32)}`]: 2, 'pass word': 3 }
  const [entry] = readShapes(value)
  expect(entry).toMatchObject({ refusal: { detail: 'an object with the keys foo_bar, …, …' } })
})
