import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv } from 'ajv'
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { readSignature } from '../../src/messages/shapes.ts'
import { interopPubkey } from '../sim/beacon-keys.ts'
import type { startHttpServer } from '../sim/http-server.ts'
import { startWeb3Signer, type Web3SignerSettings } from '../sim/web3signer.ts'
import { until } from '../support/until.ts'
import { createWorld, type World } from '../support/world.ts'
import vectors from '../vectors/web3signer.json' with { type: 'json' }
import { startCommand } from './command.ts'
import { namesIn, sign, signingEnv } from './sign-support.ts'

let world: World
beforeEach(async () => {
  world = await createWorld()
})
afterEach(() => world.close())

async function web3Signer(settings: Web3SignerSettings) {
  const signer = await startWeb3Signer(settings)
  onTestFinished(() => signer.close())
  return signer as Awaited<ReturnType<typeof startHttpServer>>
}
const by = (url: string, indices: string) => ['--signer', url, '--indices', indices, 'out']
const messageOf = (index: number) =>
  JSON.parse(readFileSync(join(world.home, 'out', `${index}.json`), 'utf8'))
const signed = (index: number) => world.beacon.signExit(index, { epoch: 1000 })

test.each(['text', 'json'] as const)('signs, and answers as %s', async (form) => {
  const { url } = await web3Signer({ keys: [2, 3], form })

  const { code, stdout } = await sign(world, by(url, '2,3'))

  expect([code, stdout]).toEqual([0, '2 of 2 messages signed into out, 0 failed\n'])
  expect([messageOf(2), messageOf(3)]).toEqual([signed(2), signed(3)])
})

test('is asked as its OpenAPI text says, for the version of Capella alone (EIP-7044)', async () => {
  const signer = await web3Signer({ keys: [2] })

  await sign(world, by(`${signer.url}/`, '2'))

  const [call] = signer.calls
  expect(call).toMatchObject({ method: 'POST', path: expect.stringMatching(vectors.path) })
  expect(call?.path).toContain(interopPubkey(2))
  expect(call?.headers['content-type']).toBe('application/json')
  const body = JSON.parse(call?.body ?? '')
  const ajv = new Ajv()
  expect(ajv.validate(vectors.request, body), ajv.errorsText()).toBe(true)
  expect(body.fork_info.fork).toEqual({
    previous_version: '0x40000910',
    current_version: '0x40000910',
    epoch: '0',
  })
  expect(body.fork_info.genesis_validators_root).toBe(world.beacon.genesisValidatorsRoot)
  expect(body.voluntary_exit).toEqual({ epoch: '1000', validator_index: '2' })
})

test('both forms of its answer are read', () => {
  const signature = vectors.answers['text/plain']
  expect(Object.values(vectors.answers).map(readSignature)).toEqual([signature, signature])
  expect(readSignature(`${signature}\n`)).toBe(signature)
})

test('--dry-run asks for its keys, and for no signature', async () => {
  const signer = await web3Signer({ keys: [2] })

  const { code, stdout, stderr, files } = await sign(world, [...by(signer.url, '2,3'), '--dry-run'])

  expect(stdout).toContain('1 of 2 messages would be signed into out, 1 failed')
  expect(stderr).toContain(`does not know the key ${interopPubkey(3)}`)
  expect([code, files]).toEqual([1, []])
  expect(signer.calls.map(({ path }) => path)).toEqual([vectors.keys])
})

describe('each fault by itself', () => {
  test('a key that it does not know, and slashing protection, stop no other', async () => {
    const { url } = await web3Signer({ keys: [2, 3], protects: [2] })

    const { code, stderr, files } = await sign(world, by(url, '1,2,3'))

    expect(stderr).toMatch(/✗ validator 1: \S+ answers 404: it does not know the key\n {2}→ load/)
    expect(stderr).toMatch(/✗ validator 2: \S+ answers 412: its slashing protection rejects it\n/)
    expect([code, files]).toEqual([1, ['3.json']])
  })

  test.each([
    [{ signsAs: 5 }, 'the signature is of no use: signature does not match'],
    [{ forkVersion: '0x60000910' }, 'the signature is of no use: signature does not match'],
    [{ form: 'nonsense' }, 'answers something else than a signature: hello'],
  ] as const)('%j: nothing is written', async (settings, why) => {
    const { url } = await web3Signer({ keys: [2], ...settings })

    const { code, stderr, files } = await sign(world, by(url, '2'))

    expect(stderr).toContain(why)
    expect(stderr).toContain('\n  → ')
    expect([code, files]).toEqual([1, []])
  })

  test.each([
    [400, 'it rejects the request'],
    [500, 'answers 500: no luck'],
  ])('%i is told', async (status, why) => {
    const signer = await web3Signer({ keys: [2, 3] })
    signer.faults.add({ kind: 'status', status, body: 'no luck', times: 1 })

    const { code, stderr, files } = await sign(world, by(signer.url, '2,3'))

    expect(stderr).toContain(why)
    expect([code, files]).toEqual([1, ['3.json']])
  })

  test('one that breaks off later costs its own message only', async () => {
    const signer = await web3Signer({ keys: [2, 3, 4] })
    signer.faults.add({ kind: 'reset', match: { path: new RegExp(interopPubkey(3)) } })

    const { code, stderr, files } = await sign(world, by(signer.url, '2,3,4'))

    expect(stderr).toMatch(/✗ validator 3: \S+ cannot be reached: /)
    expect([code, files]).toEqual([1, ['2.json', '4.json']])
  })
})

