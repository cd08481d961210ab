import { expect, test } from 'vitest'
import type { BeaconChainOptions } from '../sim/beacon-chain.ts'
import { createFinalityWorld } from '../support/finality.ts'
import { until } from '../support/until.ts'
import { createWorld, type RunningApp, readMetric, type World } from '../support/world.ts'
import { type AnyNode, mannersOf, type Place, troublesOf } from './kinds.ts'

/** Short enough to wait for, long enough for a healthy answer on a busy machine. */
const CALL_TIMEOUT_MS = 500
/** More than any place has troubles. */
const VALIDATORS = 30

export type Layer = 'execution' | 'consensus'

/** @param besides - healthy nodes of that layer, behind the one that fails */
async function setUp(
  layer: Layer,
  besides: number,
  { beacon = {}, finality }: { beacon?: BeaconChainOptions; finality?: boolean },
) {
  const nodes = Array.from({ length: 1 + besides }, () => ({}))
  const options = {
    beacon: { validators: VALIDATORS, ...beacon },
    ...(layer === 'execution' ? { executionNodes: nodes } : { beaconNodes: nodes }),
  }
  const final = finality === true ? await createFinalityWorld(options) : undefined
  const world = final ?? (await createWorld(options))
  for (let index = 0; index < VALIDATORS; index += 1) world.writeMessage(index)
  let offset = 0
  const app = await world.start(
    { JOB_INTERVAL: '25', FINALITY_EVENTS: 'false', LOGGER_LEVEL: 'info', ...final?.finality() },
    { callTimeoutMs: CALL_TIMEOUT_MS, now: () => Date.now() + offset },
  )
  const left = () => app.metric('exit_messages_left_number')
  await until('messages are loaded', async () => (await left()) === VALIDATORS)
  const later = (ms: number) => {
    offset += ms
  }
  /** A genuine request, final on both chains. */
  const ask = async (validator: number) => {
    if (final === undefined) world.ask(world.requestOf(validator))
    else await final.askFinal(validator)
  }
  return { world, app, later, ask }
}

const isAccepted = ({ beacon }: World, validator: number) =>
  beacon.accepted.some(({ index }) => index === validator)

function include({ beacon }: World) {
  beacon.advance()
  beacon.finalize()
}

/** Nobody was asked to leave but these, each counts once, and all of them are through. */
async function expectEach(world: World, app: RunningApp, asked: number, what: string) {
  await until(`${what}: the exit is settled`, () =>
    app.lines.some(
      ({ message, details }) => message.includes('finalized') && details?.validator === asked - 1,
    ),
  )
  const metrics = await app.metrics()
  const count = (name: string, result: string) =>
    readMetric(metrics, `validator_ejector_${name}`, { result })
  expect(count('event_security_verification', 'success'), what).toBe(asked)
  // Where the answer of the pool is lost, the registry tells that the exit is on its way.
  expect(count('exit_actions', 'success'), what).toBeLessThanOrEqual(asked)
  expect(count('exit_actions', 'error'), what).toBeLessThanOrEqual(asked)
  const indices = world.beacon.accepted.map(({ index }) => index)
  expect(indices, what).toEqual(Array.from({ length: asked }, (_, index) => index))
  for (const exit of world.beaconNodes.flatMap((node) => node.postedExits())) {
    const { message } = exit as { message: { validator_index: string } }
    expect(Number(message.validator_index), what).toBeLessThan(asked)
  }
}

async function goThrough<Node extends AnyNode>(
  place: Place<Node>,
  layer: Layer,
  nodeOf: (world: World) => Node,
  besides: number,
) {
  const { world, app, later, ask } = await setUp(layer, besides, place)
  const node = nodeOf(world)
  place.prepare?.(node)
  try {
    const troubles = besides === 0 ? troublesOf(place) : mannersOf(place)
    for (const [validator, [name, start]] of troubles.entries()) {
      const what = `${place.name}: ${name}`
      const trouble = start(node)
      let polls = 0
      const isHit = () => {
        if (polls % 50 === 0) place.provoke?.(node, later)
        polls += 1
        return trouble.hits() >= (besides === 0 ? 2 : 1)
      }
      await ask(validator)
      if (place.afterExit === true) {
        await until(`${what}: the exit is sent`, () => isAccepted(world, validator))
        include(world)
      }
      await until(`${what}: it goes wrong`, isHit)
      if (besides === 0) await trouble.lift()
      await until(`${what}: the exit is sent`, () => isAccepted(world, validator))
      await trouble.lift()
      if (place.afterExit !== true) include(world)
      await expectEach(world, app, validator + 1, what)
    }
    expect(app.said('unexpected error')).toEqual([])
  } finally {
    await world.close()
  }
}

/** One world for each place: one fault after the other, alone, and beside a healthy node. */
export function testPlace<Node extends AnyNode>(
  place: Place<Node>,
  layer: Layer,
  nodeOf: (world: World) => Node,
): void {
  test(`${place.name}: the exit is sent once it is over`, () => goThrough(place, layer, nodeOf, 0))
  test(`${place.name}: the exit is sent by the help of a second node`, () =>
    goThrough(place, layer, nodeOf, 1))
}
