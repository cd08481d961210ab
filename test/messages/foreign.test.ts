import fc from 'fast-check'
import { expect, test } from 'vitest'
import { openEnvelope, parseEnvelope } from '../../src/lib/eip2335.ts'
import { deriveKey, kdfMemory } from '../../src/lib/kdf.ts'
import { passwordCandidates } from '../../src/lib/password.ts'
import { kindOfName, StoreError } from '../../src/messages/message-store.ts'
import { type BucketKind, bucketStore, buckets } from './bucket-places.ts'
import { entriesOf, PBKDF2, SCRYPT, seal } from './fixtures.ts'

test('whatever was sealed opens with its password to what it was', async () => {
  const content = fc.string({ minLength: 1, maxLength: 80, unit: 'binary' })
  const password = fc.string({ minLength: 1, maxLength: 20, unit: 'grapheme' })
  await fc.assert(
    fc.asyncProperty(content, password, fc.constantFrom(PBKDF2, SCRYPT), async (text, pw, kdf) => {
      const parsed = parseEnvelope(JSON.parse(await seal(text, pw, kdf as typeof PBKDF2)))
      if (!parsed.ok) throw new Error(parsed.detail)
      const opened = passwordCandidates([Buffer.from(pw)])
        .map((one) => openEnvelope(parsed.envelope, deriveKey(parsed.envelope.kdf, one)))
        .find((one) => one !== undefined)
      expect(Buffer.from(opened ?? []).toString()).toBe(Buffer.from(text).toString())
    }),
    { seed: 5, numRuns: 60 },
  )
})

test('whatever an envelope says, it is read within its bounds or refused', () => {
  const any = fc.constantFrom<unknown>(
    null,
    '',
    '0x',
    'ab',
    'ab'.repeat(16),
    'ab'.repeat(32),
    1,
    {},
  )
  const number = fc.oneof(fc.integer(), fc.double(), any)
  const name = fc.oneof(fc.constantFrom('pbkdf2', 'scrypt', 'sha256', 'aes-128-ctr'), any)
  const params = fc.record(
    {
      dklen: fc.oneof(fc.constant(32), number),
      c: number,
      n: fc.oneof(fc.constantFrom(2, 16, 2 ** 20, 2 ** 40), number),
      r: fc.oneof(fc.constant(8), number),
      p: fc.oneof(fc.constant(1), number),
      prf: fc.oneof(fc.constant('hmac-sha256'), any),
      salt: fc.oneof(fc.constant('ab'.repeat(32)), any),
      iv: any,
    },
    { requiredKeys: [] },
  )
  const part = fc.record({ function: name, params: fc.oneof(params, any), message: any })
  const crypto = fc.record(
    { kdf: fc.oneof(part, any), checksum: fc.oneof(part, any), cipher: fc.oneof(part, any) },
    { requiredKeys: [] },
  )
  fc.assert(
    fc.property(fc.oneof(crypto, any), (value) => {
      const parsed = parseEnvelope({ crypto: value })
      if (!parsed.ok) {
        expect(parsed.detail.length).toBeGreaterThan(0)
        return
      }
      const { kdf } = parsed.envelope
      expect(kdfMemory(kdf)).toBeLessThanOrEqual(2 ** 30)
      expect(kdf.function === 'pbkdf2' ? kdf.c : kdf.p).toBeLessThanOrEqual(2 ** 22)
    }),
    { seed: 6, numRuns: 3_000 },
  )
})

test('a name is a message, may have been meant, or is none, and a hidden one never is any', () => {
  const word = fc.string({ minLength: 1, maxLength: 8 }).map((text) => text.replaceAll('/', '_'))
  const suffix = fc.mixedCase(fc.constant('.json'))
  fc.assert(
    fc.property(fc.array(word, { maxLength: 2 }), word, suffix, (folders, stem, end) => {
      const isHidden = [...folders, stem].some((one) => one.startsWith('.'))
      const path = (name: string) => [...folders, name].join('/')
      expect(kindOfName(path(`${stem}${end}`))).toBe(isHidden ? 'none' : 'message')
      expect(kindOfName(path(`${stem}${end}.txt`))).toBe(isHidden ? 'none' : 'passed-over')
      expect(kindOfName(path(`.${stem}${end}`))).toBe('none')
    }),
    { seed: 7, numRuns: 1_000 },
  )
})

test.each<BucketKind>(['s3', 'gs'])(
  'whatever a server answers to a listing of %s, it is a listing or an error of ours',
  { timeout: 120_000 },
  async (kind) => {
    const server = await buckets[kind]()
    try {
      await server.createBucket('bucket')
      const store = await bucketStore(kind, server, 'bucket', { listMs: 20_000 })
      const list = `<ListBucketResult><IsTruncated>false</IsTruncated><Contents>`
      const text = fc.oneof(
        fc.string({ maxLength: 60 }),
        fc.json({ maxDepth: 2 }),
        fc.json({ maxDepth: 1 }).map((items) => `{"kind":"storage#objects","items":${items}}`),
        fc.string({ maxLength: 20 }).map((key) => `${list}<Key>${key}</Key></Contents>`),
      )
      await fc.assert(
        fc.asyncProperty(text, fc.constantFrom(200, 206), async (body, status) => {
          server.faults.clear()
          server.faults.add({ kind: 'status', status, body })
          const outcome = await entriesOf(store).catch((error: unknown) => error)
          if (!Array.isArray(outcome)) expect(outcome).toBeInstanceOf(StoreError)
        }),
        { seed: 8, numRuns: 25 },
      )
    } finally {
      await server.close()
    }
  },
)
