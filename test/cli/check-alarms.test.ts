import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { until } from '../support/until.ts'
import { createWorld, cycles, type World, type WorldOptions } from '../support/world.ts'
import { check, envOf, inFolder, marked, runHere } from './command.ts'

let world: World
afterEach(() => world.close())

async function setUp(options?: WorldOptions) {
  world = await createWorld(options)
  world.writeMessage(1)
  world.ask(world.requestOf(1))
}

/** A look-up of exit requests, not of reports or votes: module and operator are named. */
const EXITS_OF_OURS = /"topics":\[[^\]]*,"0x0{63}1"/
type Transaction = Record<string, unknown> | null

describe('whatever is wrong while check looks is told, and ends with code 1:', () => {
  test('a node that forges the transaction of a request, beside an honest one', async () => {
    await setUp({ executionNodes: [{}, {}] })
    world.executionNodes[0]?.onResult('eth_getTransactionByHash', (found) => {
      const transaction = found as Transaction
      return transaction === null ? null : { ...transaction, nonce: '0x7777' }
    })

    const ended = await check(world)

    expect(ended.stdout).toContain('1 open: 1 ready')
    const host = new URL(world.execution.url).host
    const alarms = marked(ended, '✗').filter((line) => line.startsWith('✗ alarm: '))
    expect(
      alarms.some((line) => line.includes(host)),
      ended.stdout,
    ).toBe(true)
    expect(alarms[0]).toMatch(/\n {2}→ see which node it names/)
    expect(ended.code).toBe(1)
  })

  test('an alarm of an earlier round of reading, which no later round repeats', async () => {
    await setUp()
    const STATE_FILE = join(world.home, 'state.sqlite')
    const app = await world.start({ STATE_FILE })
    await until('blocks are read', () => world.beacon.accepted.length > 0)
    await cycles(app)
    await app.end()
    // Another chain: each node is compared once, in the first round.
    world.chain.reorg(world.chain.finalized - 5, { keep: true })
    // That round gets no further than to the newest blocks, so that another one follows.
    world.chain.mine(150)
    world.chain.finalize()
    const failed = world.execution.faults.add({
      kind: 'status',
      status: 503,
      match: { rpc: 'eth_getLogs', body: EXITS_OF_OURS },
      skip: 1,
      times: 2,
    })

    const ended = await check(world, { STATE_FILE, BLOCKS_PRELOAD: '300', LOAD_LOGS_STEP: '100' })

    expect(failed.hits).toBe(2)
    expect(ended.stdout).toContain('✓ logs')
    const host = new URL(world.execution.url).host
    const alarms = marked(ended, '✗').filter((line) => line.startsWith('✗ alarm: '))
    expect(alarms, ended.stdout).toEqual([
      expect.stringMatching(new RegExp(`^✗ alarm: ${host} has another block .*\\n {2}→ see which`)),
    ])
    expect(marked(ended, '✗')).toEqual(alarms)
    expect(ended.code).toBe(1)
  })

  test('blocks that no node gives: which, why, and what to do', async () => {
    await setUp()
    const pruned = world.chain.finalized - 100
    world.execution.set({ firstLogBlock: pruned })

    const ended = await check(world, { BLOCKS_PRELOAD: '300' })

    const unread = marked(ended, '✗').find((line) => line.startsWith('✗ blocks: '))
    expect(unread, ended.stdout).toContain(`to ${pruned - 1}`)
    expect(unread).toContain('pruned history unavailable')
    expect(unread).toMatch(/\n {2}→ add an execution node .* or set a smaller BLOCKS_PRELOAD/)
    expect(ended.code).toBe(1)
  })
})

