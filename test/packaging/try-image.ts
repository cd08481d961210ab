import { type ChildProcess, spawn } from 'node:child_process'
import { chmodSync, cpSync } from 'node:fs'
import { createServer } from 'node:net'
import { until } from '../support/until.ts'
import { createWorld } from '../support/world.ts'
import type { Exec } from './dockerfile.ts'
import type { Replayed } from './replay.ts'

type Env = Readonly<Record<string, string | undefined>>

/** Runs what the image would run, and sees that it does what it must. @throws when it does not */
export async function tryImage(image: Replayed, user: number | undefined): Promise<void> {
  const start = (command: Exec, env: Env) => startInImage(image, user, command, env)

  const run = [...image.entrypoint, ...image.command]
  const lost = start(run, {})
  expect('without an environment it ends with code 1', await lost.ended, 1)
  for (const name of ['EXECUTION_NODE', 'CONSENSUS_NODE', 'NETWORK', 'MESSAGES_LOCATION']) {
    expect(`and names ${name}`, lost.output().includes(`error: ${name}: `), true)
  }

  const world = await createWorld()
  const children: ChildProcess[] = []
  try {
    world.writeMessage(1)
    // As a mount would bring them.
    chmodSync(image.at('/app/messages'), 0o755)
    cpSync(world.folder, image.at('/app/messages'), { recursive: true })
    world.ask(world.requestOf(1))
    const port = String(await freePort())
    const env = world.env({
      MESSAGES_LOCATION: 'messages',
      HTTP_PORT: port,
      LOGGER_FORMAT: 'simple',
      STATE_FILE: image.at('/data/state.sqlite'),
    })
    const health = (more: Env = {}) => start(image.healthcheck, { HTTP_PORT: port, ...more }).ended

    expect('before it runs it is not healthy', await health(), 1)
    const check = start([...image.entrypoint, 'check'], env)
    expect('check finds everything well', await check.ended, 0)
    const daemon = start(run, env)
    children.push(daemon.child)
    await until('it is healthy', async () => (await health()) === 0)
    await until('an exit is submitted', () => daemon.output().includes('exit submitted'))
    await until('the node has it', () => world.consensus.postedExits().length > 0)
    daemon.child.kill('SIGTERM')
    expect('SIGTERM ends it with code 0', await daemon.ended, 0)
    expect('then it is not healthy any more', await health(), 1)
    expect('without a server there is nothing to ask', await health({ HTTP_PORT: 'False' }), 0)
    expect('nor without health', await health({ RUN_HEALTH_CHECK: 'false' }), 0)
    expect('native BLS', daemon.output().includes('checked by blst-native'), true)
  } finally {
    for (const child of children) child.kill('SIGKILL')
    await world.close()
  }
}

function startInImage(image: Replayed, user: number | undefined, command: Exec, env: Env) {
  const [program, ...args] = command
  if (program !== 'node') throw new Error(`the image runs ${program}, and has only node`)
  const child = spawn(process.execPath, args, {
    cwd: image.workdir,
    env: { PATH: '/usr/bin:/bin', ...image.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(user === undefined ? {} : { uid: user, gid: user }),
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      output += chunk
    })
  }
  const ended = new Promise<number | null>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', resolve)
  })
  return { child, ended, output: () => output }
}

function expect(what: string, actual: unknown, wanted: unknown): void {
  if (actual !== wanted) throw new Error(`${what}: ${actual} instead of ${wanted}`)
  console.log(`ok  ${what}`)
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}
