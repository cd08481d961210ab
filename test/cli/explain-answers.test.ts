import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { seededWallet } from '../sim/ledger.ts'
import { until } from '../support/until.ts'
import { createWorld, type World, type WorldOptions } from '../support/world.ts'
import { createExplain, type Ended, paragraph, startExplain } from './explain-support.ts'

let world: World
const setUp = async (options?: WorldOptions) => {
  world = await createWorld(options)
  return world
}
afterEach(() => world.close())

const { envOf, explain, explained, storyOf } = createExplain(() => world)

const isoOf = (seconds: number) => new Date(seconds * 1_000).toISOString()

describe('a validator that nobody asked for', () => {
  test('is said to be, with the blocks that were read, its state and its message', async () => {
    await setUp()
    world.writeMessage(2)
    world.ask(world.requestOf(1))

    const ended = await explained(2)

    expect(ended.code).toBe(1)
    expect(paragraph(ended, 'Requested').join()).toMatch(
      /^never within the blocks .* \d+ to \d+,for any operator; a larger BLOCKS_PRELOAD reads further back$/,
    )
    expect(paragraph(ended, 'Message').join()).toContain('✓ 2.json')
    expect(paragraph(ended, 'Registry').join()).toContain('active_ongoing, not exiting')
  })

  test('may be unknown to the registry too', async () => {
    await setUp()

    const byIndex = await explained(9_999)
    const byKey = await explained(`0x${'ab'.repeat(48)}`)

    expect([byIndex.code, byKey.code]).toEqual([1, 1])
    expect(paragraph(byIndex, 'Registry').join()).toContain('does not know it')
    expect(paragraph(byKey, 'Message').join()).toContain('its index is not known')
  })
})

describe('a validator of another operator', () => {
  test.each(['in the journal of an earlier scope', 'on the chain only'])(
    'than those of EJECTOR_SCOPE is found %s, and nothing is promised',
    async (where) => {
      await setUp()
      world.writeMessage(1)
      const other = { ...world.requestOf(1), operatorId: 7 }
      const { dataTransaction } = world.ask(other)
      const STATE_FILE = join(world.home, 'state.sqlite')
      if (where.includes('journal')) {
        const app = await world.start({ STATE_FILE, EJECTOR_SCOPE: '{"1":[7]}', DRY_RUN: 'true' })
        await until('it is proven', () => app.said('exit request proven').length > 0)
        await app.end()
      }

      const ended = await explained(1, { STATE_FILE })

      expect(ended.code).toBe(0)
      const requested = paragraph(ended, 'Requested').join('\n')
      expect(requested).toContain('of module 1, operator 7: not one of EJECTOR_SCOPE')
      expect(requested).toContain(dataTransaction.hash)
      expect(paragraph(ended, 'Proof').join()).toContain('✓ a report of the oracle')
      const next = paragraph(ended, 'Next').join()
      expect(next).toContain('EJECTOR_SCOPE does not name operator 7 of module 1')
      expect(next).not.toContain('next cycle')
    },
  )
})

test('a validator that has exited needs no message', async () => {
  await setUp()
  world.beacon.setValidator(1, { exitEpoch: 990 })

  const ended = await explained(1)

  expect(paragraph(ended, 'Message')).toEqual([
    'none is needed any more: the validator is exiting, or has exited',
  ])
})

describe('why nothing is sent:', () => {
  const why = async (who = 1, more: NodeJS.ProcessEnv = {}) =>
    (await storyOf(who, more)).requests[0]

  test('a report of strangers is not proven, by code and words', async () => {
    await setUp()
    world.ask(world.requestOf(1))
    const ORACLE_ADDRESSES_ALLOWLIST = JSON.stringify([seededWallet('stranger').address])

    const ended = await explained(1, { ORACLE_ADDRESSES_ALLOWLIST })

    expect(paragraph(ended, 'Proof').join('\n')).toMatch(
      /✗ not proven: .*\(unlisted-signer\)\nexpected /,
    )
    expect(paragraph(ended, 'Next').join()).toContain('not proven')
  })

  test('there is no message, since its file was refused', async () => {
    await setUp()
    const exit = world.beacon.signExit(2)
    const message = { ...exit.message, validator_index: '1' }
    writeFileSync(join(world.folder, 'wrong.json'), JSON.stringify({ ...exit, message }))
    world.ask(world.requestOf(1))

    const ended = await explained(1)

    expect(paragraph(ended, 'Message').join()).toContain('✗ none: wrong.json was rejected: ')
    expect(paragraph(ended, 'Next').join()).toContain('No valid message')
  })

  test('HOLD_FILE exists, or DRY_RUN is on', async () => {
    await setUp()
    world.writeMessage(1)
    world.ask(world.requestOf(1))
    const HOLD_FILE = join(world.home, 'hold')
    writeFileSync(HOLD_FILE, '')

    expect((await why(1, { HOLD_FILE }))?.next).toMatchObject({ action: 'held' })
    expect((await why(1, { DRY_RUN: 'true' }))?.next.text).toContain('DRY_RUN')
  })

  test('the index belongs to another public key', async () => {
    await setUp()
    world.writeMessage(1)
    world.ask(world.requestOf(1, { pubkey: world.beacon.pubkey(7) }))

    expect((await why())?.next).toMatchObject({ action: 'wait', code: 'pubkey-mismatch' })
    const bySecondName = await explained(7)
    expect(paragraph(bySecondName, 'Requested').at(-1)).toContain('! it names index 1 with')
  })
})

