import { mkdirSync, statSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { decrypt } from '@chainsafe/bls-keystore'
import { expect, test } from 'vitest'
import {
  loaderOf,
  never,
  pubkeyOf,
  put,
  sharedPool,
  signedExit,
  temporaryFolder,
} from '../messages/fixtures.ts'
import { encrypt, PASSWORD, readEnvelope, startEncrypt } from './support.ts'

/** Two folders of a test, the second one still to be created. */
function folders() {
  const home = temporaryFolder()
  const input = join(home, 'plain')
  mkdirSync(input)
  return { home, input, output: join(home, 'encrypted') }
}

const passwords = [Buffer.from(PASSWORD)]

test('what it wrote opens in the reference implementation, to the very bytes', async () => {
  const { home, input, output } = folders()
  const texts = {
    'one.json': JSON.stringify(signedExit(1)),
    'several.json': `${JSON.stringify([signedExit(2), signedExit(3)], null, 2)}\n`,
  }
  for (const [name, text] of Object.entries(texts)) put(input, name, text)

  const { code, stdout: said } = await startEncrypt(home, ['plain', 'encrypted']).ended

  expect(said).toBe('2 of 2 files encrypted into encrypted, 0 rejected\n')
  expect(code).toBe(0)
  for (const [name, text] of Object.entries(texts)) {
    const content = await decrypt(readEnvelope(output, name), PASSWORD)
    expect(Buffer.from(content).toString()).toBe(text)
  }
})

test('the files share a salt, and each has its own IV and uuid', async () => {
  const { home, input, output } = folders()
  const names = ['1.json', '2.json', '3.json']
  names.forEach((name, i) => {
    put(input, name, signedExit(i))
  })

  await encrypt(home, ['plain', 'encrypted'])

  const envelopes = names.map((name) => readEnvelope(output, name))
  expect(new Set(envelopes.map(({ crypto }) => JSON.stringify(crypto.kdf))).size).toBe(1)
  expect(envelopes[0]?.crypto.kdf.params).toEqual({
    dklen: 32,
    c: 262_144,
    prf: 'hmac-sha256',
    salt: expect.stringMatching(/^[0-9a-f]{64}$/),
  })
  expect(new Set(envelopes.map(({ crypto }) => crypto.cipher.params.iv)).size).toBe(3)
  expect(new Set(envelopes.map(({ uuid }) => uuid)).size).toBe(3)
  const version4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
  for (const { uuid } of envelopes) expect(uuid).toMatch(version4)
})

test('two runs do not share a salt', async () => {
  const { home, input } = folders()
  put(input, '1.json', signedExit(1))
  await encrypt(home, ['plain', 'one'])
  await encrypt(home, ['plain', 'two'])

  const [one, two] = ['one', 'two'].map((folder) => readEnvelope(home, folder, '1.json'))
  expect(one?.crypto.kdf.params.salt).not.toBe(two?.crypto.kdf.params.salt)
})

test('whose exit is inside stands outside', async () => {
  const { home, input, output } = folders()
  put(input, 'one.json', signedExit(7))
  put(input, 'named.json', { public_key: pubkeyOf(8), signed_exit_message: signedExit(8) })
  put(input, 'several.json', [signedExit(1), signedExit(2)])

  await encrypt(home, ['plain', 'encrypted'])

  const labelOf = (name: string) => {
    const { description, pubkey, path } = readEnvelope(output, name)
    return { description, pubkey, path }
  }
  const named = pubkeyOf(8).slice(2)
  const nothing = { pubkey: '', path: '' }
  expect(labelOf('one.json')).toEqual({ description: 'exit of validator 7', ...nothing })
  expect(labelOf('named.json')).toEqual({
    description: 'exit of validator 8',
    pubkey: named,
    path: '',
  })
  expect(labelOf('several.json')).toEqual({ description: 'exits of 2 validators', ...nothing })
})

test('the daemon verifies all of them after one key derivation', async () => {
  const { home, input, output } = folders()
  for (const index of [1, 2, 3]) put(input, `${index}.json`, signedExit(index))
  await encrypt(home, ['plain', 'encrypted'])

  let derivations = 0
  const loader = loaderOf(output, {
    passwords,
    pool: {
      ...sharedPool,
      derive: (...asked) => {
        derivations += 1
        return sharedPool.derive(...asked)
      },
    },
  })
  const { exits, refused } = await loader.load(never)

  expect([...exits.keys()].toSorted()).toEqual([1, 2, 3])
  expect(refused).toEqual([])
  expect(derivations).toBe(1)
})

test('scrypt, on request, with the cost of EIP-2335', async () => {
  const { home, input, output } = folders()
  put(input, '1.json', signedExit(1))

  const { code } = await encrypt(home, ['plain', 'encrypted', '--kdf', 'scrypt'])

  expect(code).toBe(0)
  const envelope = readEnvelope(output, '1.json')
  expect(envelope.crypto.kdf).toMatchObject({
    function: 'scrypt',
    params: { dklen: 32, n: 262_144, r: 8, p: 1 },
  })
  const content = await decrypt(envelope, PASSWORD)
  expect(JSON.parse(Buffer.from(content).toString())).toEqual(signedExit(1))
})

test('nobody else may read them, and they are as old as their sources', async () => {
  const { home, input, output } = folders()
  put(input, '1.json', signedExit(1))
  utimesSync(join(input, '1.json'), 1_700_000_000, 1_700_000_000)

  await encrypt(home, ['plain', 'encrypted'])

  const { mode, mtimeMs } = statSync(join(output, '1.json'))
  expect(mode & 0o777).toBe(0o600)
  expect(mtimeMs).toBe(1_700_000_000_000)
  expect(statSync(output).mode & 0o777).toBe(0o700)
})

test('a password of any letters is used as EIP-2335 says, its file read as the daemon does', async () => {
  const { home, input, output } = folders()
  put(input, '1.json', signedExit(1))
  const fancy = '\u{1d531}\u{1d522}\u{1d530}\u{1d531}\u{1f511} \u00df'
  put(home, 'password.txt', `${fancy}\n`)

  const { code } = await encrypt(home, ['plain', 'encrypted'], {
    MESSAGES_PASSWORD_FILE: 'password.txt',
  })

  expect(code).toBe(0)
  const envelope = readEnvelope(output, '1.json')
  for (const password of [fancy, 'test\u{1f511} \u00df']) {
    const content = await decrypt(envelope, password)
    expect(JSON.parse(Buffer.from(content).toString())).toEqual(signedExit(1))
  }
  await expect(decrypt(envelope, 'another')).rejects.toThrow('Invalid password')
})
