import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { expectInReadme, shortened } from '../docs/output.ts'
import { until } from '../support/until.ts'
import { createWorld, cycles, type World } from '../support/world.ts'
import { explainHere } from './explain-support.ts'

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
  expectInReadme('explain', readable(stdout))
})

/** Names for ports, and hashes short enough for a page. */
function readable(text: string): string {
  const named = text.replaceAll(new URL(world.consensus.url).host, 'beacon:5052')
  return shortened(named)
}
