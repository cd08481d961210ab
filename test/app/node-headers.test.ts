import { afterEach, expect, test } from 'vitest'
import { until } from '../support/until.ts'
import { createWorld, type World } from '../support/world.ts'

let world: World
afterEach(() => world.close())

test('every call to a node carries its headers, the event stream included, and no log shows them', async () => {
  world = await createWorld({ executionNodes: [{}, {}] })
  const [keyed, other] = world.executionNodes
  const key = 'k3y-0f-the-operator'
  const headers = { 'X-API-Key': key }
  const hostOf = (url = '') => new URL(url).host
  const NODE_HEADERS = JSON.stringify({
    [hostOf(keyed?.url)]: headers,
    [hostOf(world.consensus.url)]: headers,
  })
  world.writeMessage(1)
  world.ask(world.requestOf(1))
  const app = await world.start({ NODE_HEADERS })
  await until('the exit is sent', () => world.beacon.accepted.length > 0)
  const isStream = ({ path }: { path: string }) => path === '/eth/v1/events'
  await until('the stream is open', () => world.consensus.calls.some(isStream))

  const sent = (calls: readonly { headers: Record<string, unknown> }[] = []) =>
    new Set(calls.map((call) => call.headers['x-api-key']))
  expect([...sent(keyed?.calls)]).toEqual([key])
  expect([...sent(world.consensus.calls)]).toEqual([key])
  expect([...sent(other?.calls)]).toEqual([undefined])
  expect(app.said(key)).toEqual([])
})
