import { afterEach, expect, test } from 'vitest'
import { until } from '../support/until.ts'
import { createWorld, OURS, type World } from '../support/world.ts'

let world: World
afterEach(() => world.close())

const PATH = '/v1/modules/1/validators/validator-exits-to-prepare/5'

async function setUp() {
  world = await createWorld()
  for (const module of world.chain.modules) {
    module.keys = { [OURS.operatorId]: [7, 3, 5].map((index) => world.beacon.pubkey(index)) }
  }
}
const answerOf = async (url: string) => {
  const response = await fetch(url)
  return { status: response.status, body: await response.json().catch(() => undefined) }
}

test('RUN_KEYS_API serves the order that the nodes tell, with the finalized block', async () => {
  await setUp()
  const app = await world.start({ RUN_KEYS_API: 'true' })
  await until('the order was read', async () => (await answerOf(app.url + PATH)).status === 200)

  const epoch = world.beacon.finalizedView.epoch
  expect((await answerOf(`${app.url}${PATH}?percent=100`)).body).toEqual({
    data: [3, 5, 7].map((index) => ({ validatorIndex: index, key: world.beacon.pubkey(index) })),
    meta: {
      clBlockSnapshot: {
        epoch,
        root: expect.stringMatching(/^0x[0-9a-f]{64}$/),
        slot: epoch * 32,
        blockNumber: epoch * 32,
        timestamp: world.beacon.genesisTime + epoch * 32 * 12,
        blockHash: expect.stringMatching(/^0x[0-9a-f]{64}$/),
      },
    },
  })
  expect((await answerOf(`${app.url}/exits?operatorId=5&messages=true`)).body).toEqual({
    5: [{ epoch: String(epoch), validator_index: '3' }],
  })
  expect((await answerOf(`${app.url}/v1/status`)).body).toMatchObject({ chainId: 560048 })
  expect((await answerOf(`${app.url}${PATH}?percent=x`)).status).toBe(400)
  expect((await fetch(`${app.url}${PATH}`, { method: 'POST' })).status).toBe(405)

  // What was asked for is left out at once.
  world.ask(world.requestOf(3))
  await until('the next one is first', async () => {
    const { body } = await answerOf(`${app.url}${PATH}?max_amount=1`)
    return (body as { data: { validatorIndex: number }[] }).data[0]?.validatorIndex === 5
  })
})

test('it is too early while the keys cannot be read, and they are tried again', async () => {
  await setUp()
  const [module] = world.chain.modules
  if (module === undefined) throw new Error('no module')
  world.chain.contracts.set(module.address, () => undefined)
  const app = await world.start({ RUN_KEYS_API: 'true' })
  await until('it failed', () => app.said('could not be read').length > 0)
  expect(await answerOf(app.url + PATH)).toEqual({
    status: 425,
    body: { statusCode: 425, message: 'Too early response' },
  })
  world.chain.contracts.delete(module.address)
  await until('it is read', async () => (await answerOf(app.url + PATH)).status === 200)
})

test('without RUN_KEYS_API there are no such paths', async () => {
  await setUp()
  const app = await world.start()
  for (const path of [PATH, '/v1/status', '/exits']) {
    expect((await fetch(app.url + path)).status).toBe(404)
  }
})