describe('what proves it:', () => {
  const proofOf = async (more: NodeJS.ProcessEnv) => (await storyOf(1, more)).requests[0]?.proof

  test('with a quorum, each member that signed, and in which transaction', async () => {
    await setUp()
    const report = world.ask(world.requestOf(1))

    const proof = await proofOf({ ORACLE_QUORUM: '2' })

    const signers = report.votes
      .slice(0, 2)
      .map(({ from, hash }) => ({ address: from.toLowerCase(), transaction: hash }))
    expect(proof).toMatchObject({ kind: 'proven', by: 'report', quorum: 2 })
    expect(proof).toMatchObject({ signers: expect.arrayContaining(signers) })
  })

  test('a listed transaction that asks directly', async () => {
    await setUp()
    const signer = seededWallet('direct')
    const direct = world.chain.submitDirect({ requests: [world.requestOf(1)], signer })
    world.chain.finalize()

    expect(await proofOf({ SUBMIT_TX_HASH_ALLOWLIST: JSON.stringify([direct.hash]) })).toEqual({
      kind: 'proven',
      by: 'direct',
      signers: [{ address: signer.address.toLowerCase(), transaction: direct.hash }],
      block: null,
      notes: [],
    })
  })

  test('nothing at all, in trust mode', async () => {
    await setUp()
    world.ask(world.requestOf(1))

    expect(await proofOf({ TRUST_MODE: 'true' })).toEqual({ kind: 'trusted' })
  })
})

describe('the command ends', () => {
  const said = ({ stdout, stderr }: Ended) => ({ stdout, stderr })

  test('with 2 for what names no validator, and for a wrong configuration', async () => {
    await setUp()

    const unnamed = await explained('0x12')
    const unset = await explain(1, { EXECUTION_NODE: '', ORACLE_QUORUM: 'many' })

    expect([unnamed.code, unset.code]).toEqual([2, 2])
    expect(said(unnamed)).toEqual({
      stdout: '',
      stderr: expect.stringContaining('names no validator'),
    })
    expect(unset.stderr).toMatch(/ORACLE_QUORUM: [\s\S]*EXECUTION_NODE: /)
  })

  test('with 1 when nobody answers, without the URL of a node', async () => {
    await setUp()
    const { execution, consensus } = world
    await Promise.all([execution.refuse(), consensus.refuse()])
    const withKey = `${execution.url}/v3/0123456789abcdef0123456789abcdef`

    const ended = await explained(1, { EXECUTION_NODE: withKey })

    expect(ended.code).toBe(1)
    expect(ended.stderr).toContain('no node answers')
    expect(ended.stderr).not.toContain('0123456789abcdef')
  })

  test('with 130 when it is interrupted', async () => {
    await setUp()
    world.execution.faults.add({ kind: 'hang', match: {} })

    const { child, ended } = startExplain(['1'], envOf(), world.home)
    await until('it asks', () => world.execution.calls.length > 0)
    child.kill('SIGINT')

    expect((await ended).code).toBe(130)
  })
})

test('the deadline is that of the staking module, told once', async () => {
  await setUp({ execution: { modules: [{ id: 1, exitDeadlineSeconds: 48 * 3_600 }] } })
  world.writeMessage(1)
  const { dataTransaction } = world.ask(world.requestOf(1))
  const asked = world.chain.timestampOf(dataTransaction.blockNumber)

  const [request] = (await storyOf(1)).requests

  expect(request?.limits.map(({ name, at }) => [name, at])).toEqual([
    ['delayed', isoOf(asked + 24 * 3_600)],
    ['module', isoOf(asked + 48 * 3_600)],
  ])
})

test.each([
  ['penalty', ', then 0.1 ETH of your bond'],
  ['fee', ', then 0.1 ETH of your bond for each 32 ETH of its balance'],
  [undefined, ''],
] as const)('what lateness costs is told where the module tells it (%s)', async (by, then) => {
  const lateFee = by && { wei: 10n ** 17n, by }
  await setUp({ execution: { modules: [{ id: 1, exitDeadlineSeconds: 48 * 3_600, lateFee }] } })
  world.writeMessage(1)
  const { dataTransaction } = world.ask(world.requestOf(1))
  const late = world.chain.timestampOf(dataTransaction.blockNumber) + 48 * 3_600
  const from = isoOf(late).replace('T', ' ').replace('.000Z', ' UTC')

  const lines = paragraph(await explained(1), 'Next')

  expect(lines.at(-1)).toMatch(
    new RegExp(`^deadline: the staking module counts it as late from ${from}, in [\\w ]+${then}$`),
  )
})

test('in webhook mode only the host of the receiver is told', async () => {
  await setUp()
  world.ask(world.requestOf(1))
  const url = 'http://user:word@hooks.example:8443/secret/path'

  const ended = await explained(1, { MESSAGES_LOCATION: '', VALIDATOR_EXIT_WEBHOOK: url })

  expect(paragraph(ended, 'Message')).toEqual([
    'none is needed: the webhook at hooks.example:8443 is called',
  ])
  expect(ended.stdout + ended.stderr).not.toMatch(/secret|word@/)
})

test('a secret that reads like JSON does not break --json', async () => {
  await setUp()
  world.ask(world.requestOf(1))

  const { validator } = await storyOf(1, { LOGGER_SECRETS: '["\\"index\\":1,", "null"]' })

  expect(validator.index).toBe(1)
})
