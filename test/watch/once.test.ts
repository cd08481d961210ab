import { afterEach, describe, expect, test } from 'vitest'
import { envOf, inFolder, runHere } from '../cli/command.ts'
import type { World } from '../support/world.ts'
import { askHoursAgo, createProtocol } from './support.ts'

let world: World
afterEach(() => world?.close())

const once = (args: readonly string[] = [], more: NodeJS.ProcessEnv = {}) =>
  inFolder(world.home, () =>
    runHere(['watch', '--once', ...args], {
      ...envOf(world),
      EJECTOR_SCOPE: '',
      MESSAGES_LOCATION: '',
      PROOF: 'oracle',
      ...more,
    }),
  )

describe('watch --once', () => {
  test('prints what /status shows, and ends with 1 when something is overdue', async () => {
    world = await createProtocol()
    askHoursAgo(world, 100, { module: 1, operator: 5, validator: 1 })
    askHoursAgo(world, 1, { module: 3, operator: 0, validator: 2 })
    const { code, stdout } = await once(['--json'])
    const status = JSON.parse(stdout)

    expect(code).toBe(1)
    expect(status).toMatchObject({
      mode: { delivery: 'watch', scope: 'all' },
      modules: [
        { module: 1, name: 'curated', overdue: { delinquent: 1 } },
        { module: 3, name: 'community', overdue: { delinquent: 0 }, open: 1 },
        { module: 4, asked: 0 },
      ],
      operators: { total: 2 },
      problems: [],
    })
    expect(status.operators.rows[0]).toMatchObject({ module: 1, operator: 5, name: 'Alice' })
  })

  test('ends with 0 when nothing is, in words', async () => {
    world = await createProtocol()
    askHoursAgo(world, 30, { module: 1, operator: 5, validator: 1 })
    const { code, stdout } = await once()

    expect(code).toBe(0)
    expect(stdout).toContain('✓ module 1 (curated): 1 open, 1 delayed, 0 overdue, 0 exiting')
  })

  test('names who is overdue', async () => {
    world = await createProtocol()
    askHoursAgo(world, 100, { module: 1, operator: 5, validator: 1 })
    const { code, stdout } = await once()

    expect(code).toBe(1)
    expect(stdout).toMatch(
      /✗ operator 5 of module 1 \(Alice\): 1 of 1 open exits are past their deadline, overdue by (3|4) h/,
    )
  })

  test('the deadline of the operator counts, not that of most', async () => {
    world = await createProtocol()
    const [module] = world.chain.modules
    if (module) module.exitDeadlineSeconds = 120 * 3_600
    askHoursAgo(world, 100, { module: 1, operator: 5, validator: 1 })

    expect((await once()).code).toBe(0)
  })

  test('does not say that all is well where blocks cannot be read', async () => {
    world = await createProtocol({ executionNodes: [{ firstLogBlock: 99_990 }] })
    askHoursAgo(world, 1, { module: 1, operator: 5, validator: 1 })
    const { code, stderr } = await once()

    expect(code).toBe(1)
    expect(stderr).toContain('not everything is known')
  })

  test('says what it ignores, in one line', async () => {
    world = await createProtocol()
    const { stderr } = await once([], { MESSAGES_LOCATION: world.folder, WEBHOOK_TOKEN: 'abc' })

    expect(stderr).toContain(
      'watch hands out no exits, and ignores MESSAGES_LOCATION, WEBHOOK_TOKEN',
    )
  })

  test('a wrong setting ends it with 2', async () => {
    world = await createProtocol()
    expect((await once([], { JOB_INTERVAL: 'soon' })).code).toBe(2)
  })
})
