import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import type { Story } from '../../src/cli/explain/story.ts'
import { seededWallet } from '../sim/ledger.ts'
import { until } from '../support/until.ts'
import { createWorld, cycles, type World, type WorldOptions } from '../support/world.ts'
import { type Ended, explainHere, paragraph, startExplain } from './explain-support.ts'

let world: World
const setUp = async (options?: WorldOptions) => {
  world = await createWorld(options)
  return world
}
afterEach(() => world.close())

const stateFile = () => join(world.home, 'state.sqlite')

const envOf = (more: NodeJS.ProcessEnv = {}) => world.env({ JOB_INTERVAL: '384000', ...more })

/** As a process of its own. */
const explain = (who: number | string, more: NodeJS.ProcessEnv = {}, ...flags: string[]) =>
  startExplain([String(who), ...flags], envOf(more), world.home).ended

const explained = (who: number | string, more: NodeJS.ProcessEnv = {}, ...flags: string[]) =>
  explainHere([String(who), ...flags], envOf(more))

async function storyOf(who: number | string, more: NodeJS.ProcessEnv = {}): Promise<Story> {
  const { stdout } = await explained(who, more, '--json')
  return JSON.parse(stdout)
}

/** A daemon that has handed out the exit of validator 1. */
async function startedWithOne(more: NodeJS.ProcessEnv = {}) {
  world.writeMessage(1)
  const report = world.ask(world.requestOf(1))
  const app = await world.start({ STATE_FILE: stateFile(), ...more })
  await until('the exit is accepted', () => world.beacon.accepted.length > 0)
  await cycles(app)
  return { app, report }
}

const isoOf = (seconds: number) => new Date(seconds * 1_000).toISOString()

describe('beside a running daemon', () => {
  test('explain tells the whole story of an exit that was submitted', async () => {
    await setUp()
    const { report } = await startedWithOne()

    const ended = await explain(1, { STATE_FILE: stateFile() })

    expect(ended.code).toBe(0)
    expect(ended.stdout).toContain(`Validator 1  ${world.beacon.pubkey(1)}\nsubmitted, `)
    expect(paragraph(ended, 'Asked for')).toEqual([
      expect.stringContaining('of module 1, operator 5'),
      `in block ${report.dataTransaction.blockNumber}, transaction ${report.dataTransaction.hash}`,
      expect.stringMatching(/^first read by the daemon \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC$/),
    ])
    expect(paragraph(ended, 'Proof')).toEqual([
      expect.stringContaining(`✓ a report of the oracle on slot ${report.refSlot} (`),
      `report ${report.hash}`,
      'signed by 1 member of ORACLE_ADDRESSES_ALLOWLIST, ORACLE_QUORUM is 1:',
      expect.stringMatching(/^ {2}0x[0-9a-f]{40} in 0x[0-9a-f]{64}$/),
    ])
    expect(paragraph(ended, 'Message')).toEqual(['✓ 1.json, verified, valid from epoch 0'])
    const host = new URL(world.consensus.url).host
    expect(paragraph(ended, 'Sent')).toContain(`  ${host}: 200`)
    expect(paragraph(ended, 'Registry')).toEqual([`${host}, head: active_ongoing, not exiting`])
    expect(paragraph(ended, 'Next').join('\n')).toMatch(/offered again.*\n.*delinquent from/s)
    expect(ended.stderr).toBe('')
  })

  test('what it prints to a pipe has no escape codes, and never a signature', async () => {
    await setUp()
    await startedWithOne()
    const { signature } = world.beacon.signExit(1)

    const ended = await explain(1, { STATE_FILE: stateFile() }, '--debug')

    const printed = ended.stdout + ended.stderr
    expect(printed).not.toContain('\u001b')
    expect(printed).not.toContain(signature)
    expect(printed).not.toContain(signature.slice(2, 60))
  })

  test('--json is the same story, by a public key in any letter case', async () => {
    await setUp()
    const { report } = await startedWithOne()
    const pubkey = world.beacon.pubkey(1)

    const story = await storyOf(`0x${pubkey.slice(2).toUpperCase()}`, { STATE_FILE: stateFile() })

    expect(story.validator).toEqual({ index: 1, pubkey })
    expect(story.requests).toEqual([
      expect.objectContaining({
        state: 'submitted',
        module: 1,
        operator: 5,
        block: report.dataTransaction.blockNumber,
        requestedAt: isoOf(world.chain.timestampOf(report.dataTransaction.blockNumber)),
        proof: expect.objectContaining({ by: 'report', report: report.hash }),
        next: expect.objectContaining({ action: 'wait', code: 'accepted' }),
      }),
    ])
    expect(story.history.some(({ kind }) => kind === 'accepted')).toBe(true)
    expect(story.sources).toEqual({ journal: 'told', blocks: null })
    expect(story.problems).toEqual([])
  })

  test('an exit that is final says when the validator leaves, and that nothing comes next', async () => {
    await setUp()
    const { app } = await startedWithOne()
    world.beacon.advance()
    world.beacon.finalize()
    await until('it is seen', () => app.said('finalized state').length > 0)

    const ended = await explained(1, { STATE_FILE: stateFile() })

    const host = new URL(world.consensus.url).host
    const exit = String.raw`active_exiting, exit at epoch \d+ \(.* UTC\), withdrawable at epoch \d+ \(.* UTC\)`
    expect(paragraph(ended, 'Registry')).toEqual([
      expect.stringMatching(new RegExp(`^${host}, head: ${exit}$`)),
      expect.stringMatching(new RegExp(`^${host}, finalized: ${exit}$`)),
    ])
    expect(paragraph(ended, 'Sent').at(-1)).toContain('seen exiting in the finalized state')
    expect(paragraph(ended, 'Next')).toEqual(['Nothing: the exit is in the finalized state.'])
  })

  test('a refusal is told in the words of the node', async () => {
    await setUp()
    world.consensus.faults.add({
      kind: 'status',
      status: 400,
      body: 'too \u001b[31mearly',
      match: { path: '/eth/v1/beacon/pool/voluntary_exits' },
    })
    world.writeMessage(1)
    world.ask(world.requestOf(1))
    const app = await world.start({ STATE_FILE: stateFile() })
    await until('it is refused', () => app.said('exit was not accepted').length > 0)

    const ended = await explained(1, { STATE_FILE: stateFile() })

    const sent = paragraph(ended, 'Sent').join('\n')
    expect(sent).toMatch(/✗ .* UTC {2}refused\n {2}127.*400.*early/)
    expect(ended.stdout).not.toContain('\u001b')
  })
})

