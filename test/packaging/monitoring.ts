import { readFileSync } from 'node:fs'
import { collectDefaultMetrics, Registry } from 'prom-client'
import { parse as parseYaml } from 'yaml'
import { metricTable } from '../../src/observe/metric-table.ts'

/** The alerts and the dashboard as they lie in the repository, and what they count on. */

export const read = (path: string) =>
  readFileSync(new URL(`../../docker/${path}`, import.meta.url), 'utf8')

export type Alert = {
  readonly alert: string
  readonly expr: string
  readonly for?: string
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
}

type RuleFile = { readonly groups: readonly { readonly rules: readonly Alert[] }[] }

export const alerts: readonly Alert[] = (
  parseYaml(read('prometheus/alerts.yml')) as RuleFile
).groups.flatMap(({ rules }) => rules)

/** As GitHub makes it. */
const anchorOf = (heading: string) =>
  heading
    .toLowerCase()
    .replace(/[^a-z0-9 _-]/g, '')
    .replaceAll(' ', '-')

/** The sections of RUNBOOK.md, and the alerts that each names. */
export const runbook = read('RUNBOOK.md')
  .split(/^## /m)
  .slice(1)
  .map((text) => {
    const [heading = ''] = text.split('\n')
    const [, list = ''] = /^Alerts: ([\s\S]*?)\n\n/m.exec(text) ?? []
    return {
      heading,
      anchor: anchorOf(heading),
      text,
      alerts: [...list.matchAll(/`(\w+)`/g)].map(([, name]) => name),
    }
  })

type Target = { readonly refId: string; readonly expr: string; readonly legendFormat: string }
export type Panel = {
  readonly id: number
  readonly type: string
  readonly title: string
  readonly description?: string
  readonly datasource?: { readonly type: string; readonly uid: string }
  readonly gridPos: {
    readonly x: number
    readonly y: number
    readonly w: number
    readonly h: number
  }
  readonly targets?: readonly Target[]
  readonly fieldConfig?: { readonly defaults: { readonly unit?: string } }
}

export const dashboard = JSON.parse(read('grafana/dashboards/validator-ejector.json'))
export const panels: readonly Panel[] = dashboard.panels

export const panelQueries: readonly string[] = panels.flatMap(({ targets = [] }) =>
  targets.map(({ expr }) => expr),
)

/** Whatever of PromQL is in the dashboard: panels, and marks on the time line. */
export const queries: readonly string[] = [
  ...panelQueries,
  ...(dashboard.annotations.list as readonly { expr?: string }[]).flatMap(({ expr }) => expr ?? []),
]

/** The other dashboard: what `watch` sees. */
export const protocol = JSON.parse(read('grafana/dashboards/protocol.json'))
export const protocolPanels: readonly Panel[] = protocol.panels
export const protocolQueries: readonly string[] = protocolPanels.flatMap(({ targets = [] }) =>
  targets.map(({ expr }) => expr),
)

/** What Grafana puts in for its variables. */
export const filledIn = (expr: string): string =>
  expr
    .replaceAll('$__rate_interval', '5m')
    .replaceAll('$__range', '24h')
    .replaceAll('$instance', '.+')

type Series = { readonly labels: readonly string[]; readonly type: string }

/** What Prometheus adds to each series of a target. */
const TARGET_LABELS = ['job', 'instance']

/** Every series that a scrape of the daemon can bring, by name; histograms as their parts. */
export async function exported(): Promise<ReadonlyMap<string, readonly string[]>> {
  const found = new Map<string, readonly string[]>([
    ['up', TARGET_LABELS],
    ['ALERTS', ['alertname', 'alertstate', 'severity', ...TARGET_LABELS]],
  ])
  const add = (name: string, { labels, type }: Series) => {
    const all = [...labels, 'app', ...TARGET_LABELS]
    if (type !== 'histogram') found.set(name, all)
    else {
      for (const part of ['_count', '_sum']) found.set(name + part, all)
      found.set(`${name}_bucket`, [...all, 'le'])
    }
  }
  for (const [name, metric] of Object.entries(metricTable)) add(`validator_ejector_${name}`, metric)
  for (const [name, metric] of await nodeMetrics()) add(name, metric)
  return found
}

/** Those of Node.js, which the daemon asks prom-client for as well. */
async function nodeMetrics(): Promise<readonly (readonly [string, Series])[]> {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const metrics = await registry.getMetricsAsJSON()
  registry.clear()
  const labels = (name: string) => (name.includes('_gc_') ? ['kind'] : [])
  return metrics.map(({ name, type }) => [name, { type: String(type), labels: labels(name) }])
}

/** An expression without what could be taken for a name: strings, matchers, groupings, durations. */
const bare = (expr: string): string =>
  expr
    .replace(/"(?:[^"\\]|\\.)*"/g, '')
    .replace(/\{[^}]*\}/g, '')
    .replace(/\[[^\]]*\]/g, '')
    .replace(/\b(?:by|on|without|ignoring|group_left|group_right) *\([^)]*\)/g, '')

const WORDS = ['and', 'or', 'unless', 'bool', 'offset', 'inf', 'nan']

/** Names of series in a PromQL expression: words that are neither functions nor operators. */
export const namesIn = (expr: string): readonly string[] =>
  [...bare(expr).matchAll(/(?<!\w)[a-zA-Z_:][\w:]*(?![\w:]| *\()/g)]
    .map(([name]) => name)
    .filter((name) => !WORDS.includes(name.toLowerCase()))

/** Labels by which an expression chooses among the series of one name. */
export const matchersIn = (expr: string): readonly (readonly [name: string, label: string])[] =>
  [...expr.matchAll(/([a-zA-Z_]\w*)\{([^}]*)\}/g)].flatMap(([, name = '', list = '']) =>
    [...list.matchAll(/(\w+) *(?:=~|!~|!=|=) *"/g)].map(([, label = '']) => [name, label] as const),
  )
