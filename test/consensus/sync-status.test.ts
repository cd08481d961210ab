import { afterEach, describe, expect, test } from 'vitest'
import { createConsensusNode } from '../../src/consensus/consensus-node.ts'
import { createHttpClient } from '../../src/lib/http.ts'
import { createBeaconChain } from '../sim/beacon-chain.ts'
import { type BeaconNode, startBeaconNode } from '../sim/beacon-node.ts'

const never = new AbortController().signal
const SYNCING = /\/eth\/v1\/node\/syncing$/

let server: BeaconNode
afterEach(() => server.close())

/** @param age - of the head, seconds */
async function setUp(age = 0) {
  server = await startBeaconNode({ chain: createBeaconChain() })
  const now = () => Date.now() + age * 1_000
  return createConsensusNode(createHttpClient(server.url), 1_000, () => {}, now)
}

const says = (change: Record<string, unknown> | null) => () =>
  server.onResult(SYNCING, (body) => ({ data: change && { ...body.data, ...change } }))
const answers = (status: number) => () =>
  server.faults.add({ kind: 'status', status, match: { path: SYNCING } })

const ODD: readonly (readonly [string, () => unknown])[] = [
  ['answers 404 to /eth/v1/node/syncing', answers(404)],
  ['answers 403 to /eth/v1/node/syncing', answers(403)],
  ['answers 405 to /eth/v1/node/syncing', answers(405)],
  ['answers 501 to /eth/v1/node/syncing', answers(501)],
  [
    'says at /eth/v1/node/syncing that it is syncing, at a distance of 0',
    says({ is_syncing: true, sync_distance: '0' }),
  ],
  [
    'says at /eth/v1/node/syncing that it is syncing, at a distance of 0',
    says({ is_syncing: 'true', sync_distance: 0 }),
  ],
  [
    'says at /eth/v1/node/syncing that its head is slot 0',
    says({ head_slot: '0', sync_distance: '0', is_syncing: false }),
  ],
  ['answers /eth/v1/node/syncing with another shape', says(null)],
  ['answers /eth/v1/node/syncing with another shape', says({ is_syncing: null })],
]

describe.each(ODD)('a node that %s', (odd, order) => {
  test('is judged by the age of its head: recent', async () => {
    const node = await setUp(60)
    order()
    expect(await node.syncStatus(never)).toMatchObject({ isSyncing: false, odd })
  })

  test('is judged by the age of its head: old', async () => {
    const node = await setUp(3_600)
    order()
    expect(await node.syncStatus(never)).toMatchObject({ isSyncing: true, odd })
  })
})

test.each([
  [{ is_syncing: 'false' }, false],
  [{ is_syncing: true, sync_distance: '1000' }, true],
  [{ is_syncing: 'TRUE', sync_distance: 1000 }, true],
  [{ is_syncing: false, sync_distance: null }, false],
])('%o is the word of the node, whatever the age of its head', async (told, isSyncing) => {
  const node = await setUp(3_600)
  says(told)()
  const status = await node.syncStatus(never)
  expect(status).toMatchObject({ isSyncing })
  expect(status.odd).toBeUndefined()
  expect(server.calls).toHaveLength(1)
})

test.each([401, 429, 500, 503])('%i is no answer', async (status) => {
  const node = await setUp()
  answers(status)()
  await expect(node.syncStatus(never)).rejects.toMatchObject({ name: 'NoAnswerError', status })
})
