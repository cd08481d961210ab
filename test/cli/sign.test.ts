import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { decrypt } from '@chainsafe/bls-keystore'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { SCRYPT } from '../messages/fixtures.ts'
import { interopPubkey } from '../sim/beacon-keys.ts'
import { until } from '../support/until.ts'
import { createWorld, type World, type WorldOptions } from '../support/world.ts'
import { inFolder, runHere } from './command.ts'
import { KEYSTORE_PASSWORD, putKeystore, sign, signingEnv } from './sign-support.ts'

let world: World
const setUp = async (options?: WorldOptions) => {
  await world.close()
  world = await createWorld(options)
}
beforeEach(async () => {
  world = await createWorld()
})
afterEach(() => world.close())

const ours = (indices: string) => ['--signer', 'keys', '--indices', indices, 'out']
const messageOf = (index: number) =>
  JSON.parse(readFileSync(join(world.home, 'out', `${index}.json`), 'utf8'))

test('keystores sign, with scrypt and PBKDF2, and the daemon takes what came out', async () => {
  await putKeystore(world, 2)
  await putKeystore(world, 3, { kdf: SCRYPT, beside: undefined })
  writeFileSync(join(world.home, 'common.txt'), KEYSTORE_PASSWORD)
  writeFileSync(join(world.home, 'keys', 'deposit_data-1.json'), '[{"pubkey":"x"}]')

  const args = [...ours('2,3'), '--keystore-password-file', 'common.txt']
  const { code, stdout, stderr, files } = await sign(world, args)

  expect(stderr).toContain('! the messages are not encrypted')
  expect(stdout).toBe('2 of 2 messages signed into out, 0 failed\n')
  expect([code, files]).toEqual([0, ['2.json', '3.json']])
  expect(messageOf(2)).toEqual(world.beacon.signExit(2, { epoch: 1000 }))
  expect(statSync(join(world.home, 'out', '2.json')).mode & 0o777).toBe(0o600)

  world.ask(world.requestOf(2), world.requestOf(3))
  await world.start({ MESSAGES_LOCATION: join(world.home, 'out') })
  await until('both exits are accepted', () => world.beacon.accepted.length === 2)
})

test('a password encrypts them, and the daemon takes those too', async () => {
  await putKeystore(world, 4)
  const env = { MESSAGES_PASSWORD: 'of the messages' }

  const { code, stderr } = await sign(world, ours('4'), env)

  expect([code, stderr]).toEqual([0, ''])
  const content = await decrypt(messageOf(4), 'of the messages')
  expect(JSON.parse(Buffer.from(content).toString())).toEqual(
    world.beacon.signExit(4, { epoch: 1000 }),
  )

  world.ask(world.requestOf(4))
  await world.start({ ...env, MESSAGES_LOCATION: join(world.home, 'out') })
  await until('the exit is accepted', () => world.beacon.accepted.length === 1)
})

describe('what is there', () => {
  test('stays, and counts if it is the message of this validator', async () => {
    await putKeystore(world, 2)
    const env = { MESSAGES_PASSWORD: 'of the messages' }
    await sign(world, ours('2'), env)
    const before = messageOf(2)

    const again = await sign(world, ours('2'), env)
    expect(again).toMatchObject({
      code: 0,
      stdout: '0 of 1 messages signed into out, 1 there before, 0 failed\n',
    })
    expect(messageOf(2)).toEqual(before)

    const withoutPassword = await sign(world, ours('2'))
    expect(withoutPassword.stderr).toContain('validator 2: out/2.json is there')
    expect(withoutPassword.stderr).toContain('MESSAGES_PASSWORD')
    expect(withoutPassword.code).toBe(1)
    expect(messageOf(2)).toEqual(before)
  })

  test.each([
    ['something else', () => 'not JSON'],
    ['the message of another', () => JSON.stringify(world.beacon.signExit(5))],
    [
      'one that nobody signed',
      () =>
        JSON.stringify({ ...world.beacon.signExit(5), message: world.beacon.signExit(2).message }),
    ],
  ])('%s is not replaced, and no success', async (_, content) => {
    await putKeystore(world, 2)
    await putKeystore(world, 3)
    await sign(world, ours('3'))
    const text = content()
    writeFileSync(join(world.home, 'out', '2.json'), text)

    const { code, stderr, stdout } = await sign(world, ours('2,3'))

    expect(stderr).toContain('✗ validator 2: out/2.json is there')
    expect(stdout).toBe('0 of 2 messages signed into out, 1 there before, 1 failed\n')
    expect(code).toBe(1)
    expect(readFileSync(join(world.home, 'out', '2.json'), 'utf8')).toBe(text)
  })
})

