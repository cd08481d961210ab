import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { until } from '../support/until.ts'
import { createWorld, type World } from '../support/world.ts'

const readme = readFileSync(new URL('../../messages/README.md', import.meta.url), 'utf8')
const [, receiver = ''] = /## Webhook[\s\S]*?```js\n([\s\S]*?)```/.exec(readme) ?? []

let world: World
let home: string
let child: ChildProcess
let output: string
let url: string
beforeEach(async () => {
  world = await createWorld()
  home = mkdtempSync(join(tmpdir(), 'receiver-'))
})
afterEach(async () => {
  child.kill('SIGKILL')
  await world.close()
  rmSync(home, { recursive: true, force: true })
})

/** As an operator would copy it, but for the port. */
async function startReceiver(code: string): Promise<void> {
  const port = await freePort()
  url = `http://127.0.0.1:${port}/`
  const file = join(home, 'receiver.mjs')
  writeFileSync(file, code.replace('8080', `${port}`))
  output = ''
  child = spawn(process.execPath, [file], {
    env: { PATH: process.env.PATH, WEBHOOK_TOKEN: 's3cret' },
  })
  child.stdout?.on('data', (chunk) => {
    output += chunk
  })
  child.stderr?.on('data', (chunk) => {
    output += chunk
  })
  await until('the receiver listens', async () => (await fetch(url)).status === 401)
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

const startDaemon = (env: NodeJS.ProcessEnv = {}) =>
  world.start({
    MESSAGES_LOCATION: '',
    VALIDATOR_EXIT_WEBHOOK: url,
    WEBHOOK_TOKEN: 's3cret',
    JOB_INTERVAL: '50',
    WEBHOOK_RESEND_AFTER: '100',
    ...env,
  })
const line = (index: number) => `exit ${index} ${world.beacon.pubkey(index)}`

test('the receiver of the README does each exit once, however often it is called', async () => {
  await startReceiver(receiver)
  world.ask(world.requestOf(3), world.requestOf(4))
  const app = await startDaemon()
  await until('each is called again', () => app.said('exit submitted').length >= 4)
  expect(output.trim().split('\n').sort()).toEqual([line(3), line(4)])
  expect(await app.metric('exit_actions', { result: 'success' })).toBe(2)
})

test('it refuses a wrong token', async () => {
  await startReceiver(receiver)
  world.ask(world.requestOf(3))
  const app = await startDaemon({ WEBHOOK_TOKEN: 'guessed' })
  await until('it is refused', () => app.said('401').length > 0)
  expect(output).toBe('')
})

test('work that failed is done when the daemon calls again', async () => {
  const failing = receiver.replace(
    'async function exitValidator({ validatorIndex, validatorPubkey }) {',
    `$&
      globalThis.calls = (globalThis.calls ?? 0) + 1
      if (globalThis.calls === 1) throw new Error('not now')`,
  )
  expect(failing).not.toBe(receiver)
  await startReceiver(failing)
  world.ask(world.requestOf(3))
  const app = await startDaemon()
  await until('it is refused', () => app.said('500: not now').length > 0)
  await until('it is done', () => output === `${line(3)}\n`)
})
