import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { metricTable } from '../../src/observe/metric-table.ts'
import {
  alerts,
  dashboard,
  exported,
  matchersIn,
  namesIn,
  panels,
  protocol,
  protocolPanels,
  protocolQueries,
  queries,
  read,
  runbook,
} from './monitoring.ts'

const known = await exported()

describe('names in PromQL are found', () => {
  test.each([
    ['a_b > 0', ['a_b']],
    [
      'sum by (job, instance) (increase(a_total{x!="y"}[30m])) >= 3 unless on () up == 0',
      ['a_total', 'up'],
    ],
    ['time() - (a or b{c="d or e"}) > 24 * 3600', ['a', 'b']],
    ['absent(a) unless on (x) b < bool 5', ['a', 'b']],
    ['histogram_quantile(0.95, sum by (le) (rate(a_bucket[$__rate_interval])))', ['a_bucket']],
  ])('%s', (expr, names) => {
    expect(namesIn(expr)).toEqual(names)
  })

  test('with the labels that choose among series', () => {
    expect(matchersIn('a{b="c", d=~"e"} / b{f!="g=h"}')).toEqual([
      ['a', 'b'],
      ['a', 'd'],
      ['b', 'f'],
    ])
  })
})

describe.each([
  ['alerts.yml', alerts.map(({ expr }) => expr)],
  ['the dashboard', queries],
  ['the dashboard of the protocol', protocolQueries],
])('%s', (_, expressions) => {
  test('names no metric that the daemon does not export', () => {
    const names = new Set(expressions.flatMap(namesIn))

    expect(names.size).toBeGreaterThan(8)
    expect([...names].filter((name) => !known.has(name))).toEqual([])
  })

  test('chooses by no label that the metric does not have', () => {
    const matchers = expressions.flatMap(matchersIn)

    expect(matchers.length).toBeGreaterThan(5)
    const unknown = matchers.filter(([name, label]) => known.get(name)?.includes(label) !== true)
    expect(unknown).toEqual([])
  })
})

