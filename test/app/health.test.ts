import { expect, test } from 'vitest'
import { createHealth } from '../../src/observe/health.ts'

const MINUTE = 60_000

function setUp(intervalMs: number) {
  let now = 0
  const health = createHealth(intervalMs, () => now)
  return { health, at: (ms: number) => (now = ms) }
}

test('health is good from the start, and until three intervals passed without a good cycle', () => {
  const { health, at } = setUp(5 * MINUTE)
  at(15 * MINUTE - 1)
  expect(health.health()).toEqual({ ok: true, reasons: [] })
  at(15 * MINUTE)
  expect(health.health()).toEqual({
    ok: false,
    reasons: ['not one good cycle since the start for 15 minutes', 'starting'],
  })
})

test('a short interval gets ten minutes', () => {
  const { health, at } = setUp(1_000)
  health.cycleEnded(true, [], true)
  at(10 * MINUTE - 1)
  expect(health.health().ok).toBe(true)
  at(10 * MINUTE)
  health.cycleEnded(false, ['read exit requests: no execution node is up and synced'], true)
  expect(health.health()).toEqual({
    ok: false,
    reasons: [
      'no good cycle for 10 minutes',
      'read exit requests: no execution node is up and synced',
    ],
  })
  health.cycleEnded(true, [], true)
  expect(health.health().ok).toBe(true)
})

test('ready means that a good cycle has ended and the messages are loaded', () => {
  const { health } = setUp(1_000)
  expect(health.ready()).toEqual({ ok: false, reasons: ['starting'] })
  health.waitingFor(['no consensus node is up and synced (a: refused)'])
  expect(health.ready().reasons).toEqual(['no consensus node is up and synced (a: refused)'])
  health.cycleEnded(true, [], false)
  expect(health.ready()).toEqual({ ok: false, reasons: ['the messages are still loading'] })
  health.cycleEnded(true, [], true)
  expect(health.ready()).toEqual({ ok: true, reasons: [] })
  health.cycleEnded(false, ['prove requests: a: reset'], true)
  expect(health.ready()).toEqual({ ok: false, reasons: ['prove requests: a: reset'] })
})
