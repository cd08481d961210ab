import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { until } from '../support/until.ts'
import { createWorld, type World } from '../support/world.ts'
import { type BucketKind, buckets, useEnv } from './bucket-places.ts'

const KINDS = Object.keys(buckets) as BucketKind[]

describe.each(KINDS)('the daemon with messages in a bucket of %s', (kind) => {
  let world: World
  let server: Awaited<ReturnType<(typeof buckets)[BucketKind]>>
  beforeEach(async () => {
    world = await createWorld()
    server = await buckets[kind]('bucket')
  })
  afterEach(async () => {
    await world.close()
    await server.close()
  })
  const put = (index: number) =>
    server.put('bucket', `lido/${index}.json`, JSON.stringify(world.beacon.signExit(index)))
  const exited = (index: number) =>
    until(`validator ${index} is told to exit`, () =>
      world.beacon.accepted.some((one) => one.index === index),
    )
  async function start() {
    useEnv(server.env)
    return world.start({ MESSAGES_LOCATION: `${kind}://bucket/lido` })
  }
  const ready = async (url: string) => {
    const response = await fetch(`${url}/readyz`)
    return { status: response.status, text: await response.text() }
  }

  test('exits what is asked for, also while the bucket is away, and health tells', async () => {
    await put(1)
    await put(2)
    world.ask(world.requestOf(1))
    const app = await start()
    await exited(1)
    await until('it is ready', async () => (await ready(app.url)).status === 200)

    await server.removeBucket('bucket')
    await until('it is not ready', async () => (await ready(app.url)).status === 503)
    expect((await ready(app.url)).text).toContain(
      `load messages: read messages ${kind}://bucket/lido`,
    )
    expect((await ready(app.url)).text).toContain('no such bucket')
    world.ask(world.requestOf(2))
    await exited(2)
    expect(await app.metric('exit_messages', { valid: 'true' })).toBe(2)

    await server.createBucket('bucket')
    await put(2)
    await put(3)
    await until('it is ready again', async () => (await ready(app.url)).status === 200)
    world.ask(world.requestOf(3))
    await exited(3)
  })

  test('an emptied prefix is the stop of the operator', async () => {
    await put(1)
    const app = await start()
    await until('it is loaded', async () => (await app.metric('exit_messages_left_number')) === 1)

    await server.remove('bucket', 'lido/1.json')
    await until('it is said', () => app.said('messages location holds no .json file').length > 0)
    world.ask(world.requestOf(1))
    await until('it is missed', () => app.said('no message found').length > 0)
    expect(world.beacon.accepted).toEqual([])
  })
})
