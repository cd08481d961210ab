import { afterEach, describe, expect, test } from 'vitest'
import type { SimModule } from '../sim/contracts.ts'
import { createWorld, type World } from '../support/world.ts'
import { check, envOf, inFolder, marked, runHere } from './command.ts'

let world: World
afterEach(() => world.close())

const UNKNOWN = `0x${'ab'.repeat(48)}`

/** Operator 5 has 21 validators, 0 to 20, and a key without one; 0 and 2 have messages. */
async function setUp() {
  world = await createWorld({ beacon: { validators: 30, epoch: 10_000 } })
  const [module] = world.chain.modules as [SimModule]
  module.keys = {
    5: [...Array.from({ length: 21 }, (_, index) => world.beacon.pubkey(index)), UNKNOWN],
    6: [world.beacon.pubkey(25)],
  }
  for (const index of [0, 2]) world.writeMessage(index)
  return module
}

const next = (args: readonly string[] = [], more: NodeJS.ProcessEnv = {}) =>
  inFolder(world.home, () => runHere(['next', ...args], envOf(world, more)))

const linesOf = ({ stdout }: { readonly stdout: string }) => stdout.split('\n').filter(Boolean)

describe('next', () => {
  test('lists the first tenth as plain lines in a pipe', async () => {
    await setUp()
    const ended = await next()
    expect(ended.code).toBe(0)
    expect(linesOf(ended)).toEqual(
      [
        [0, '0.json'],
        [1, 'missing'],
        [2, '2.json'],
      ].map(([index, file]) =>
        [index, world.beacon.pubkey(Number(index)), 'active_ongoing', 1, 5, file].join('\t'),
      ),
    )
  })

  test('lists them as a table on a terminal', async () => {
    await setUp()
    const { stdout } = await inFolder(world.home, () =>
      runHere(['next', '--count', '2'], envOf(world), undefined, false, true),
    )
    const short = (index: number) => {
      const pubkey = world.beacon.pubkey(index)
      return `${pubkey.slice(0, 10)}…${pubkey.slice(-5)}`
    }
    expect(stdout.split('\n').filter(Boolean)).toEqual([
      'validator  public key        status          module  operator  message',
      `0          ${short(0)}  active_ongoing  1       5         0.json`,
      `1          ${short(1)}  active_ongoing  1       5         missing`,
    ])
  })

  test('--missing begins with the next one to sign', async () => {
    await setUp()
    expect(linesOf(await next(['--missing', '--format', 'indices']))).toEqual(['1'])
    const all = await next(['--missing', '--percent', '20', '--format', 'indices'])
    expect(linesOf(all)).toEqual(['1', '3', '4'])
  })

  test('leaves out what was asked for', async () => {
    await setUp()
    world.ask(world.requestOf(0))
    expect(linesOf(await next(['--count', '2', '--format', 'indices']))).toEqual(['1', '2'])
  })

  test('as JSON, as public keys, and unsigned', async () => {
    await setUp()
    const json = await next(['--count', '2', '--format', 'json'])
    expect(JSON.parse(json.stdout)).toEqual([
      {
        module: 1,
        operator: 5,
        validatorIndex: 0,
        key: world.beacon.pubkey(0),
        status: 'active_ongoing',
        signed: true,
        file: '0.json',
      },
      expect.objectContaining({ validatorIndex: 1, signed: false, file: null }),
    ])
    const all = await next(['--count', '99', '--format', 'pubkeys'])
    expect(linesOf(all)).toHaveLength(22)
    expect(linesOf(all).at(-1)).toBe(UNKNOWN)
    const unsigned = await next(['--percent', '100', '--format', 'unsigned'])
    expect(JSON.parse(unsigned.stdout)).toHaveLength(21)
    expect(JSON.parse(unsigned.stdout)[20]).toEqual({ validator_index: '20', epoch: '10000' })
  })

  test('of an operator that is not in the scope', async () => {
    await setUp()
    const ended = await next(['--module', '1', '--operator', '6', '--json'])
    expect(JSON.parse(ended.stdout)).toMatchObject([{ operator: 6, validatorIndex: 25 }])
  })

  test('needs no MESSAGES_LOCATION but for --missing', async () => {
    await setUp()
    const without = { MESSAGES_LOCATION: '' }
    const ended = await next(['--format', 'json'], without)
    expect(ended.code).toBe(0)
    expect(JSON.parse(ended.stdout)[0]).toMatchObject({ signed: null, file: null })

    const missing = await next(['--missing'], without)
    expect(missing).toMatchObject({ code: 2, stdout: '' })
    expect(missing.stderr).toContain('set MESSAGES_LOCATION')
  })

  test('an operator that cannot be read is told, and ends it with 1', async () => {
    const module = await setUp()
    world.chain.contracts.set(module.address, () => undefined)
    const ended = await next(['--format', 'json'])
    expect(ended).toMatchObject({ code: 1, stdout: '[]\n' })
    expect(ended.stderr).toMatch(/! operator 5 of module 1: the module does not tell/)
  })

  test.each([
    [['--module', '1'], 'give both --module and --operator'],
    [['--count', '1', '--percent', '1'], 'give one of them'],
    [['--percent', '-1'], 'is not a whole number'],
    [['--format', 'xml'], 'xml'],
  ])('%j is a mistake', async (args, words) => {
    await setUp()
    const ended = await next(args)
    expect(ended).toMatchObject({ code: 2, stdout: '' })
    expect(ended.stderr).toContain(words)
  })
})

describe('check', () => {
  const about = (ended: { readonly stdout: string }, mark: '✓' | '!') =>
    marked(ended, mark).find((line) => line.includes('operator 5 of module 1'))

  test('tells how many of the next tenth are signed, and the first one that lacks a message', async () => {
    await setUp()
    const ended = await check(world)
    expect(about(ended, '!')).toBe(
      '! operator 5 of module 1: the next 10 % are 3 keys, 2 signed; the first one that lacks a message is 1\n' +
        '  → sign these next: validator-ejector next --missing --module 1 --operator 5',
    )
    expect(ended.code).toBe(0)
  })

  test('is content when they are, and tells what the module wants without demand', async () => {
    const module = await setUp()
    module.targets = { 5: 20 }
    world.writeMessage(1)
    expect(about(await check(world), '✓')).toBe(
      '✓ operator 5 of module 1: the next 10 % are 3 keys, all signed; 3 in a row can be served; the module wants 2 to exit whatever the demand',
    )
  })
})
