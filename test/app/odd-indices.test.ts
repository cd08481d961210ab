import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { exitRequestLog } from '../sim/abi.ts'
import type { Call } from '../sim/faults.ts'
import { seededWallet } from '../sim/ledger.ts'
import { until } from '../support/until.ts'
import { createWorld, cycles, type World } from '../support/world.ts'

let world: World
afterEach(() => world.close())

const BAD = 3_000_000_000
const asksForIt = ({ path, body, query }: Call) =>
  path.endsWith('/validators') &&
  (body.includes(`"${BAD}"`) || query.getAll('id').includes(`${BAD}`))

test.each([400, 500])(
  'a message whose index a node answers with %i costs no other',
  async (status) => {
    world = await createWorld()
    world.consensus.faults.add({ kind: 'status', status, match: { when: asksForIt } })
    for (const validator of [1, 2, 3]) world.writeMessage(validator)
    const odd = world.beacon.signExit(4)
    const message = { ...odd.message, validator_index: `${BAD}` }
    writeFileSync(join(world.folder, 'odd.json'), JSON.stringify({ ...odd, message }))
    world.ask(world.requestOf(1))

    const app = await world.start()
    await until('the exit is sent', () => world.beacon.accepted.length > 0)
    await until(
      'messages are counted',
      async () => (await app.metric('exit_messages', { valid: 'true' })) === 3,
    )
    expect(await app.metric('exit_messages', { valid: 'false' })).toBe(1)
    const [refusal] = app.said('odd.json')
    expect(refusal).toMatchObject({ level: 'warn' })
    expect(app.said('cycle failed')).toEqual([])
  },
)

test.each([400, 500])(
  'a request whose index a node answers with %i costs no other, also in trust mode',
  async (status) => {
    world = await createWorld()
    world.consensus.faults.add({ kind: 'status', status, match: { when: asksForIt } })
    world.writeMessage(1)
    const { chain, requestOf } = world
    const logs = [requestOf(2, { validatorIndex: BAD }), requestOf(1)].map((request, at) =>
      exitRequestLog(chain.exitBus, request, at),
    )
    chain.addTransaction({ signer: seededWallet('anybody'), to: chain.exitBus, logs })
    chain.finalize()

    const app = await world.start({ TRUST_MODE: 'true' })
    await until('the exit is sent', () => world.beacon.accepted.length > 0)
    await cycles(app, 3)
    expect(app.said('exit requested')).toHaveLength(2)
    expect(app.said('cycle failed')).toEqual([])
  },
)