test('one that fails stops no other, and each says why and what to do', async () => {
  await putKeystore(world, 1, { password: 'another', beside: 'wrong' })
  await putKeystore(world, 2, { beside: undefined })
  await putKeystore(world, 4, { pubkey: interopPubkey(5) })
  await putKeystore(world, 6)
  await putKeystore(world, 7)
  writeFileSync(
    join(world.home, 'keys', 'keystore-7.json'),
    JSON.stringify({ crypto: {}, pubkey: interopPubkey(7).slice(2) }),
  )

  const { code, stdout, stderr, files } = await sign(world, ours('1,2,3,5,6,7,77'))

  const lines = stderr.split('\n')
  expect(lines).toEqual(
    expect.arrayContaining([
      '✗ validator 1: the password does not open keystore keystore-1.json',
      '  → correct keystore-1.txt beside it, or --keystore-password-file',
      '✗ validator 2: keystore keystore-2.json has no password',
      expect.stringMatching(/^✗ validator 3: no keystore of 5 in keys is of the key 0x/),
      '✗ validator 5: keystore keystore-4.json holds another key than it names',
      expect.stringMatching(/^✗ validator 7: keystore keystore-7.json cannot be used: kdf is not/),
      '✗ validator 77: the consensus nodes know no validator with this index',
    ]),
  )
  expect(stdout).toBe('1 of 7 messages signed into out, 6 failed\n')
  expect([code, files]).toEqual([1, ['6.json']])
})

test('a validator that exits already needs no message', async () => {
  await setUp({ beacon: { validators: [{}, { exitEpoch: 900 }] } })
  await putKeystore(world, 0)

  const { code, stdout, files } = await sign(world, ours('1'))

  expect(stdout).toBe('0 of 1 messages signed into out, 1 exiting already, 0 failed\n')
  expect([code, files]).toEqual([0, []])
})

test('--dry-run says what it would do, and signs and writes nothing', async () => {
  await putKeystore(world, 2)
  const dry = [...ours('2,3'), '--dry-run']

  const { code, stdout, stderr, files } = await sign(world, dry)

  expect(stdout).toBe(
    `validator 2, ${interopPubkey(2)}: 2.json\n1 of 2 messages would be signed into out, 1 failed\n`,
  )
  expect(stderr).toContain('✗ validator 3: no keystore of 1')
  expect([code, files]).toEqual([1, []])

  const { stdout: told } = await sign(world, [...dry, '--json'])
  expect(JSON.parse(told)).toEqual({
    output: 'out',
    dryRun: true,
    epoch: '1000',
    planned: [2],
    kept: [],
    exiting: [],
    failed: [
      {
        validatorIndex: 3,
        why: expect.stringContaining('no keystore of 1'),
        remedy: expect.stringContaining('--signer'),
      },
    ],
  })
})

test('shows a bar on a terminal, and none in a pipe', async () => {
  for (const index of [2, 3]) await putKeystore(world, index)
  const run = (isTty: boolean, output: string) =>
    inFolder(world.home, () =>
      runHere(
        ['sign', ...ours('2,3').slice(0, -1), output],
        signingEnv(world),
        undefined,
        false,
        isTty,
      ),
    )

  expect((await run(true, 'shown')).stderr).toMatch(/signing .*\b2\/2\b/)
  expect((await run(false, 'out')).stderr).not.toContain('signing')
})

test('before Deneb the current fork of the chain signs, and the daemon takes it', async () => {
  await setUp({ beacon: { validators: 20, denebForkEpoch: undefined } })
  await putKeystore(world, 2)

  expect((await sign(world, ours('2'))).code).toBe(0)

  expect(messageOf(2)).toEqual(
    world.beacon.signExit(2, { epoch: Number(messageOf(2).message.epoch) }),
  )
  world.ask(world.requestOf(2))
  await world.start({ MESSAGES_LOCATION: join(world.home, 'out') })
  await until('it has left', () => world.beacon.accepted.some(({ index }) => index === 2))
})

