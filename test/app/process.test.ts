import { writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { startDaemon } from '../support/daemon.ts'
import { until } from '../support/until.ts'
import { createWorld, type World, type WorldOptions } from '../support/world.ts'

let world: World
const daemons: ReturnType<typeof startDaemon>[] = []
const setUp = async (options?: WorldOptions) => {
  world = await createWorld(options)
  return world
}
const run = (env: NodeJS.ProcessEnv) => {
  const daemon = startDaemon(env, world.home)
  daemons.push(daemon)
  return daemon
}
afterEach(async () => {
  for (const { child } of daemons.splice(0)) child.kill('SIGKILL')
  await world.close()
})

const quiet = { HTTP_PORT: 'false', LOGGER_FORMAT: 'simple', LOGGER_LEVEL: 'info' }

describe('the process', () => {
  test('names everything that is wrong with the environment, and ends with code 1', async () => {
    await setUp()
    const daemon = run({
      EXECUTION_NODE: 'not a url',
      CONSENSUS_NODE: '',
      JOB_INTERVAL: '-1',
      EJECTOR_SCOPE: '{"1":[5]}',
      MESSAGES_LOCATION: 'messages',
      VALIDATOR_EXIT_WEBHOOK: 'http://localhost/exit',
    })
    expect(await daemon.exited).toBe(1)
    for (const name of [
      'EXECUTION_NODE',
      'CONSENSUS_NODE',
      'NETWORK',
      'ORACLE_ADDRESSES_ALLOWLIST',
      'JOB_INTERVAL',
      'MESSAGES_LOCATION',
    ]) {
      expect(daemon.output()).toMatch(new RegExp(`error: ${name}: .*for example ${name}=`))
    }
  })

  test('reads .env of its working folder, and the environment wins over it', async () => {
    await setUp()
    const lines = Object.entries({ ...world.env(quiet), LOGGER_FORMAT: 'nonsense' })
    writeFileSync(
      join(world.home, '.env'),
      lines.map(([name, value]) => `${name}='${value}'`).join('\n'),
    )
    const daemon = run({ LOGGER_FORMAT: 'simple' })
    await daemon.said('Validator Ejector')
    expect(daemon.output()).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d info: /m)
  })

  test.each(['SIGTERM', 'SIGINT'] as const)(
    'lets the cycle that runs end on %s, and ends with code 0',
    async (signal) => {
      await setUp()
      world.writeMessage(1)
      let release = () => {}
      const until = new Promise<void>((resolve) => {
        release = resolve
      })
      world.consensus.faults.add({
        kind: 'hold',
        until,
        match: { path: '/eth/v1/beacon/pool/voluntary_exits' },
      })
      world.ask(world.requestOf(1))
      const daemon = run(world.env({ ...quiet, JOB_INTERVAL: '600000' }))
      await daemon.said('messages loaded')
      await posted()
      daemon.child.kill(signal)
      await daemon.said('the daemon stops when the cycle that runs has ended')
      release()

      expect(await daemon.exited).toBe(0)
      expect(daemon.output()).toContain('exit submitted')
    },
  )

  test('ends even if a node never answers', async () => {
    await setUp()
    world.writeMessage(1)
    world.ask(world.requestOf(1))
    world.consensus.faults.add({ kind: 'hang', match: { path: /voluntary_exits/ } })
    const daemon = run(world.env({ ...quiet, JOB_INTERVAL: '600000' }))
    await daemon.said('messages loaded')
    await posted()
    daemon.child.kill('SIGTERM')
    // The node would hold it for good.
    expect(await daemon.exited).toBe(0)
  })

  test('a second signal ends it at once', async () => {
    await setUp()
    world.writeMessage(1)
    world.ask(world.requestOf(1))
    world.consensus.faults.add({ kind: 'hang', match: { path: /voluntary_exits/ } })
    const daemon = run(world.env({ ...quiet, JOB_INTERVAL: '600000' }))
    await daemon.said('messages loaded')
    await posted()
    daemon.child.kill('SIGTERM')
    await daemon.said('the daemon stops when the cycle that runs has ended')
    // One that follows at once is the same Ctrl-C, as npm hands it on.
    await until('it has ended', () => {
      daemon.child.kill('SIGTERM')
      return daemon.child.exitCode !== null
    })
    expect(await daemon.exited).toBe(1)
  })

  test('ends at once while it waits for nodes', async () => {
    await setUp()
    await world.execution.refuse()
    const daemon = run(world.env(quiet))
    await daemon.said('no execution node is up and synced')
    daemon.child.kill('SIGTERM')
    expect(await daemon.exited).toBe(0)
  })

  test('names a port that is taken, and ends with code 1', async () => {
    await setUp()
    // Nodes that are down are told again and again, unless the search for them has ended.
    await world.execution.refuse()
    const blocker = createServer().listen(0)
    const { port } = blocker.address() as { port: number }
    const daemon = run(world.env({ ...quiet, HTTP_PORT: String(port) }))
    expect(await daemon.exited).toBe(1)
    const lines = daemon.output().trim().split('\n')
    expect(lines.filter((line) => line.includes(String(port)))).toEqual([
      expect.stringMatching(/ error: cannot run: .*is taken.*set HTTP_PORT to another one$/),
    ])
    expect(lines.at(-1)).toContain('cannot run')
    blocker.close()
  })

  test('a messages folder that is missing ends it with code 1', async () => {
    await setUp()
    const daemon = run(world.env({ ...quiet, MESSAGES_LOCATION: '/nowhere/messages' }))
    expect(await daemon.exited).toBe(1)
    expect(daemon.output()).toContain('/nowhere/messages')
  })

  // Such a report waits for every thread: for ever, where the folder is on a mount that hangs.
  test('no library asks for a report of the process once threads run', async () => {
    await setUp()
    const spy = `
      const ask = process.report.getReport
      process.report.getReport = (...args) => {
        const told = ask.apply(process.report, args)
        console.log('report of threads:', told.workers.length)
        return told
      }`
    const daemon = run({
      ...world.env(quiet),
      NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(spy)}`,
    })
    await daemon.said('runs')
    const reports = daemon.output().match(/^report of threads: .*$/gm)
    expect([...new Set(reports)]).toEqual(['report of threads: 0'])
  })

  test('never shows a secret, nor a signature that a node echoes', async () => {
    // The node refuses what the daemon holds for possible, and repeats it in its answer.
    await setUp({
      beacon: { shardCommitteePeriod: 100_000, spec: { SHARD_COMMITTEE_PERIOD: '0' } },
      beaconNodes: [{ echoesExit: true, basicAuth: 'user:p"ss\\w0rd' }],
    })
    world.writeMessage(1)
    const { signature } = world.beacon.signExit(1)
    world.ask(world.requestOf(1))
    const url = world.consensus.url.replace('http://', 'http://user:p%22ss%5Cw0rd@')
    const daemon = run(
      world.env({
        ...quiet,
        LOGGER_LEVEL: 'debug',
        LOGGER_FORMAT: 'json',
        CONSENSUS_NODE: url,
        MESSAGES_PASSWORD: 'hunter2hunter2',
        JOB_INTERVAL: '50',
      }),
    )
    await daemon.said('exit was not accepted')
    daemon.child.kill('SIGTERM')
    await daemon.exited
    const output = daemon.output()
    // The answer is there, without or before the signature that it repeats.
    expect(output).toContain('TooYoungToExit')
    expect(output).not.toContain(signature.slice(2, 60))
    expect(output).not.toContain('w0rd')
    expect(output).not.toContain('hunter2')
  })

  test.each(['Promise.reject(error)', 'setImmediate(()=>{throw(error)})'])(
    'an error that nobody handles (%s) is told in full without secrets, and ends it with code 1',
    async (code) => {
      await setUp()
      const later = `process.on('SIGUSR2',()=>{const{error}=globalThis;${code}})`
      const thrown = "globalThis.error=Error('boom\\u0020http://user:w0rdw0rd@host')"
      const daemon = run(
        world.env({ ...quiet, NODE_OPTIONS: `--import=data:text/javascript,${thrown};${later}` }),
      )
      await daemon.said('messages loaded')
      daemon.child.kill('SIGUSR2')
      expect(await daemon.exited).toBe(1)
      expect(daemon.output()).toMatch(/error: unexpected error, ending .*boom .*\n? +at /)
      expect(daemon.output()).not.toContain('w0rdw0rd')
    },
  )

  test.each(['Promise.reject(error)', 'throw(error)'])(
    'so is one that is thrown before the program is loaded (%s)',
    async (code) => {
      await setUp()
      // As soon as anybody listens: nobody could have told it before.
      const first = `process.on('newListener',(name)=>{if(name==='uncaughtException')setImmediate(()=>{const{error}=globalThis;${code}})})`
      const thrown = "globalThis.error=Error('boom\\u0020hunter22-pass')"
      const daemon = run(
        world.env({
          ...quiet,
          LOGGER_FORMAT: 'json',
          MESSAGES_PASSWORD: 'hunter22-pass',
          NODE_OPTIONS: `--import=data:text/javascript,${thrown};${first}`,
        }),
      )
      expect(await daemon.exited).toBe(1)
      const [line, ...others] = daemon.output().trim().split('\n')
      expect(others).toEqual([])
      expect(JSON.parse(line ?? '')).toMatchObject({
        level: 'error',
        message: 'unexpected error, ending',
        details: { stack: expect.stringMatching(/^Error: boom <secret>\n +at/) },
      })
    },
  )
})

/** Resolves once an exit is under way. */
const posted = () => until('an exit is posted', () => world.consensus.postedExits().length > 0)
