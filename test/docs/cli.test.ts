import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { runHere } from '../cli/command.ts'
import { createWorld, type World } from '../support/world.ts'
import { expectInReadme, shortened } from './output.ts'

let world: World
afterEach(() => world.close())

/** Always the same moment, so that always the same is printed. */
const NOW = Date.parse('2026-03-02T09:30:00Z')
const EPOCH_S = 32 * 12
const minutesAgo = (minutes: number) => NOW / 1_000 - minutes * 60

test('the README shows what check prints (UPDATE_DOCS=1 writes it)', async () => {
  world = await createWorld({
    execution: {
      startTimestamp: minutesAgo(16),
      modules: [{ id: 1, name: 'curated-onchain-v1', operatorNames: { 5: 'Example Staking' } }],
    },
    beacon: { genesisTime: minutesAgo(14) - 1_000 * EPOCH_S },
  })
  const [module] = world.chain.modules
  if (module !== undefined)
    module.keys = { 5: [1, 3, 5].map((index) => world.beacon.pubkey(index)) }
  for (const validator of [1, 4]) world.writeMessage(validator)
  world.beacon.setValidator(4, { exitEpoch: 990 })
  writeFileSync(join(world.folder, 'bad.json'), 'not JSON')
  world.ask(world.requestOf(1), world.requestOf(2))
  mkdirSync(join(world.home, 'data'))

  const { code, stdout } = await runHere(
    ['check'],
    world.env({
      JOB_INTERVAL: '',
      HTTP_PORT: '0',
      ORACLE_QUORUM: '2',
      STATE_FILE: join(world.home, 'data', 'state.sqlite'),
    }),
    () => NOW,
  )

  expect(code).toBe(1)
  expectInReadme('check', readable(stdout))
})

/** Names for ports and folders, and hashes short enough for a page. */
function readable(text: string): string {
  const named = text
    .replaceAll(new URL(world.execution.url).host, 'geth:8545')
    .replaceAll(new URL(world.consensus.url).host, 'beacon:5052')
    .replaceAll(world.home, '/app')
  return shortened(named)
}
