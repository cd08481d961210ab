import { mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { quote } from '../../src/lib/secret.ts'
import { put, seal, signedExit, temporaryFolder } from '../messages/fixtures.ts'
import { until } from '../support/until.ts'
import { encrypt, namesIn, PASSWORD, readEnvelope, readText, startEncrypt } from './support.ts'

/** A folder with one message in it. */
function createInput() {
  const home = temporaryFolder()
  const input = join(home, 'plain')
  mkdirSync(input)
  put(input, '1.json', signedExit(1))
  return { home, input, output: join(home, 'encrypted') }
}

test('what is no exit message is named, the others go on, and the exit code says so', async () => {
  const { home, input, output } = createInput()
  put(input, 'cut.json', '{"message":')
  put(input, 'keystore.json', await seal('k'.repeat(32), 'x'))
  put(input, 'encrypted.json', await seal(JSON.stringify(signedExit(2)), PASSWORD))
  put(input, 'half.json', [signedExit(2), { message: signedExit(3).message }])
  put(input, 'notes.txt', 'not looked at')
  mkdirSync(join(input, 'folder.json'))

  const { code, output: said } = await encrypt(home, ['plain', 'encrypted'])

  expect(said.trimEnd().split('\n').toSorted()).toEqual([
    '1 of 6 files encrypted into encrypted, 5 rejected',
    'rejected: cut.json: not JSON (not JSON)',
    'rejected: encrypted.json: it is encrypted already',
    'rejected: folder.json: not a regular file (a folder)',
    'rejected: half.json, entry 1: exit without a signature (no signature)',
    'rejected: keystore.json: KEY MATERIAL: a keystore, not an exit message (the encrypted content is 32 bytes: a validator key)',
  ])
  expect(code).toBe(1)
  expect(namesIn(output)).toEqual(['1.json'])
})

test('what somebody else says is quoted without the password', async () => {
  const { home } = createInput()
  const password = 'known-to-encrypt-alone'
  await encrypt(home, ['plain', 'encrypted'], { MESSAGES_PASSWORD: password })

  expect(quote(`cannot take ${password}`)).toBe('cannot take <secret>')
})

test('a file that is there is never replaced', async () => {
  const { home, input, output } = createInput()
  put(input, '2.json', signedExit(2))
  put(input, '3.json', signedExit(3))
  mkdirSync(output)
  put(output, '1.json', 'mine')
  symlinkSync('nowhere', join(output, '2.json'))

  const { code, output: said } = await encrypt(home, ['plain', 'encrypted'])

  const why = 'the output folder has another file of that name, which stays as it is'
  expect(said).toContain(`rejected: 1.json: ${why}\n`)
  expect(said).toContain(`rejected: 2.json: ${why}\n`)
  expect(code).toBe(1)
  expect(readText(output, '1.json')).toBe('mine')
  expect(namesIn(output)).toEqual(['1.json', '2.json', '3.json'])
})

test('run again, it does only what is new', async () => {
  const { home, input, output } = createInput()
  await encrypt(home, ['plain', 'encrypted'])
  const before = readEnvelope(output, '1.json')
  put(input, '2.json', signedExit(2))

  const again = await encrypt(home, ['plain', 'encrypted'])

  expect(again).toEqual({
    code: 0,
    output: '1 of 2 files encrypted into encrypted, 1 encrypted before, 0 rejected\n',
  })
  expect(readEnvelope(output, '1.json')).toEqual(before)

  put(input, '1.json', signedExit(3))
  expect((await encrypt(home, ['plain', 'encrypted'])).code).toBe(1)
  expect(readEnvelope(output, '1.json')).toEqual(before)
})

test('the two folders must not be one, by whatever name', async () => {
  const { home, input } = createInput()
  symlinkSync(input, join(home, 'link'))

  for (const output of ['plain', './plain/', 'link']) {
    const { code, output: said } = await encrypt(home, ['plain', output])
    expect(said).toContain('are the same folder')
    expect(code).toBe(2)
  }
  expect(namesIn(input)).toEqual(['1.json'])
})

test.each([
  ['no folders', [], {}, "missing required argument 'input'"],
  ['three folders', ['plain', 'a', 'b'], {}, "too many arguments for 'encrypt'"],
  ['an unknown option', ['plain', 'encrypted', '--fast'], {}, "unknown option '--fast'"],
  ['another KDF', ['plain', 'encrypted', '--kdf', 'md5'], {}, 'Allowed choices are pbkdf2, scrypt'],
  [
    'no input',
    ['nowhere', 'encrypted'],
    {},
    'encrypt: cannot read the input folder nowhere: ENOENT',
  ],
  ['an empty input', ['empty', 'encrypted'], {}, 'there is no *.json file in empty'],
  ['no password', ['plain', 'encrypted'], { MESSAGES_PASSWORD: '' }, 'set MESSAGES_PASSWORD'],
  [
    'control characters only',
    ['plain', 'encrypted'],
    { MESSAGES_PASSWORD: '\t\u0085' },
    'the password holds control characters only',
  ],
  [
    'no password file',
    ['plain', 'encrypted'],
    { MESSAGES_PASSWORD: '', MESSAGES_PASSWORD_FILE: 'nowhere' },
    'MESSAGES_PASSWORD_FILE: cannot read the file nowhere: ENOENT',
  ],
  [
    'a password that is no text',
    ['plain', 'encrypted'],
    { MESSAGES_PASSWORD: '', MESSAGES_PASSWORD_FILE: 'latin1.txt' },
    'the password is not UTF-8',
  ],
])('%s: nothing is begun', async (_name, args, env, said) => {
  const { home } = createInput()
  mkdirSync(join(home, 'empty'))
  put(home, 'latin1.txt', Buffer.from('h\xe4llo', 'latin1'))

  const { code, output } = await encrypt(home, args, { MESSAGES_PASSWORD: PASSWORD, ...env })

  expect(output).toContain(said)
  expect(output).toMatch(/^✗ /)
  expect(output).not.toContain(PASSWORD)
  expect(code).toBe(2)
  expect(namesIn(home)).toEqual(['empty', 'latin1.txt', 'plain'])
})

test('interrupted, it leaves whole files only', async () => {
  const { home, input, output } = createInput()
  const count = 3_000
  const text = JSON.stringify(signedExit(1))
  for (let i = 0; i < count; i += 1) put(input, `many-${i}.json`, text)
  const { child, ended } = startEncrypt(home, ['plain', 'encrypted'])
  await until('the first file', () => namesIn(output).some((name) => name.endsWith('.json')))

  child.kill('SIGINT')
  // Somebody impatient.
  child.kill('SIGINT')
  const { code, stderr: said } = await ended

  expect(said).toContain('interrupted: what is there is whole; run it again for the rest')
  expect(code).toBe(130)
  const names = namesIn(output)
  expect(names.length).toBeLessThan(count)
  for (const name of names) {
    expect(name).toMatch(/\.json$/)
    expect(readEnvelope(output, name).version).toBe(4)
  }
})
