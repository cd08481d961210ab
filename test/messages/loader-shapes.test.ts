import { create } from '@chainsafe/bls-keystore'
import { expect, test } from 'vitest'
import type { ForkVersion } from '../../src/consensus/fork.ts'
import { passwordCandidates } from '../../src/lib/password.ts'
import type { ValidatorIndex } from '../../src/lib/primitives.ts'
import { messageReasons } from '../../src/messages/reasons.ts'
import {
  bytesOf,
  CHAIN,
  loaderOf,
  never,
  PBKDF2,
  pubkeyOf,
  put,
  SCRYPT,
  seal,
  secretKey,
  signedExit,
  temporaryFolder,
} from './fixtures.ts'

const PASSWORD = 'pässword'
const passwords = passwordCandidates([Buffer.from(PASSWORD)])

const numbers = (index: number) => {
  const { signature } = signedExit(index)
  return { message: { epoch: 1, validator_index: index }, signature }
}
/** Each with the validators whose exits it holds. */
const shapes: readonly [string, unknown, readonly number[]][] = [
  ['the specification', signedExit(0), [0]],
  ['numbers', numbers(1), [1]],
  ['a list', [signedExit(0), signedExit(1), numbers(2)], [0, 1, 2]],
  ['the Keymanager API', { data: signedExit(3) }, [3]],
  ['a pool dump', { data: [signedExit(3), signedExit(4)] }, [3, 4]],
  ['older ethdo', { exit: signedExit(5), fork_version: '0x03000000' }, [5]],
  ['Obol', { public_key: pubkeyOf(6), signed_exit_message: signedExit(6) }, [6]],
  ['Stader', { ...signedExit(7), validatorPublicKey: pubkeyOf(7) }, [7]],
  [
    'Web3Signer',
    { ...signedExit(8), signature: JSON.stringify({ signature: signedExit(8).signature }) },
    [8],
  ],
]

const containers = [
  ['plain', async (text: string) => text],
  ['with a byte-order mark', async (text: string) => `\uFEFF${text}`],
  ['sealed with PBKDF2', (text: string) => seal(text, PASSWORD, PBKDF2)],
  ['sealed with scrypt', (text: string) => seal(text, PASSWORD, SCRYPT)],
] as const

test.each(
  containers.flatMap(([how, contain]) =>
    shapes.map((shape) => [shape[0], how, contain, shape] as const),
  ),
)('reads %s, %s', async (_, __, contain, [, value, indices]) => {
  const folder = temporaryFolder()
  put(folder, 'message.json', await contain(JSON.stringify(value)))
  const { exits, refused } = await loaderOf(folder, { passwords }).load(never)
  expect(refused).toEqual([])
  expect([...exits.keys()]).toEqual(indices)
  for (const [entry, index] of indices.entries()) {
    expect(exits.get(index as never)).toMatchObject({
      file: 'message.json',
      entry,
      used: false,
      exit: { epoch: 1n, validatorIndex: index, pubkey: pubkeyOf(index) },
    })
  }
})

const keystore = create(
  'pw',
  secretKey(1).toBytes(),
  bytesOf(pubkeyOf(1)),
  'm/12381/3600/1/0/0',
  null,
  PBKDF2,
)
const sealedText = async (content: unknown) => seal(JSON.stringify(content), PASSWORD)
const signed = JSON.stringify(signedExit(1))
const withSignature = (signature: string) => ({ ...signedExit(1), signature })
const truncated = async () => {
  const file = JSON.parse(await sealedText(signedExit(1)))
  file.crypto.cipher.message = file.crypto.cipher.message.slice(0, 100)
  return file
}

const badFiles: readonly [string, () => unknown, keyof typeof messageReasons][] = [
  ['empty', () => '', 'not-json'],
  ['null', () => 'null', 'unknown-shape'],
  ['number', () => '123', 'unknown-shape'],
  ['text', () => '"text"', 'unknown-shape'],
  ['list', () => '[]', 'no-messages'],
  ['object', () => '{}', 'no-messages'],
  ['cut', () => signed.slice(0, -5), 'not-json'],
  ['deep', () => '['.repeat(500_000) + ']'.repeat(500_000), 'too-complex'],
  ['junk', () => Buffer.alloc(2_000_000, 'junk '), 'not-json'],
  ['utf8', () => Buffer.concat([Buffer.from(signed), Uint8Array.of(0xff)]), 'not-utf8'],
  ['utf16', () => Buffer.from(signed, 'utf16le'), 'not-json'],
  ['proto', () => `{"__proto__":${signed}}`, 'unknown-shape'],
  [
    'index',
    () => ({ ...signedExit(1), message: { epoch: '1', validator_index: -1 } }),
    'bad-index',
  ],
  ['keystore', () => keystore, 'keystore'],
  ['sealed-keystore', async () => sealedText(await keystore), 'keystore'],
  ['twice', async () => seal(await sealedText(signedExit(1)), PASSWORD), 'nested-envelope'],
  ['sealed-text', async () => seal('the password of my bank is 12345678', PASSWORD), 'not-json'],
  ['other-password', async () => seal(signed, 'another one'), 'wrong-password'],
  ['truncated', truncated, 'wrong-password'],
  ['unknown', () => signedExit(77), 'unknown-validator'],
  ['other-key', () => signedExit(1, { signer: 2 }), 'wrong-signature'],
  [
    'other-fork',
    () => signedExit(1, { forkVersion: '0x05000000' as ForkVersion }),
    'wrong-signature',
  ],
  ['other-index', () => ({ ...signedExit(1), message: signedExit(2).message }), 'wrong-signature'],
  ['no-point', () => withSignature(`0x${'ab'.repeat(96)}`), 'bad-signature'],
  ['infinity', () => withSignature(`0xc0${'00'.repeat(95)}`), 'bad-signature'],
  ['wrong-group', () => withSignature(`0x80${'00'.repeat(94)}02`), 'bad-signature'],
  ['short', () => withSignature(signedExit(1).signature.slice(0, -2)), 'bad-signature-format'],
  ['claim', () => ({ ...signedExit(1), validatorPublicKey: pubkeyOf(2) }), 'pubkey-mismatch'],
]

