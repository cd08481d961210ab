import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startWebhookReceiver, type WebhookReceiver } from '../sim/webhook-receiver.ts'
import { until } from '../support/until.ts'
import { createWorld, cycles, type RunningApp, type World } from '../support/world.ts'
import { troublesOf } from './kinds.ts'

const VALIDATORS = 30

describe('one fault at the webhook, while a request comes in', () => {
  let world: World
  let receiver: WebhookReceiver
  let app: RunningApp
  let asked = 0

  beforeAll(async () => {
    world = await createWorld({ beacon: { validators: VALIDATORS } })
    receiver = await startWebhookReceiver()
    app = await world.start({
      MESSAGES_LOCATION: '',
      VALIDATOR_EXIT_WEBHOOK: receiver.url,
      WEBHOOK_ABORT_TIMEOUT_MS: '120',
      WEBHOOK_RESEND_AFTER: '60',
      JOB_INTERVAL: '25',
      LOGGER_LEVEL: 'info',
    })
    await cycles(app)
  })
  afterAll(async () => {
    await world.close()
    await receiver.close()
  })

  const callsFor = (validator: number) =>
    receiver.calls.filter(({ body }) => JSON.parse(body).validatorIndex === String(validator))
  const submitted = (validator: number) =>
    app
      .said('exit submitted')
      .filter(({ details }) => (details as { validator: number }).validator === validator)
  /** 2xx is success, whatever stands in the body. */
  const COUNTS = ['null', 'half a JSON body', 'another shape', 'HTML']

  const place = { name: 'webhook', match: {} }
  test.each(troublesOf<WebhookReceiver>(place))('%s', async (name, start) => {
    const validator = asked
    asked += 1
    const trouble = start(receiver)
    world.ask(world.requestOf(validator))
    await until('it goes wrong', () => trouble.hits() >= 2)
    expect(submitted(validator).length > 0).toBe(COUNTS.includes(name))
    await trouble.lift()
    const before = callsFor(validator).length
    await until('it is called again', () => callsFor(validator).length > before)
    await until('that is a success', () => submitted(validator).length > 0)

    const keys = new Set(callsFor(validator).map(({ headers }) => headers['idempotency-key']))
    expect(keys.size).toBe(1)
    world.beacon.offerExit(world.beacon.signExit(validator), 'operator')
    world.beacon.advance()
    world.beacon.finalize()
    await until('it is settled', () =>
      app.lines.some(
        ({ message, details }) => message.includes('finalized') && details?.validator === validator,
      ),
    )
    expect(receiver.bodies().every((body) => Number(body.validatorIndex) < asked)).toBe(true)
    expect(await app.metric('exit_actions', { result: 'success' })).toBe(asked)
    expect(app.said('unexpected error')).toEqual([])
  })
})

describe('one fault at the stream of events, while a request comes in', () => {
  let world: World
  let asked = 0

  beforeAll(async () => {
    world = await createWorld({ beacon: { validators: VALIDATORS } })
    for (let index = 0; index < VALIDATORS; index += 1) world.writeMessage(index)
  })
  afterAll(() => world.close())

  const place = { name: 'events', match: { path: '/eth/v1/events' } }
  /** Of the whole node: that is another test. */
  const kinds = troublesOf<World['consensus']>(place).filter(([name]) => name !== 'refused')
  test.each(kinds)('%s: the exit is sent without it', async (_name, start) => {
    const validator = asked
    asked += 1
    const trouble = start(world.consensus)
    const app = await world.start({ JOB_INTERVAL: '40', LOGGER_LEVEL: 'info' })
    await until('it goes wrong', () => trouble.hits() >= 1)
    world.ask(world.requestOf(validator))
    await until('the exit is sent', () =>
      world.beacon.accepted.some(({ index }) => index === validator),
    )
    await trouble.lift()
    world.beacon.advance()
    world.beacon.finalize()
    await cycles(app)
    expect(app.lines.filter(({ level }) => level === 'error')).toEqual([])
    expect(app.said('cycle failed')).toEqual([])
    expect(world.beacon.accepted).toHaveLength(asked)
    await app.end()
  })
})
