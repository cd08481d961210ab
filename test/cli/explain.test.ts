import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { until } from '../support/until.ts'
import { createWorld, cycles, type World, type WorldOptions } from '../support/world.ts'
import { createExplain, paragraph } from './explain-support.ts'

let world: World
const setUp = async (options?: WorldOptions) => {
  world = await createWorld(options)
  return world
}
afterEach(() => world.close())

const stateFile = () => join(world.home, 'state.sqlite')

const { explain, explained, storyOf } = createExplain(() => world)

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
    expect(paragraph(ended, 'Requested')).toEqual([
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
    expect(paragraph(ended, 'Submitted')).toContain(`  ${host}: 200`)
    expect(paragraph(ended, 'Registry')).toEqual([`${host}, head: active_ongoing, not exiting`])
    expect(paragraph(ended, 'Next').join('\n')).toMatch(
      /submitted again.*\n.*deadline: the staking module counts it as late from/s,
    )
    expect(ended.stderr).toBe('')
  })

  test('what it prints to a pipe has no escape codes, and never a signature', async () => {
    await setUp()
    await startedWithOne()
    const { signature } = world.beacon.signExit(1)

    const ended = await explained(1, { STATE_FILE: stateFile() }, '--debug')

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
    expect(paragraph(ended, 'Submitted').at(-1)).toContain('seen exiting in the finalized state')
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

    const sent = paragraph(ended, 'Submitted').join('\n')
    expect(sent).toMatch(/✗ .* UTC {2}rejected\n {2}127.*400.*early/)
    expect(ended.stdout).not.toContain('\u001b')
  })
})

test('what this command sees by itself is not in the story of the daemon', async () => {
  await setUp()
  const { app } = await startedWithOne()
  await app.end()
  world.beacon.advance()

  const story = await storyOf(1, { STATE_FILE: stateFile() })

  expect(story.requests.map(({ state }) => state)).toEqual(['exiting'])
  expect(story.registry[0]?.head).toMatchObject({ status: 'active_exiting' })
  expect(story.history.filter((one) => one.kind === 'seen' && one.as !== 'active')).toEqual([])
})

describe('without the word of a daemon', () => {
  test('it reads the chain, and says that what was sent is not known', async () => {
    await setUp()
    world.writeMessage(1)
    const report = world.ask(world.requestOf(1), world.requestOf(2))

    const ended = await explained(1)

    expect(ended.code).toBe(0)
    expect(ended.stdout).toContain(report.dataTransaction.hash)
    expect(paragraph(ended, 'Submitted').join()).toContain('not known: without STATE_FILE')
    expect(paragraph(ended, 'Next').join()).toContain('A daemon that runs may have done so already')
    expect(world.beacon.accepted).toEqual([])
  })

  test('a journal tells of a validator although no node answers', async () => {
    await setUp()
    const { app, report } = await startedWithOne()
    await app.end()
    await Promise.all([world.execution.refuse(), world.consensus.refuse()])

    const ended = await explained(1, { STATE_FILE: stateFile() })

    expect(ended.code).toBe(0)
    expect(paragraph(ended, 'Proof').join()).toContain(report.hash)
    expect(paragraph(ended, 'Registry').join()).toContain('not known')
    expect(paragraph(ended, 'Problems').join()).toMatch(/execution node.*consensus node/)
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

  test('a journal that no daemon has written lately is told of, and the chain is read too', async () => {
    await setUp()
    const { app } = await startedWithOne()
    await app.end()
    world.chain.mine(400)
    world.chain.finalize()

    const story = await storyOf(1, { STATE_FILE: stateFile() })

    expect(story.problems.join()).toMatch(/no daemon has written STATE_FILE lately.* blocks behind/)
    expect(story.sources).toMatchObject({ journal: 'told', blocks: { to: world.chain.finalized } })
    expect(story.requests.map(({ state }) => state)).toEqual(['submitted'])
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
