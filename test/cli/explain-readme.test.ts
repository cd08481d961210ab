import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { until } from '../support/until.ts'
import { createWorld, cycles, type World } from '../support/world.ts'
import { explainHere } from './explain-support.ts'

const README = new URL('../../README.md', import.meta.url)
const BLOCK = /(<!-- output: explain -->\n```text\n)([\s\S]*?)(```\n<!-- \/output -->)/

let world: World
afterEach(() => world.close())

/** Always the same moment, so that always the same is printed. */
const NOW = Date.parse('2026-03-02T09:30:00Z')
const EPOCH_S = 32 * 12
const minutesAgo = (minutes: number) => NOW - minutes * 60_000

test('the README shows what explain prints (UPDATE_DOCS=1 writes it)', async () => {
  world = await createWorld({
    execution: { startTimestamp: minutesAgo(16) / 1_000 },
    beacon: { genesisTime: NOW / 1_000 - 1_000 * EPOCH_S, validators: 8 },
  })
  const STATE_FILE = join(world.home, 'state.sqlite')
  world.writeMessage(7, 'exit-7.json')
  world.ask(world.requestOf(7))
  const app = await world.start({ STATE_FILE }, { now: () => minutesAgo(2) })
  await until('the exit is accepted', () => world.beacon.accepted.length > 0)
  await cycles(app)
  await app.end()

  const { code, stdout } = await explainHere(
    ['7'],
    world.env({ STATE_FILE, ORACLE_QUORUM: '2', JOB_INTERVAL: '384000' }),
    () => NOW,
  )

  expect(code).toBe(0)
  const shown = readable(stdout)
  const readme = readFileSync(README, 'utf8')
  if (process.env.UPDATE_DOCS) {
    writeFileSync(
      README,
      readme.replace(BLOCK, (_, start, _before, end) => `${start}${shown}${end}`),
    )
  }
  const [, , block] = BLOCK.exec(readFileSync(README, 'utf8')) ?? []
  expect(block).toBe(shown)
})

/** Names for ports, and hashes short enough for a page. */
function readable(text: string): string {
  const named = text.replaceAll(new URL(world.consensus.url).host, 'beacon:5052')
  return named.replace(/(0x[0-9a-f]{8})[0-9a-f]{30,}/g, '$1…')
}
