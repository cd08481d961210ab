import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest'
import type { SimModule } from '../sim/contracts.ts'
import { startWeb3Signer } from '../sim/web3signer.ts'
import { createWorld, OURS, type World } from '../support/world.ts'
import { envOf, inFolder, runHere } from './command.ts'
import { namesIn } from './sign-support.ts'

const KEYS = [21, 4, 9, 12, 3, 17, 8, 30, 25, 11]

let world: World
beforeEach(async () => {
  world = await createWorld({
    beacon: { validators: 40 },
    execution: { modules: [{ id: 1 }, { id: 2 }] },
  })
  const keysOf = (indices: readonly number[]) => indices.map((index) => world.beacon.pubkey(index))
  const module = world.chain.modules[0] as SimModule
  Object.assign(module, { keys: { [OURS.operatorId]: keysOf(KEYS), 6: keysOf([33]) } })
})
afterEach(() => world.close())

/** As on the machine of the daemon, with a signer that has every key. */
async function signNext(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const signer = await startWeb3Signer({ keys: [...KEYS, 33] })
  onTestFinished(() => signer.close())
  const command = ['sign', '--signer', signer.url, ...args]
  return inFolder(world.home, () => runHere(command, envOf(world, env)))
}

test('without --indices it signs for the first tenth of the operator', async () => {
  const { code, stdout } = await signNext(['out'])

  expect(stdout).toBe('1 of 1 messages signed into out, 0 failed\n')
  expect([code, namesIn(join(world.home, 'out'))]).toEqual([0, ['3.json']])
})

test('--missing leaves out what is signed, wherever the messages are', async () => {
  for (const index of [3, 8]) world.writeMessage(index)

  const { code } = await signNext(['--missing', '--count', '4', 'out'])

  expect([code, namesIn(join(world.home, 'out'))]).toEqual([0, ['4.json', '9.json']])
})

test('without MESSAGES_LOCATION the output is what is compared', async () => {
  const nowhere = { MESSAGES_LOCATION: '' }
  mkdirSync(join(world.home, 'out'))
  await signNext(['--missing', '--count', '2', 'out'], nowhere)
  expect(namesIn(join(world.home, 'out'))).toEqual(['3.json', '4.json'])

  const { code, stdout } = await signNext(['--missing', '--count', '3', 'out'], nowhere)

  expect([code, stdout]).toEqual([0, '1 of 1 messages signed into out, 0 failed\n'])
  expect(namesIn(join(world.home, 'out'))).toEqual(['3.json', '4.json', '8.json'])
})

test('--module and --operator name somebody else, --percent how many', async () => {
  await signNext(['--module', '1', '--operator', '6', '--percent', '100', 'out'])

  expect(namesIn(join(world.home, 'out'))).toEqual(['33.json'])
})

test('a list that could not be read whole is no success', async () => {
  const scope = { EJECTOR_SCOPE: '{"1":[5],"7":[1]}' }

  const { code, stdout, stderr } = await signNext(['out'], scope)

  expect(stderr).toMatch(/^! .*module 7/m)
  expect(stdout).toBe('1 of 1 messages signed into out, 0 failed\n')
  expect(code).toBe(1)
})

test.each([
  [['--indices', '3', '--missing', 'out'], '--missing and --indices say two things'],
  [['--module', '1', 'out'], 'an operator has its id within a module'],
  [['--count', '1', '--percent', '2', 'out'], '--count and --percent say two things'],
  [['--count', 'x', 'out'], '--count: "x" is not a whole number'],
])('%j: what is wrong, what to do, and code 2', async (args, what) => {
  const { code, stdout, stderr } = await signNext(args)

  expect(stderr).toContain(what)
  expect(stderr).toContain('\n  → ')
  expect([code, stdout]).toEqual([2, ''])
})
