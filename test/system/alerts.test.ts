import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { alerts } from '../packaging/monitoring.ts'
import { type AlertCase, cases, scenes } from './alert-cases.ts'
import { healthy, play } from './rule-test.ts'

const folder = mkdtempSync(join(tmpdir(), 'alerts-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** promtool's words, when something else fires than should. */
async function expectFiring({ series, at }: AlertCase, firing: readonly string[]) {
  const { code, output } = await play(folder, { ...healthy, ...series }, at, firing)
  expect(code, output).toBe(0)
}

test('every alert has its cases', () => {
  expect(Object.keys(cases).sort()).toEqual(alerts.map(({ alert }) => alert).sort())
})

describe.each(Object.entries(cases))('%s', (alert, { fires, quiet }) => {
  test('fires', () => expectFiring(fires, [alert, ...(fires.besides ?? [])]))

  test('is quiet', () => {
    expect(quiet.besides ?? []).not.toContain(alert)
    return expectFiring(quiet, quiet.besides ?? [])
  })
})

describe('of all alerts, and no others', () => {
  test.each(Object.entries(scenes))('%s', (_, scene) => expectFiring(scene, scene.firing))

  test('a wrong expectation would be noticed', async () => {
    const { code, output } = await play(folder, healthy, '1h', ['ValidatorEjectorDown'])

    expect(code).toBe(1)
    expect(output).toContain('FAILED')
  })
})
