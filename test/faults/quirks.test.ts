import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CONSENSUS_QUIRKS, EXECUTION_QUIRKS, type Quirk, UNBEARABLE_INDEX } from '../sim/quirks.ts'
import { createRandom } from '../soak/random.ts'
import { until } from '../support/until.ts'
import { createWorld, type RunningApp, type World } from '../support/world.ts'

const VALIDATORS = 60
/** Blocks: more than a quirk makes a node forget. */
const HISTORY = 1_000
const SEED = 7

describe('the only node of its layer has a quirk: the exit is sent while it lasts', () => {
  let world: World
  let app: RunningApp
  let asked = 0

  beforeAll(async () => {
    world = await createWorld({ beacon: { validators: VALIDATORS } })
    for (let index = 0; index < VALIDATORS; index += 1) world.writeMessage(index)
    const exit = world.beacon.signExit(0)
    const message = { ...exit.message, validator_index: `${UNBEARABLE_INDEX}` }
    writeFileSync(join(world.folder, 'odd.json'), JSON.stringify({ ...exit, message }))
    world.chain.mine(HISTORY)
    world.chain.finalize()
  })
  afterAll(() => world.close())

  async function serve<Node>(quirk: Quirk<Node>, node: Node, form: number): Promise<void> {
    const { chain, beacon } = world
    const validator = asked
    asked += 1
    const lift = quirk.begin(node, createRandom(SEED + form), chain.head)
    // A new daemon: what it learnt before the quirk does not help it.
    app = await world.start(
      { JOB_INTERVAL: '25', FINALITY_EVENTS: 'false', LOGGER_LEVEL: 'info' },
      { callTimeoutMs: 500 },
    )
    // Its clock may not leave the chains behind, however busy the machine is.
    chain.mine(100)
    beacon.advance(2)
    chain.submitReport({ requests: [world.requestOf(validator)], txType: 0 })
    chain.mine(64)
    chain.finalize(chain.head - 1)
    await until('the exit is sent', () => beacon.accepted.some(({ index }) => index === validator))
    beacon.advance()
    beacon.finalize()
    await until('the exit is settled', () =>
      app.lines.some(
        ({ message, details }) => message.includes('finalized') && details?.validator === validator,
      ),
    )
    await lift()
    await app.end()
    expect(beacon.accepted.map(({ index }) => index)).toEqual(
      Array.from({ length: asked }, (_, index) => index),
    )
    expect(app.said('unexpected error')).toEqual([])
  }

  /** Those that come in several forms are met in three of them. */
  const formsOf = <Node>(quirks: Readonly<Record<string, Quirk<Node>>>) =>
    Object.entries(quirks)
      .filter(([name]) => !name.startsWith('pool'))
      .flatMap(([name, quirk]) =>
        (quirk.begin.length > 1 ? [0, 1, 2] : [0]).map((form) => [name, form, quirk] as const),
      )

  test.each(formsOf(EXECUTION_QUIRKS))('execution node: %s (form %i)', (_name, form, quirk) =>
    serve(quirk, world.execution, form),
  )
  test.each(formsOf(CONSENSUS_QUIRKS))('consensus node: %s (form %i)', (_name, form, quirk) =>
    serve(quirk, world.consensus, form),
  )
})