describe('alerts', () => {
  test('have names of their own', () => {
    expect(new Set(alerts.map(({ alert }) => alert)).size).toBe(alerts.length)
  })

  test.each(alerts)('$alert says how bad it is, what it is and where to read on', (one) => {
    const { summary = '', description = '', runbook_url = '' } = one.annotations

    expect(one.alert).toMatch(/^ValidatorEjector[A-Z]\w+$/)
    expect(one.labels).toEqual({ severity: expect.stringMatching(/^(warning|critical)$/) })
    expect(summary).toMatch(/^.{15,140}$/)
    expect(description).toMatch(/^[A-Z0-9{].{10,}[.?]$/)
    expect(runbook_url).toMatch(/^docker\/RUNBOOK\.md#[a-z0-9_-]+$/)
    expect(runbook.map(({ anchor }) => anchor)).toContain(runbook_url.split('#')[1])
  })

  test.each(alerts)('$alert fills its words with what its series have', ({ expr, annotations }) => {
    const words = Object.values(annotations).join(' ')
    const holes = [...words.matchAll(/\{\{(.*?)\}\}/g)].map(([, hole = '']) => hole.trim())
    // What an aggregation leaves of the labels.
    const kept = /^(?:sum|max) by \(([^)]*)\)/.exec(expr)?.[1]?.split(', ')
    const labels = kept ?? namesIn(expr).flatMap((name) => known.get(name) ?? [])

    for (const hole of holes) {
      const [, label] = /^\$labels\.(\w+)$/.exec(hole) ?? []
      if (label === undefined) expect(hole).toMatch(/^\$value( \||$)/)
      else expect(labels).toContain(label)
    }
  })

  test('hold back no alert, and no label, that is not there', () => {
    const names = alerts.map(({ alert }) => alert)
    const matchers = [...read('alertmanager/alertmanager.yml').matchAll(/alertname=~?"([^"]*)"/g)]

    expect(matchers.length).toBeGreaterThanOrEqual(10)
    for (const [whole, pattern = ''] of matchers) {
      const isMeant = new RegExp(`^(?:${pattern})$`)
      expect(names.filter((name) => isMeant.test(name)).length, whole).toBeGreaterThan(0)
    }
  })
})

const PARTS = ['What it means', 'Where to look', 'What to do', 'What waiting costs']
describe('RUNBOOK.md', () => {
  test.each(runbook)(
    '$heading: what it means, where to look, what to do, what waiting costs',
    ({ text }) => {
      expect([...text.matchAll(/^\*\*(.*)\.\*\* /gm)].map(([, part]) => part)).toEqual(PARTS)
    },
  )

  test.each(runbook)('$heading names the alerts that lead there', (section) => {
    const leading = alerts.filter(
      ({ annotations }) => annotations.runbook_url === `docker/RUNBOOK.md#${section.anchor}`,
    )

    expect(leading.length).toBeGreaterThan(0)
    expect(section.alerts).toEqual(leading.map(({ alert }) => alert))
  })

  test('what it has you look for in the log is said there', () => {
    const source = readdirSync(new URL('../../src/', import.meta.url), { recursive: true })
      .filter((name) => /\.tsx?$/.test(`${name}`))
      .map((name) => readFileSync(new URL(`../../src/${name}`, import.meta.url), 'utf8'))
      .join('\n')
    const searched = [...read('RUNBOOK.md').matchAll(/grep (?:-i )?'([^']*)'/g)]

    expect(searched.length).toBeGreaterThanOrEqual(5)
    for (const [, words] of searched) expect(source).toContain(words)
  })
})

describe('the dashboard', () => {
  const graphs = panels.filter(({ type }) => type !== 'row')
  const others = protocolPanels.filter(({ type }) => type !== 'row')

  test('is found again after an update, and by hand', () => {
    expect(dashboard).toMatchObject({
      id: null,
      uid: 'validator-ejector',
      title: 'Validator Ejector',
    })
    // The provisioned one is `prometheus`; by hand another may be chosen. Nothing asks for it.
    expect(dashboard).not.toHaveProperty('__inputs')
    expect(dashboard.templating.list[0]).toMatchObject({
      name: 'datasource',
      type: 'datasource',
      query: 'prometheus',
    })
  })

  test('starts with whether all is well', () => {
    const [first, second] = panels.filter(({ type }) => type === 'row')
    const top = graphs.filter(({ gridPos }) => gridPos.y < second!.gridPos.y)

    expect(first?.title).toBe('Am I safe now?')
    expect(top.map(({ title }) => title).slice(0, 4)).toEqual([
      'Ready',
      'Open requests',
      'Most urgent',
      'Messages left',
    ])
    for (const { type } of top) expect(type).toBe('stat')
  })

  test('of the protocol is found beside it', () => {
    expect(protocol).toMatchObject({ id: null, uid: 'validator-ejector-protocol' })
    expect(protocol.templating.list[0].query).toBe('prometheus')
    expect(others.map(({ title }) => title)).toEqual(
      expect.arrayContaining([
        'Open by module',
        'Overdue by module',
        'Slowest operators',
        'Time from request to exit',
        'Requests per day',
      ]),
    )
  })

  test.each([...graphs, ...others])(
    '$title asks the chosen source, and has a unit and a meaning',
    (panel) => {
      expect(panel.datasource).toEqual({ type: 'prometheus', uid: CHOSEN })
      expect(panel.fieldConfig?.defaults.unit).toMatch(/^\w+$/)
      expect(panel.description).toMatch(/\.$/)
      expect(panel.targets?.length).toBeGreaterThan(0)
      for (const { expr, legendFormat } of panel.targets ?? []) {
        expect(legendFormat).not.toBe('')
        // A fixed range is wrong at one zoom or the other.
        expect(expr.match(/\[(?!\$__rate_interval\]|\$__range\]).*?\]/g) ?? []).toEqual([])
        for (const [, label = ''] of legendFormat.matchAll(/\{\{(\w+)\}\}/g)) {
          const labels = namesIn(expr).flatMap((name) => known.get(name) ?? [])
          expect(labels).toContain(label)
        }
      }
    },
  )

  test.each([
    ['', panels],
    [' of the protocol', protocolPanels],
  ])('no panel%s lies on another', (_, panels) => {
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length)
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, at) => `${x + (at % w)}:${y + Math.floor(at / w)}`),
    )

    expect(new Set(cells).size).toBe(cells.length)
    for (const { gridPos } of panels) expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24)
  })

  test('shows every metric of ours, those of the older daemon among them', () => {
    const shown = new Set([...queries, ...protocolQueries].flatMap(namesIn))
    const isShown = (name: string) =>
      ['', '_count', '_sum', '_bucket'].some((part) =>
        shown.has(`validator_ejector_${name}${part}`),
      )

    expect(Object.keys(metricTable).filter((name) => !isShown(name))).toEqual([])
    for (const name of OLDER) expect(metricTable).toHaveProperty(name)
    for (const name of OLDER_OF_NODE) expect([...shown]).toContain(name)
  })
})

// biome-ignore lint/suspicious/noTemplateCurlyInString: Grafana fills it in
const CHOSEN = '${datasource}'
/** Dashboards that people have show these. */
const OLDER = [
  'build_info',
  'exit_messages',
  'exit_messages_left_number',
  'exit_messages_left_percent',
  'exit_actions',
  'event_security_verification',
  'polling_last_blocks_duration_seconds',
  'execution_request_duration_seconds',
  'consensus_request_duration_seconds',
  'job_duration_seconds',
  'job_message_reloader_duration_seconds',
]
const OLDER_OF_NODE = [
  'process_cpu_seconds_total',
  'process_resident_memory_bytes',
  'nodejs_heap_size_used_bytes',
  'nodejs_eventloop_lag_seconds',
]
