import { afterEach, expect, test } from 'vitest'
import { createClockWatch } from '../../src/app/clock.ts'
import { tellClock } from '../../src/cli/check/machine.ts'
import { send } from '../../src/lib/http.ts'
import { startWebhookReceiver, type WebhookReceiver } from '../sim/webhook-receiver.ts'

let server: WebhookReceiver
afterEach(() => server.close())

/** What is said when this clock is so far ahead of a server's, which tells its time as all do. */
async function tellOf(secondsAhead: number, jwtSecretPath?: string) {
  server = await startWebhookReceiver()
  const watch = createClockWatch(send, () => Date.now() + secondsAhead * 1_000)
  const { signal } = new AbortController()
  const answer = await watch.send(new URL(server.url), { method: 'POST', signal })
  for await (const _ of answer.body);
  return tellClock(watch.skew(), { jwtSecretPath })
}

test.each([0, 8, -8])('%i s off is the network: nothing to do', async (seconds) => {
  expect(await tellOf(seconds)).toMatchObject([{ status: 'ok', remedy: null }])
})

test.each([
  [300, 'ahead of the nodes'],
  [-300, 'behind the nodes'],
])('%i s off is a warning', async (seconds, said) => {
  const [finding] = await tellOf(seconds)

  expect(finding).toMatchObject({ status: 'warning', remedy: expect.stringContaining('NTP') })
  expect(finding?.detail).toMatch(new RegExp(`^(299|300|301) s ${said}$`))
})

test('with JWT, which nodes refuse then, it is a failure', async () => {
  expect(await tellOf(300, 'secret.hex')).toMatchObject([{ status: 'failure' }])
})

test('where no node tells its time, nothing is said', async () => {
  server = await startWebhookReceiver()
  expect(tellClock(createClockWatch(send, Date.now).skew(), { jwtSecretPath: undefined })).toEqual(
    [],
  )
})
