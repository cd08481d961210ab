import { expect, test } from 'vitest'
import { createWebhookSink } from '../../src/exits/webhook.ts'
import { requestOf } from '../journal/support.ts'

test('however many attempts are configured, one exit is tried for a bounded time', async () => {
  let calls = 0
  const sink = createWebhookSink(
    async () => {
      calls += 1
      return { status: 503, text: 'down' }
    },
    {
      host: 'hook',
      timeoutMs: 1_000,
      retries: 1_000_000,
      retryForMs: 1,
      token: undefined,
      header: 'Authorization',
      onAnswer() {},
    },
  )
  const result = await sink.offer(requestOf(1), 0, new AbortController().signal)
  expect(result).toEqual({ accepted: false, answers: ['hook: 503: down'] })
  // The first pause alone is longer.
  expect(calls).toBeLessThanOrEqual(2)
})
