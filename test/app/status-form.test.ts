import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { createMember } from '../sim/contracts.ts'
import { until } from '../support/until.ts'
import { createWorld } from '../support/world.ts'
import { type Status, statusWhen } from './status-support.ts'

const readme = readFileSync(new URL('../../docker/README.md', import.meta.url), 'utf8')
const [, shown = ''] = /<!-- example: status -->\n```json\n([\s\S]*?)```/.exec(readme) ?? []
const example = JSON.parse(shown) as Status

/** The names in it, those of lists as of one of their items. */
function pathsOf(value: unknown, path = ''): readonly string[] {
  const items = Array.isArray(value) ? value.map((one) => [path, one] as const) : undefined
  const parts =
    items ??
    (typeof value === 'object' && value !== null
      ? Object.entries(value).map(([name, one]) => [`${path}.${name}`, one] as const)
      : [])
  return [...new Set([path, ...parts.flatMap(([at, one]) => pathsOf(one, at))])].sort()
}

test('has the form that the README shows', async () => {
  const world = await createWorld({ beacon: { autoInclude: true } })
  onTestFinished(() => world.close())
  for (const index of [2, 3]) world.writeMessage(index)
  for (const module of world.chain.modules) {
    module.keys = { 5: [world.beacon.pubkey(3), world.beacon.pubkey(6)] }
    module.lateFee = { wei: 10n ** 17n, by: 'fee' }
  }
  world.writeMessage(3, 'older.json')
  writeFileSync(join(world.folder, '1.json'), '{"message":{"validator_index":"1"}}')
  world.ask(world.requestOf(1), world.requestOf(2))
  world.chain.submitReport({
    requests: [world.requestOf(4)],
    signers: [createMember('thief'), createMember('thief 2')],
  })
  world.chain.finalize()
  const app = await world.start({ RUN_STATUS: 'true' })
  await until('it is exiting', () => world.beacon.accepted.length > 0)
  world.beacon.advance()
  world.beacon.finalize()
  const full = await statusWhen(
    app,
    'every list has a row',
    ({ requests, exits, messages, nextExits, drift }) =>
      drift !== null &&
      nextExits.rows[0]?.suggested === 1 &&
      exits.rows.some(({ state }) => state === 'settled') &&
      [requests.open, requests.unproven, messages?.used, messages?.refused].every(
        (list) => list?.total === 1,
      ) &&
      messages?.superseded.total === 1,
  )

  expect(Object.keys(full)).toEqual(Object.keys(example))
  expect(pathsOf({ ...full, mode: { ...full.mode, scope: {} } })).toEqual(
    pathsOf({ ...example, mode: { ...example.mode, scope: {} } }),
  )
})