test('one that is down is told once', async () => {
  const signer = await web3Signer({ keys: [2, 3] })
  await signer.refuse()

  const { code, stderr } = await sign(world, by(signer.url, '2,3'))

  expect(stderr).toMatch(
    /^✗ sign: 127\.0\.0\.1:\d+ cannot be reached: .*ECONNREFUSED.*\n {2}→ .*\n$/,
  )
  expect(code).toBe(1)
})

test('a token lets us in, and is shown nowhere', async () => {
  const { url } = await web3Signer({ keys: [2], token: 'open-sesame-1' })
  writeFileSync(join(world.home, 'token'), 'open-sesame-1\n')
  writeFileSync(join(world.home, 'wrong'), 'open-sesame-2\n')

  const refused = await sign(world, [...by(url, '2'), '--token-file', 'wrong', '--debug'])
  expect(refused.stderr).toMatch(/answers 401: it does not let us in\n {2}→ look at --token-file/)
  expect(refused.all).not.toContain('sesame')
  expect(refused.code).toBe(1)

  expect((await sign(world, [...by(url, '2'), '--token-file', 'token'])).code).toBe(0)
})

/** A CA, a certificate of the signer and one of a client, and what no CA of these signed. */
function makeCertificates(folder: string) {
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2']
  const make = (name: string, ...more: readonly string[]) =>
    execFileSync(
      'openssl',
      [
        'req',
        '-x509',
        ...key,
        '-subj',
        `/CN=${name}`,
        '-keyout',
        `${name}.key`,
        '-out',
        `${name}.crt`,
        ...more,
      ],
      { cwd: folder, stdio: 'pipe' },
    )
  const byCa = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-addext', 'basicConstraints=CA:FALSE']
  make('ca')
  make('signer', ...byCa, '-addext', 'subjectAltName=IP:127.0.0.1')
  make('client', ...byCa)
  make('stranger')
  return (name: string) => readFileSync(join(folder, name), 'utf8')
}

describe('TLS with a client certificate', () => {
  const CERTIFICATE = ['--tls-cert', 'client.crt', '--tls-key', 'client.key']
  const CA = ['--tls-ca', 'ca.crt']
  async function setUp() {
    const read = makeCertificates(world.home)
    const [cert, key, ca] = ['signer.crt', 'signer.key', 'ca.crt'].map(read) as [
      string,
      string,
      string,
    ]
    const signer = await startWeb3Signer({ keys: [2] }, { cert, key, ca })
    onTestFinished(() => signer.close())
    return by(signer.url, '2')
  }

  test('signs', async () => {
    const { code, stderr } = await sign(world, [...(await setUp()), ...CERTIFICATE, ...CA])

    expect(stderr).not.toContain('✗')
    expect(code).toBe(0)
    expect(messageOf(2)).toEqual(signed(2))
  })

  test.each([
    ['no CA', CERTIFICATE],
    ['no certificate', CA],
    [
      'the certificate of a stranger',
      [...CA, '--tls-cert', 'stranger.crt', '--tls-key', 'stranger.key'],
    ],
  ])('%s: says what to give', async (_, options) => {
    const { code, stderr, files } = await sign(world, [...(await setUp()), ...options])

    expect(stderr).toMatch(
      /✗ sign: 127\.0\.0\.1:\d+ cannot be reached: .*\n {2}→ .*--tls-ca.*--tls-cert/,
    )
    expect([code, files]).toEqual([1, []])
  })

  test('a key of another certificate, or what is no PEM, is told before anything is asked', async () => {
    const args = await setUp()
    for (const key of ['stranger.key', 'ca.crt']) {
      const { code, stderr } = await sign(world, [
        ...args,
        '--tls-cert',
        'client.crt',
        '--tls-key',
        key,
      ])
      expect(stderr).toContain('--tls-cert, --tls-key or --tls-ca cannot be used')
      expect(code).toBe(2)
    }
  })
})

test('Ctrl-C leaves whole files only, and code 130', async () => {
  const signer = await web3Signer({ keys: [2, 3, 4] })
  signer.faults.add({ kind: 'hang', match: { path: new RegExp(interopPubkey(4)) } })
  const command = startCommand(['sign', ...by(signer.url, '2,3,4')], signingEnv(world), world.home)
  await until('the last one is asked for', () => signer.calls.length === 3)
  await until('the others are written', () => {
    const names = namesIn(join(world.home, 'out'))
    return names.filter((name) => name.endsWith('.json')).length === 2
  })

  command.child.kill('SIGINT')
  const { code, stdout, stderr } = await command.ended

  expect(stderr).toContain('interrupted: what is there is whole')
  expect(stdout).toBe('2 of 3 messages signed into out, 0 failed\n')
  expect(code).toBe(130)
  expect(namesIn(join(world.home, 'out'))).toEqual(['2.json', '3.json'])
})
