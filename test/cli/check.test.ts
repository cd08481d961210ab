import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { startWebhookReceiver } from '../sim/webhook-receiver.ts'
import { until } from '../support/until.ts'
import { createWorld, type World } from '../support/world.ts'
import { check, marked, startCheck } from './command.ts'

let world: World
afterEach(() => world.close())

describe('check', () => {
  test('where all is well it says so on one screen, and ends with code 0', async () => {
    world = await createWorld()
    world.writeMessage(1)
    world.ask(world.requestOf(1))

    const ended = await startCheck(world)

    expect(marked(ended, '✗')).toEqual([])
    expect(marked(ended, '!')).toEqual([])
    expect(ended.stdout).toContain('Ready: the daemon would serve every request.')
    expect(ended.stdout).toContain('✓ messages: 1 usable, 0 used, 0 rejected, in 1 file')
    expect(ended.stdout).toContain('✓ operator 5: operator-5, of module 1 (module-1)')
    expect(ended.stdout).toMatch(
      /ready {4}1 {2}module 1, operator 5 {2}(?:4 d 0|3 d 23) h remaining {2}1\.json/,
    )
    expect(ended.stdout.split('\n').length).toBeLessThan(40)
    expect(ended.stderr).toBe('')
    expect(ended.code).toBe(0)
    expect(world.consensus.postedExits()).toEqual([])
  })

  test('every open request is told with what the daemon would do, and the time left', async () => {
    world = await createWorld()
    world.writeMessage(1)
    world.writeMessage(3)
    world.ask(...[1, 2, 3, 4].map((validator) => world.requestOf(validator)))
    world.beacon.setValidator(3, { activationEpoch: world.beacon.epoch - 10 })
    world.beacon.setValidator(4, { exitEpoch: world.beacon.epoch + 5 })

    const { stdout, code } = await check(world, {}, ['--json'])

    const { ok, requests, messages } = JSON.parse(stdout)
    expect(requests).toMatchObject([
      { validator: 1, verdict: 'ready', file: '1.json', secondsLeft: expect.any(Number) },
      { validator: 2, verdict: 'missing', reason: 'no-message', file: null },
      { validator: 3, verdict: 'pending', reason: 'shard-committee-period' },
      { validator: 4, verdict: 'exiting', secondsLeft: null },
    ])
    expect(messages).toEqual({ files: 2, usable: 2, used: 0, refused: [] })
    expect(ok).toBe(false)
    expect(code).toBe(1)
  })

  test('a daemon that runs beside two of them is no obstacle, and what it submitted is known', async () => {
    world = await createWorld()
    world.writeMessage(1)
    world.ask(world.requestOf(1))
    const STATE_FILE = join(world.home, 'state.sqlite')
    const app = await world.start({ STATE_FILE, JOB_INTERVAL: '600000' })
    await until('the exit is submitted', () => app.said('exit submitted').length > 0)

    const env = { STATE_FILE, HTTP_PORT: `${app.port}` }
    const both = await Promise.all([1, 2].map(() => startCheck(world, env)))

    for (const { stdout, code } of both) {
      expect(stdout).toContain('✓ STATE_FILE: in use by a running daemon (pid ')
      expect(stdout).toContain(`✓ HTTP_PORT ${app.port}: in use by a running daemon`)
      expect(stdout).toMatch(/pending {2}1 {2}.*accepted, not seen exiting yet/)
      expect(code).toBe(0)
    }
    expect(world.consensus.postedExits()).toHaveLength(1)
    await app.end()
    expect(app.said('error')).toEqual([])
  })

  test('nothing is left behind where the state file is to be', async () => {
    world = await createWorld()
    world.writeMessage(1)
    const before = readdirSync(world.home)

    const ended = await check(world, { STATE_FILE: 'state.sqlite' })

    expect(ended.stdout).toContain('✓ STATE_FILE: can be written')
    expect(readdirSync(world.home)).toEqual(before)
    expect(ended.code).toBe(0)
  })

  test('past requests are replayed as if their validators were active still', async () => {
    world = await createWorld()
    for (const validator of [1, 3]) world.writeMessage(validator)
    world.ask(world.requestOf(1), world.requestOf(2))
    for (const validator of [1, 2]) world.beacon.setValidator(validator, { exitEpoch: 990 })
    world.beacon.finalize()

    const plain = await check(world, { BLOCKS_PRELOAD: '1' }, ['--json'])
    const replayed = await check(world, { BLOCKS_PRELOAD: '1' }, ['--json', '--from-block', '9'])

    expect(JSON.parse(plain.stdout)).toMatchObject({ ok: true, replay: null })
    const { requests, replay, checks } = JSON.parse(replayed.stdout)
    expect(requests).toMatchObject([{ verdict: 'left' }, { verdict: 'left' }])
    expect(replay).toMatchObject([
      { validator: 1, verdict: 'ready', file: '1.json', deadline: null },
      { validator: 2, verdict: 'missing' },
    ])
    expect(checks).toContainEqual(
      expect.objectContaining({
        id: 'replay',
        detail: expect.stringContaining('would have submitted 1, and 1 had no message'),
      }),
    )
    expect(replayed.code).toBe(0)
    expect(world.consensus.postedExits()).toEqual([])
  })

  test('a replay from a block that is still to come is no good news', async () => {
    world = await createWorld()
    world.writeMessage(1)

    const ended = await check(world, {}, ['--from-block', '99999999'])

    expect(marked(ended, '!')).toEqual([
      expect.stringMatching(/since block 99999999: nothing: the last finalized block is \d+\n/),
    ])
    expect(ended.code).toBe(0)
  })

  test('the webhook is asked whether it is there, and told nothing', async () => {
    world = await createWorld()
    const receiver = await startWebhookReceiver()
    world.ask(world.requestOf(1))

    const ended = await check(world, {
      MESSAGES_LOCATION: '',
      VALIDATOR_EXIT_WEBHOOK: receiver.url,
      WEBHOOK_TOKEN: 'hush-hush',
      STATE_FILE: 'state.sqlite',
    })
    await receiver.close()

    expect(ended.stdout).toMatch(/✓ webhook at 127\.0\.0\.1:\d+: answers \(200 to OPTIONS\)/)
    expect(ended.stdout).toContain('1 open: 1 ready')
    expect(ended.code).toBe(0)
    expect(receiver.calls).toMatchObject([{ method: 'OPTIONS', body: '' }])
    expect(JSON.stringify(receiver.calls[0]?.headers)).not.toContain('hush-hush')
  })

  test('no secret and no signature shows, not even with --debug', async () => {
    world = await createWorld()
    world.writeMessage(1)
    world.ask(world.requestOf(1))
    const [node] = world.executionNodes
    const { signature } = world.beacon.signExit(1)
    writeFileSync(join(world.folder, 'bad.json'), JSON.stringify({ message: 7, signature }))

    const ended = await check(
      world,
      {
        EXECUTION_NODE: `${node?.url.replace('://', '://user:pa55word@')}`,
        MESSAGES_PASSWORD: 'hush',
      },
      ['--debug', '--json'],
    )

    expect(JSON.parse(ended.stdout).messages.refused).toHaveLength(1)
    expect(ended.stderr).toContain('messages loaded')
    const all = ended.stdout + ended.stderr
    for (const secret of ['pa55word', 'hush', signature]) expect(all).not.toContain(secret)
  })
})
