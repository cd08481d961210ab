import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { until } from '../support/until.ts'
import { createWorld, type World } from '../support/world.ts'
import { type AnyNode, type Place, troublesOf } from './kinds.ts'
import { CONSENSUS_PLACES, EXECUTION_PLACES } from './places.ts'

/** One of each sort; what comes in their course is tested at a daemon that runs. */
const KINDS = ['refused', 'no answer in time', 'HTTP 404', 'HTTP 503', 'null', 'HTML']

let world: World
let asked = 0
beforeAll(async () => {
  world = await createWorld({ beacon: { validators: 100 } })
})
afterAll(() => world.close())

async function startWith<Node extends AnyNode>(place: Place<Node>, node: Node, kind: string) {
  const start = troublesOf(place).find(([name]) => name === kind)?.[1]
  if (start === undefined) throw new Error(`no such fault: ${kind}`)
  const validator = asked
  asked += 1
  world.writeMessage(validator)
  world.ask(world.requestOf(validator))
  const trouble = start(node)
  const app = await world.start(
    { JOB_INTERVAL: '20', FINALITY_EVENTS: 'false', LOGGER_LEVEL: 'info' },
    { callTimeoutMs: 500, pause: (_ms, signal) => rest(signal) },
  )
  await until('it goes wrong', () => trouble.hits() >= 1)
  await trouble.lift()
  await until('the exit is sent', () =>
    world.beacon.accepted.some(({ index }) => index === validator),
  )
  world.beacon.advance()
  world.beacon.finalize()
  await app.end()
  expect(world.beacon.accepted).toHaveLength(asked)
  expect(app.said('unexpected error')).toEqual([])
}

const rest = (signal: AbortSignal) =>
  new Promise<void>((resolve) => {
    if (signal.aborted) resolve()
    setTimeout(resolve, 20)
  })

describe('a fault at the start, which is over later: the exit is sent', () => {
  const cases = (places: readonly { readonly name: string }[]) =>
    places.flatMap(({ name }) => KINDS.map((kind) => [name, kind] as const))
  const isAtStart = ({ name }: { readonly name: string }) =>
    ['eth_chainId', 'eth_syncing', 'deposit_contract', 'syncing', 'genesis', 'spec'].includes(name)

  test.each(cases(EXECUTION_PLACES.filter(isAtStart)))('%s: %s', async (name, kind) => {
    const place = EXECUTION_PLACES.find((one) => one.name === name)
    if (place !== undefined) await startWith(place, world.execution, kind)
  })
  test.each(cases(CONSENSUS_PLACES.filter(isAtStart)))('%s: %s', async (name, kind) => {
    const place = CONSENSUS_PLACES.find((one) => one.name === name)
    if (place !== undefined) await startWith(place, world.consensus, kind)
  })
})
