import { create, decrypt, type IKeystore } from '@chainsafe/bls-keystore'
import { expect, test } from 'vitest'
import { type Envelope, openEnvelope, parseEnvelope } from '../../src/lib/eip2335.ts'
import { deriveKey } from '../../src/lib/kdf.ts'
import { passwordCandidates } from '../../src/lib/password.ts'
import vectors from '../vectors/eip-2335.json' with { type: 'json' }
import { bytesOf, hexOf, PBKDF2, SCRYPT } from './fixtures.ts'

function parsed(file: object): Envelope {
  const result = parseEnvelope(file as Record<string, unknown>)
  if (!result.ok) throw new Error(result.detail)
  return result.envelope
}

/** As the loader does it, in one go. */
function open(file: object, given: readonly Uint8Array[]): Uint8Array | undefined {
  const envelope = parsed(file)
  for (const candidate of passwordCandidates(given)) {
    const content = openEnvelope(envelope, deriveKey(envelope.kdf, candidate))
    if (content !== undefined) return content
  }
  return undefined
}

const utf8 = (text: string) => Buffer.from(text, 'utf8')

test.each(['scrypt', 'pbkdf2'] as const)('opens the %s vector of EIP-2335', (name) => {
  expect(passwordCandidates([utf8(vectors.password)]).map(hexOf)).toContain(vectors.encodedPassword)
  expect(hexOf(open(vectors[name], [utf8(vectors.password)]) ?? new Uint8Array())).toBe(
    vectors.secret,
  )
})

const CONTENT = utf8('{"any":"text, longer than a key of thirty-two bytes"}')

test.each([
  ['plain ASCII', 'correct horse'],
  ['Unicode that NFKD changes', 'Ångström ﬁ 𝔱𝔢𝔰𝔱 パスワード'],
  ['control characters', 'a\u0007b\u007fc\u0085d'],
])('opens what the reference made from a text with %s', async (_, password) => {
  for (const kdf of [PBKDF2, SCRYPT]) {
    const file = await create(password, CONTENT, new Uint8Array(), '', null, kdf)
    expect(open(file, [utf8(password)])).toEqual(CONTENT)
  }
})

test('opens what the reference made from bytes', async () => {
  const password = utf8('Übung\n')
  const file = await create(password, CONTENT, new Uint8Array(), '', null, PBKDF2)
  expect(open(file, [utf8('Übung')])).toEqual(CONTENT)
})

test.each([
  ['without the line end of the password file', 'secret'],
  ['with it', 'secret\n'],
  ['with that of Windows', 'secret\r\n'],
])('opens what was sealed with the raw bytes %s', (_, sealedWith) => {
  const given = [utf8('secret'), utf8('secret\n'), utf8('secret\r\n')]
  const passwords = passwordCandidates(given)
  expect(passwords.map((bytes) => Buffer.from(bytes).toString())).toContain(sealedWith)
  expect(Buffer.from(passwords[0] ?? []).toString()).toBe('secret')
})

test('a plain password is one candidate, no password is none', () => {
  expect(passwordCandidates([utf8('secret')])).toHaveLength(1)
  expect(passwordCandidates([])).toEqual([])
  expect(passwordCandidates([utf8('')])).toEqual([])
})

test('a password that is not UTF-8 is taken as it is', () => {
  const bytes = Uint8Array.of(0xff, 0xfe, 0x41)
  expect(passwordCandidates([bytes])).toEqual([bytes])
})

test('another password opens nothing', () => {
  const file = { crypto: { ...vectors.pbkdf2.crypto, kdf: PBKDF2 } }
  expect(open(file, [utf8('wrong')])).toBeUndefined()
})

const salt = 'ab'.repeat(32)
const kdfOf = (name: string, params: object) => ({ crypto: { kdf: { function: name, params } } })

