import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { alerts, filledIn, queries } from '../packaging/monitoring.ts'
import { cases } from './alert-cases.ts'
import { healthy, playForWords } from './rule-test.ts'
import { docker, run, type Tool } from './tools.ts'

const folder = mkdtempSync(join(tmpdir(), 'files-'))
afterAll(() => rmSync(folder, { recursive: true }))

async function expectYes(tool: Tool, ...args: readonly string[]) {
  const { code, output } = await run(tool, args)
  expect(code, output).toBe(0)
}

test('Prometheus takes its configuration, and the rules in it', () =>
  expectYes('promtool', 'check', 'config', docker('prometheus/prometheus.yml')))

test('Alertmanager takes its configuration', () =>
  expectYes('amtool', 'check-config', docker('alertmanager/alertmanager.yml')))

test('Alertmanager takes the receivers in its comments', async () => {
  const text = readFileSync(docker('alertmanager/alertmanager.yml'), 'utf8')
    .replace(/^ {2}# /gm, '  ')
    .replaceAll('receiver: nobody', 'receiver: telegram')
    // Debian's Alertmanager does not read these from files yet.
    .replace(/bot_token_file: .*/, 'bot_token: token')
    .replace(/url_file: .*/, 'url: http://127.0.0.1/')
  const file = join(folder, 'alertmanager.yml')
  writeFileSync(file, text)

  await expectYes('amtool', 'check-config', file)
  expect(text).toMatch(/^ {2}- name: telegram$/m)
  expect(text).toMatch(/^ {2}- name: webhook$/m)
})

test('Prometheus understands every query of the dashboard', async () => {
  const rules = queries.map((expr, at) => ({ record: `query_${at}`, expr: filledIn(expr) }))
  const file = join(folder, 'dashboard.yml')
  writeFileSync(file, stringify({ groups: [{ name: 'dashboard', rules }] }))

  expect(rules.length).toBeGreaterThan(50)
  await expectYes('promtool', 'check', 'rules', file)
})

test('an alert that fires has no gap in its words', async () => {
  const played = Object.entries(cases).map(([alert, { fires }]) => ({
    alert,
    at: fires.at,
    series: { ...healthy, ...fires.series },
  }))
  const words = await playForWords(folder, played)

  for (const { alert } of alerts) expect(words).toMatch(new RegExp(`alertname="${alert}"`))
  expect(words).not.toMatch(/<no value>|error expanding|\{\{|%!|NaN|\bof\s+module ,/)
})