test('bad files are named with their reason, and the good stay', async () => {
  const folder = temporaryFolder()
  put(folder, 'good.json', signedExit(0))
  put(folder, 'good-sealed.json', await sealedText(signedExit(9)))
  for (const [name, content] of badFiles) put(folder, `${name}.json`, await content())

  const { exits, refused, files } = await loaderOf(folder, { passwords }).load(never)

  expect([...exits.keys()].toSorted()).toEqual([0, 9])
  expect(files).toBe(badFiles.length + 2)
  const codes = Object.fromEntries(refused.map(({ file, code }) => [file, code]))
  expect(codes).toEqual(
    Object.fromEntries(badFiles.map(([name, , code]) => [`${name}.json`, code])),
  )
  expect(refused).toHaveLength(badFiles.length)
  const told = JSON.stringify(refused)
  expect(told).not.toContain(signedExit(1).signature.slice(2, 40))
  expect(told).not.toContain('bank')
  expect(told).not.toContain(PASSWORD)
})

test('a refused entry of a list says which one it is, and for whom', async () => {
  const folder = temporaryFolder()
  put(folder, 'list.json', [signedExit(0), null, signedExit(1, { signer: 2 }), signedExit(3)])
  const { exits, refused } = await loaderOf(folder).load(never)
  expect([...exits.keys()]).toEqual([0, 3])
  expect(refused).toEqual([
    expect.objectContaining({ file: 'list.json', entry: 1, validatorIndex: undefined }),
    expect.objectContaining({ file: 'list.json', entry: 2, validatorIndex: 1 }),
  ])
})

test('a sealed file without a password is refused, whatever is in it', async () => {
  const folder = temporaryFolder()
  put(folder, 'a.json', await sealedText(signedExit(1)))
  const { refused } = await loaderOf(folder).load(never)
  expect(refused).toMatchObject([{ file: 'a.json', code: 'password-missing' }])
})

test('a malformed public key of the node refuses the message of that validator alone', async () => {
  const folder = temporaryFolder()
  put(folder, '1.json', signedExit(1))
  put(folder, '2.json', signedExit(2))
  const loader = loaderOf(folder, {
    readRegistry: async (indices) =>
      new Map(
        indices.map((index) => {
          const pubkey = index === 1 ? `0x${'ff'.repeat(48)}` : pubkeyOf(index)
          const far = 2n ** 64n - 1n
          return [index, { index, pubkey, status: '', activationEpoch: 0n, exitEpoch: far }]
        }),
      ) as never,
  })
  const { exits, refused } = await loader.load(never)
  expect([...exits.keys()]).toEqual([2])
  expect(refused).toMatchObject([{ file: '1.json', code: 'bad-pubkey', validatorIndex: 1 }])
})

test('before Deneb an exit may be signed for the current or the previous fork', async () => {
  const [current, previous, older] = [
    '0x03000000' as ForkVersion,
    '0x02000000' as ForkVersion,
    '0x01000000' as ForkVersion,
  ]
  const folder = temporaryFolder()
  put(folder, '1.json', signedExit(1, { forkVersion: current }))
  put(folder, '2.json', signedExit(2, { forkVersion: previous }))
  put(folder, '3.json', signedExit(3, { forkVersion: older }))
  const loader = loaderOf(folder, {
    readSigningContext: async () => ({ ...CHAIN, forkVersions: [current, previous] }),
  })
  const { exits, refused } = await loader.load(never)
  expect([...exits.keys()].toSorted()).toEqual([1, 2])
  expect(refused).toMatchObject([{ file: '3.json', code: 'wrong-signature' }])
})

test('every reason has a code of its own, few words, and a remedy', () => {
  for (const [code, reason] of Object.entries(messageReasons)) {
    expect(reason.code).toBe(code)
    expect(code).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/)
    expect(reason.short.length).toBeLessThan(60)
    expect(reason.long).toMatch(/\.$/)
  }
})

test('an index that no node can look up costs its own message, by name, and no other', async () => {
  const folder = temporaryFolder()
  put(folder, '1.json', signedExit(1))
  put(folder, 'odd.json', signedExit(3_000_000_000, { signer: 2 }))
  const unreadable = new Map([[3_000_000_000 as ValidatorIndex, 'HTTP 400: bad index']])
  const { exits, refused } = await loaderOf(folder, { unreadable }).load(never)
  expect([...exits.keys()]).toEqual([1])
  expect(refused).toMatchObject([
    {
      file: 'odd.json',
      code: 'validator-not-readable',
      detail: 'validator 3000000000: HTTP 400: bad index',
      validatorIndex: 3_000_000_000,
    },
  ])
})