describe('what needs a look is a warning:', () => {
  test('a quorum of one signer where the oracle has more', async () => {
    await setUp()

    const ended = await check(world, { ORACLE_QUORUM: '1' })

    expect(marked(ended, '!')).toEqual([
      expect.stringMatching(/^! ORACLE_QUORUM 1: .*\n {2}→ set ORACLE_QUORUM=2$/),
    ])
    expect(ended.code).toBe(0)
  })

  test('a webhook that wants a token, and none is set', async () => {
    await setUp()
    const { createServer } = await import('node:http')
    const server = createServer((_, response) => response.writeHead(401).end())
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
    const address = server.address()
    const port = typeof address === 'object' ? address?.port : 0
    const env = {
      MESSAGES_LOCATION: '',
      STATE_FILE: 'state.sqlite',
      VALIDATOR_EXIT_WEBHOOK: `http://127.0.0.1:${port}/`,
    }

    const without = await check(world, env)
    const withToken = await check(world, { ...env, WEBHOOK_TOKEN: 'hush-hush' })
    server.close()

    expect(marked(without, '!').join()).toMatch(/answers \(401 .*\n {2}→ set WEBHOOK_TOKEN to/)
    expect(marked(withToken, '!')).toEqual([])
    expect(withToken.stdout).toContain('WEBHOOK_TOKEN')
  })

  test('files that look like messages, and are not read', async () => {
    await setUp()
    writeFileSync(join(world.folder, '2.json.txt'), '{}')
    mkdirSync(join(world.folder, 'more'))
    writeFileSync(join(world.folder, 'more', '3.json'), '{}')

    const ended = await check(world)

    const [warned] = marked(ended, '!').filter((line) => line.startsWith('! files: '))
    expect(warned, ended.stdout).toContain('2.json.txt')
    expect(warned).toContain('more')
  })

  test('a HOLD_FILE that nobody could create', async () => {
    await setUp()

    const ended = await check(world, { HOLD_FILE: 'nowhere/hold' })

    expect(marked(ended, '!')).toEqual([
      expect.stringMatching(/^! HOLD_FILE: .*nowhere.*\n {2}→ create or mount .*nowhere/),
    ])
  })
})

describe('in a container', () => {
  const NOWHERE = 'http://127.0.0.1:1'
  const remedyIn = async (isContainer: boolean) => {
    const env = envOf(world, { EXECUTION_NODE: NOWHERE })
    const ended = await inFolder(world.home, () => runHere(['check'], env, undefined, isContainer))
    return marked(ended, '✗').find((line) => line.includes('execution node 127.0.0.1:1'))
  }

  test('a loopback address that answers nothing is said to be the container itself', async () => {
    await setUp()

    expect(await remedyIn(true)).toContain('in a container 127.0.0.1:1 is the container itself')
    expect(await remedyIn(false)).toContain('→ start it, or correct EXECUTION_NODE')
  })
})

describe('who signs for the oracle', () => {
  const allowlistLine = (ended: { readonly stdout: string }) =>
    ended.stdout.split('\n').find((line) => line.includes('ORACLE_ADDRESSES_ALLOWLIST: ')) ?? ''

  test('is printed whole, ready to be pasted, although nothing is amiss', async () => {
    await setUp()

    const ended = await check(world)

    const [, list = '[]'] = /ORACLE_ADDRESSES_ALLOWLIST=(\[.*?\])/.exec(allowlistLine(ended)) ?? []
    const sorted = (addresses: readonly string[]) =>
      addresses.map((address) => address.toLowerCase()).toSorted()
    expect(sorted(JSON.parse(list))).toEqual(sorted(world.chain.signerAddresses()))
    expect(ended.code).toBe(0)
  })

  test('is the same line as the daemon tells: a former key of an open exit stays, however old its vote', async () => {
    await setUp()
    const ORACLE_ADDRESSES_ALLOWLIST = JSON.stringify(world.chain.signerAddresses())
    world.chain.mine(50_401)
    world.chain.finalize()
    const former = world.chain.members.splice(0, 3).map(({ wallet }) => wallet.address)
    world.chain.addMember('new')

    const ended = await check(world, { ORACLE_ADDRESSES_ALLOWLIST, DRY_RUN: '' })
    const env = { ORACLE_ADDRESSES_ALLOWLIST, ORACLE_QUORUM: '2', DRY_RUN: 'true' }
    const app = await world.start(env)
    const [told] = await until('the daemon tells it', () => {
      const lines = app.said('ORACLE_ADDRESSES_ALLOWLIST is not')
      return lines.length > 0 && lines
    })

    const pasted = (text: string) => /ORACLE_ADDRESSES_ALLOWLIST=\[.*?\]/.exec(text)?.[0]
    expect(former.filter((one) => pasted(told?.message ?? '')?.includes(one))).toHaveLength(2)
    expect(pasted(ended.stdout)).toBe(pasted(told?.message ?? ''))
  })

  test('a seat without a signer is told, and no signer of it is counted', async () => {
    await setUp({ execution: { delegated: [1] } })
    const [, revoked] = world.chain.members
    const ORACLE_ADDRESSES_ALLOWLIST = JSON.stringify(world.chain.signerAddresses())
    Object.assign(revoked ?? {}, { revoked: true })

    const ended = await check(world, { ORACLE_ADDRESSES_ALLOWLIST })

    expect(marked(ended, '!').join('\n')).toContain(
      `! oracle seats: without a signer: ${revoked?.contract}`,
    )
    expect(allowlistLine(ended)).toContain('of the 2 signers')
  })

  test('an announced key is told with its time, and is in the line', async () => {
    const from = Math.floor(Date.now() / 1_000) + 48 * 3_600
    const next = { delegate: `0x${'12'.repeat(20)}` as const, activeFrom: from }
    await setUp({ execution: { delegated: [1] } })
    Object.assign(world.chain.members[1] ?? {}, { next })

    const ended = await check(world)

    const [warned = ''] = marked(ended, '!').filter((line) => line.includes('announced'))
    expect(warned, ended.stdout).toContain(new Date(from * 1_000).toISOString())
    expect(warned).toMatch(new RegExp(`→ .*ORACLE_ADDRESSES_ALLOWLIST=.*${next.delegate}`, 'i'))
  })
})