test('--json is one object, and nothing else', async () => {
  await putKeystore(world, 2)

  const { code, stdout } = await sign(world, [...ours('2'), '--json'])

  expect(JSON.parse(stdout)).toMatchObject({ dryRun: false, signed: [2], failed: [] })
  expect(stdout).not.toContain(messageOf(2).signature)
  expect(code).toBe(0)
})

describe('what the nodes say', () => {
  const finality = /finality_checkpoints$/
  const claim = (epoch: string) => (body: { data: { finalized: { epoch: string } } }) => {
    body.data.finalized.epoch = epoch
    return body
  }

  test('an epoch to come is not believed: the message counts today', async () => {
    await putKeystore(world, 2)
    world.consensus.onResult(finality, claim('99999999'))

    await sign(world, ours('2'))

    expect(Number(messageOf(2).message.epoch)).toBeLessThanOrEqual(1000)
  })

  test('a validator whose key they differ on is not signed for', async () => {
    await setUp({ beaconNodes: [{}, {}] })
    await putKeystore(world, 2)
    world.beaconNodes[1]?.onResult(/validators$/, (body) => {
      for (const { validator } of body.data) validator.pubkey = interopPubkey(3)
      return body
    })

    const { code, stderr, files } = await sign(world, ours('2'))

    expect(stderr).toContain('✗ validator 2: the consensus nodes differ on its public key')
    expect([code, files]).toEqual([1, []])
  })

  test('nodes that name different domains stop it', async () => {
    await setUp({ beaconNodes: [{}, {}] })
    await putKeystore(world, 2)
    world.beaconNodes[1]?.onResult(/genesis$/, (body) => {
      body.data.genesis_validators_root = `0x${'77'.repeat(32)}`
      return body
    })

    const { code, stderr, files } = await sign(world, ours('2'))

    expect(stderr).toMatch(/✗ sign: the nodes name 2 domains .*\n {2}→ set CONSENSUS_NODE/)
    expect([code, files]).toEqual([1, []])
  })

  test('a dead node beside a good one is passed over; alone it is told', async () => {
    await setUp({ beaconNodes: [{}, {}] })
    await putKeystore(world, 2)
    await putKeystore(world, 3)
    await world.beaconNodes[0]?.refuse()
    expect((await sign(world, ours('2'))).code).toBe(0)

    await world.beaconNodes[1]?.refuse()
    const { code, stderr } = await sign(world, ours('3'))
    expect(stderr).toContain('✗ sign: no consensus node can be used: ')
    expect(stderr).toContain('ECONNREFUSED')
    expect(code).toBe(1)
  })
})

test.each([
  [['--indices', '1', 'out'], "required option '--signer <URL or folder>'"],
  [['--signer', 'keys', '--indices', '1,x', 'out'], '--indices: "1,x" is no list'],
  [
    ['--signer', 'nowhere', '--indices', '1', 'out'],
    'the folder of keystores nowhere cannot be read',
  ],
  [['--signer', 'ftp://x', '--indices', '1', 'out'], '--signer is neither'],
  [['--signer', 'http://x', '--tls-ca', 'f', '--indices', '1', 'out'], '--tls-… needs a --signer'],
  [['--signer', 'https://x', '--tls-cert', 'f', '--indices', '1', 'out'], 'belong together'],
  [
    ['--signer', 'https://x', '--tls-ca', 'f', '--indices', '1', 'out'],
    '--tls-ca: f cannot be read',
  ],
  [['--signer', 'keys', '--token-file', 'f', '--indices', '1', 'out'], 'for a Web3Signer'],
  [
    ['--signer', 'http://x', '--keystore-password-file', 'f', '--indices', '1', 'out'],
    'is for a folder of keystores',
  ],
])('%j: what is wrong, what to do, and code 2', async (args, what) => {
  const { code, stdout, stderr } = await sign(world, args)

  expect(stderr).toContain(what)
  expect(stderr).toContain('\n  → ')
  expect([code, stdout]).toEqual([2, ''])
})

test('without a consensus node nothing is begun', async () => {
  const { code, stderr } = await sign(world, ours('1'), { CONSENSUS_NODE: '' })

  expect(stderr).toMatch(/✗ configuration: CONSENSUS_NODE: is required/)
  expect(code).toBe(2)
})