test.each<[string, object, string]>([
  ['no crypto', { crypto: undefined }, 'envelope-malformed'],
  ['crypto that is null', { crypto: null }, 'envelope-malformed'],
  ['an unknown KDF', { crypto: { kdf: { function: 'argon2id', params: {} } } }, 'unknown-function'],
  ['a KDF without a name', { crypto: { kdf: { params: {} } } }, 'envelope-malformed'],
  [
    'pbkdf2 with another PRF',
    kdfOf('pbkdf2', { ...PBKDF2.params, prf: 'hmac-md5' }),
    'unknown-function',
  ],
  ['too many rounds', kdfOf('pbkdf2', { ...PBKDF2.params, c: 2 ** 22 + 1 }), 'kdf-out-of-bounds'],
  ['no rounds', kdfOf('pbkdf2', { ...PBKDF2.params, c: 0 }), 'envelope-malformed'],
  ['rounds as text', kdfOf('pbkdf2', { ...PBKDF2.params, c: '16' }), 'envelope-malformed'],
  [
    'a long salt',
    kdfOf('pbkdf2', { ...PBKDF2.params, salt: salt.repeat(64) }),
    'kdf-out-of-bounds',
  ],
  [
    'a salt that is no hex',
    kdfOf('pbkdf2', { ...PBKDF2.params, salt: 'xy' }),
    'envelope-malformed',
  ],
  ['another key length', kdfOf('pbkdf2', { ...PBKDF2.params, dklen: 64 }), 'envelope-malformed'],
  ['scrypt over 1 GiB', kdfOf('scrypt', { ...SCRYPT.params, n: 2 ** 21 }), 'kdf-out-of-bounds'],
  ['scrypt with huge n', kdfOf('scrypt', { ...SCRYPT.params, n: 2 ** 52 }), 'kdf-out-of-bounds'],
  ['scrypt with huge r', kdfOf('scrypt', { ...SCRYPT.params, r: 2 ** 30 }), 'kdf-out-of-bounds'],
  ['scrypt with huge p', kdfOf('scrypt', { ...SCRYPT.params, p: 2 ** 20 }), 'kdf-out-of-bounds'],
  ['scrypt with odd n', kdfOf('scrypt', { ...SCRYPT.params, n: 17 }), 'envelope-malformed'],
  ['scrypt with negative r', kdfOf('scrypt', { ...SCRYPT.params, r: -1 }), 'envelope-malformed'],
  ['another checksum', { checksum: { function: 'keccak256' } }, 'unknown-function'],
  ['a checksum that is short', { checksum: { message: 'ab' } }, 'envelope-malformed'],
  ['another cipher', { cipher: { function: 'aes-256-gcm' } }, 'unknown-function'],
  ['an IV that is short', { cipher: { params: { iv: 'ab' } } }, 'envelope-malformed'],
  ['half a byte of ciphertext', { cipher: { message: 'abc' } }, 'envelope-malformed'],
  ['no ciphertext', { cipher: { message: '' } }, 'envelope-malformed'],
])('refuses %s', (_, change, code) => {
  expect(parseEnvelope(changed(change))).toEqual({ ok: false, code, detail: expect.any(String) })
})

/** The vector with a part of its `crypto` replaced, or all of it. */
function changed(change: {
  crypto?: object | null | undefined
  checksum?: object
  cipher?: object
}) {
  const { checksum, cipher } = vectors.pbkdf2.crypto
  if ('crypto' in change && !change.crypto) return { crypto: change.crypto }
  return {
    crypto: {
      kdf: PBKDF2,
      checksum: { ...checksum, ...change.checksum },
      cipher: { ...cipher, ...change.cipher },
      ...change.crypto,
    },
  }
}

test('scrypt with exactly 1 GiB is within the bounds', () => {
  const params = { ...SCRYPT.params, n: 2 ** 20 }
  expect(parseEnvelope(changed(kdfOf('scrypt', params)))).toMatchObject({ ok: true })
})

test('the reference opens what it made, so that the vectors above mean something', async () => {
  const file: IKeystore = await create('pw', CONTENT, new Uint8Array(), '', null, SCRYPT)
  expect(Buffer.from(await decrypt(file, 'pw'))).toEqual(CONTENT)
  expect(bytesOf(file.crypto.cipher.message)).toHaveLength(CONTENT.length)
})
