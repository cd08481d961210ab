import { mkdirSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { openJournalReadOnly } from '../../src/journal/read-only.ts'
import { until } from '../support/until.ts'
import { createWorld, cycles } from '../support/world.ts'

async function createWorldWithFile() {
  const world = await createWorld()
  onTestFinished(() => world.close())
  const file = join(world.home, 'journal.sqlite')
  return { world, file, env: { STATE_FILE: file } }
}

test('a restart knows what was asked for and what was handed out', async () => {
  const { world, file, env } = await createWorldWithFile()
  world.writeMessage(7)
  world.ask(world.requestOf(7))
  const first = await world.start(env)
  await until('the exit', () => world.beacon.accepted.length > 0)
  await cycles(first)
  await first.end()

  const facts = openJournalReadOnly(file)
  expect([...facts.requests.values()].map(({ request }) => request.validatorIndex)).toEqual([7])
  expect(facts.transactions.size).toBeGreaterThan(0)
  expect([...facts.offers.values()]).toMatchObject([{ firstAcceptedAt: expect.any(Number) }])
  expect(facts.cursor).toBeGreaterThan(0)

  const second = await world.start(env)
  await cycles(second)
  expect(await second.metric('journal_degraded')).toBe(0)
  expect(second.said('exit requested')).toEqual([])
  expect(second.lines.filter(({ level }) => level === 'error')).toEqual([])
})

test('a second daemon on the same file does not start', async () => {
  const { world, file, env } = await createWorldWithFile()
  await cycles(await world.start(env))
  const second = await world.start(env)
  await expect(second.ended).rejects.toThrow(`STATE_FILE ${file} is in use by another daemon`)
})

test('a daemon whose file cannot be written goes on, says so, and recovers', async () => {
  const { world, file, env } = await createWorldWithFile()
  mkdirSync(file)
  world.writeMessage(7)
  world.ask(world.requestOf(7))
  const app = await world.start(env)
  await until('the exit', () => world.beacon.accepted.length > 0)
  await cycles(app)
  expect(await app.metric('journal_degraded')).toBe(1)
  expect(app.said('cannot be written')).toHaveLength(1)

  rmdirSync(file)
  await until('the recovery', async () => (await app.metric('journal_degraded')) === 0)
  expect(openJournalReadOnly(file).requests.size).toBe(1)
})