describe('without the word of a daemon', () => {
  test('it reads the chain, and says that what was sent is not known', async () => {
    await setUp()
    world.writeMessage(1)
    const report = world.ask(world.requestOf(1), world.requestOf(2))

    const ended = await explained(1)

    expect(ended.code).toBe(0)
    expect(ended.stdout).toContain(report.dataTransaction.hash)
    expect(paragraph(ended, 'Sent').join()).toContain('not known: without STATE_FILE')
    expect(paragraph(ended, 'Next').join()).toContain('A daemon that runs may have done so already')
    expect(world.beacon.accepted).toEqual([])
  })

  test('a journal tells of a validator although no node answers', async () => {
    await setUp()
    const { app, report } = await startedWithOne()
    await app.end()
    await Promise.all([world.execution.refuse(), world.consensus.refuse()])

    const ended = await explain(1, { STATE_FILE: stateFile() })

    expect(ended.code).toBe(0)
    expect(paragraph(ended, 'Proof').join()).toContain(report.hash)
    expect(paragraph(ended, 'Registry').join()).toContain('not known')
    expect(paragraph(ended, 'Not known').join()).toMatch(/execution node.*consensus node/)
  })

  test('nothing is left beside a journal that no daemon has open', async () => {
    await setUp()
    const { app } = await startedWithOne()
    await app.end()
    const before = readdirSync(world.home)

    const story = await storyOf(1, { STATE_FILE: stateFile() })

    expect(readdirSync(world.home)).toEqual(before)
    expect(story.history.length).toBeGreaterThan(0)
    expect(story.sources.journal).toBe('told')
  })

  test('a STATE_FILE that is not there is said, and the chain is read', async () => {
    await setUp()
    world.ask(world.requestOf(1))

    const story = await storyOf(1, { STATE_FILE: stateFile() })

    expect(story.sources).toMatchObject({
      journal: 'unreadable',
      blocks: { to: expect.any(Number) },
    })
    expect(story.problems.join()).toContain('does not exist')
    expect(story.requests).toHaveLength(1)
  })
})

describe('a validator that nobody asked for', () => {
  test('is said to be, with the blocks that were read, its state and its message', async () => {
    await setUp()
    world.writeMessage(2)
    world.ask(world.requestOf(1))

    const ended = await explain(2)

    expect(ended.code).toBe(1)
    expect(paragraph(ended, 'Asked for').join()).toMatch(/^never within the blocks .* \d+ to \d+$/)
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

    expect(paragraph(ended, 'Message').join()).toContain('✗ none: wrong.json was refused: ')
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
    expect(paragraph(bySecondName, 'Asked for').at(-1)).toContain('! it names index 1 with')
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

    const unnamed = await explain('0x12')
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

    const ended = await explain(1, { EXECUTION_NODE: withKey })

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

test('the deadline is the earlier one of the protocol and of the staking module', async () => {
  await setUp({ execution: { modules: [{ id: 1, exitDeadlineSeconds: 48 * 3_600 }] } })
  world.writeMessage(1)
  const { dataTransaction } = world.ask(world.requestOf(1))
  const asked = world.chain.timestampOf(dataTransaction.blockNumber)

  const [request] = (await storyOf(1)).requests

  expect(request?.limits.map(({ name, at }) => [name, at])).toEqual([
    ['delayed', isoOf(asked + 24 * 3_600)],
    ['module', isoOf(asked + 48 * 3_600)],
    ['delinquent', isoOf(asked + 96 * 3_600)],
  ])
})

test('in webhook mode only the host of the receiver is told', async () => {
  await setUp()
  world.ask(world.requestOf(1))
  const url = 'http://user:word@hooks.example:8443/secret/path'

  const ended = await explain(1, { MESSAGES_LOCATION: '', VALIDATOR_EXIT_WEBHOOK: url })

  expect(paragraph(ended, 'Message')).toEqual([
    'none is needed: the webhook at hooks.example:8443 is called',
  ])
  expect(ended.stdout + ended.stderr).not.toMatch(/secret|word@/)
})
