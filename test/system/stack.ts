import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePorts } from '../devnet/http.ts'
import { until } from '../support/until.ts'
import { docker, find, start } from './tools.ts'

export type FiringAlert = {
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
  readonly state: string
}

/** A text of the repository with some places in it changed. Each must be there. */
function changed(path: string, changes: readonly (readonly [RegExp, string])[]): string {
  return changes.reduce(
    (text, [place, instead]) => {
      if (!place.test(text)) throw new Error(`${path} has no ${place}`)
      return text.replace(place, instead)
    },
    readFileSync(docker(path), 'utf8'),
  )
}

/**
 * A real Alertmanager and a real Prometheus with the repository's own files. Changed are only
 *
 * - the addresses, since nothing here has the names of the compose file;
 * - the pace: seconds instead of minutes, or the test would take an hour;
 * - the receiver: the webhook of the example, called at `receiver`. It has its URL in the file, as
 *   Debian's Alertmanager does not know `url_file` yet.
 */
export async function startStack(folder: string, targets: readonly string[], receiver: string) {
  const [prometheusPort, alertmanagerPort] = await freePorts(2)
  cpSync(docker(''), folder, { recursive: true })
  const write = (path: string, text: string) => writeFileSync(join(folder, path), text)
  write(
    'alertmanager/alertmanager.yml',
    changed('alertmanager/alertmanager.yml', [
      [/^ {2}# (- name: webhook)\n {2}# ( +webhook_configs:)/m, '  $1\n  $2'],
      [/^ {2}# ( +)- url_file: .*/m, `  $1- url: ${receiver}`],
      [/receiver: nobody/g, 'receiver: webhook'],
      [/group_wait: .*/, 'group_wait: 0s'],
      [/group_interval: .*/, 'group_interval: 1s'],
    ]),
  )
  write(
    'prometheus/prometheus.yml',
    changed('prometheus/prometheus.yml', [
      [/"ejector:8989"/, targets.map((target) => `"${target}"`).join(', ')],
      [/alertmanager:9093/, `127.0.0.1:${alertmanagerPort}`],
      [/scrape_interval: .*/, 'scrape_interval: 1s'],
      [/scrape_timeout: .*/, 'scrape_timeout: 1s'],
      [/evaluation_interval: .*/, 'evaluation_interval: 1s'],
    ]),
  )
  write(
    'prometheus/alerts.yml',
    changed('prometheus/alerts.yml', [[/^( +(?:keep_firing_)?for): .*/gm, '$1: 3s']]),
  )
  for (const data of ['prometheus-data', 'alertmanager-data']) mkdirSync(join(folder, data))

  // Both are there, or none is started.
  find('prometheus')
  find('prometheus-alertmanager')
  const alertmanager = start('prometheus-alertmanager', [
    `--config.file=${join(folder, 'alertmanager/alertmanager.yml')}`,
    `--storage.path=${join(folder, 'alertmanager-data')}`,
    `--web.listen-address=127.0.0.1:${alertmanagerPort}`,
    '--cluster.listen-address=',
  ])
  const prometheus = start('prometheus', [
    `--config.file=${join(folder, 'prometheus/prometheus.yml')}`,
    `--storage.tsdb.path=${join(folder, 'prometheus-data')}`,
    `--web.listen-address=127.0.0.1:${prometheusPort}`,
  ])
  const stop = async () => {
    await Promise.all([prometheus.stop(), alertmanager.stop()])
  }

  const ask = async (path: string) => {
    const answer = await fetch(`http://127.0.0.1:${prometheusPort}/api/v1/${path}`)
    const { data, error } = (await answer.json()) as { data: unknown; error?: string }
    if (error !== undefined) throw new Error(`${path}: ${error}`)
    return data
  }
  const isReady = async (port: number | undefined) =>
    (await fetch(`http://127.0.0.1:${port}/-/ready`)).ok
  try {
    await until('Alertmanager is ready', () => isReady(alertmanagerPort))
    await until('Prometheus is ready', () => isReady(prometheusPort))
  } catch (error) {
    await stop()
    throw new Error(`${alertmanager.output()}\n${prometheus.output()}`, { cause: error })
  }
  return {
    stop,
    async firing(): Promise<readonly FiringAlert[]> {
      const { alerts } = (await ask('alerts')) as { alerts: readonly FiringAlert[] }
      return alerts.filter(({ state }) => state === 'firing')
    },
    /** The values of the series that a query finds. */
    async query(expr: string): Promise<readonly number[]> {
      type Found = { result: readonly { value: readonly [number, string] }[] }
      const { result } = (await ask(`query?query=${encodeURIComponent(expr)}`)) as Found
      return result.map(({ value }) => Number(value[1]))
    },
    /** What a look at Prometheus' own page of rules would show as broken. */
    async brokenRules(): Promise<readonly string[]> {
      type Rules = { groups: readonly { rules: readonly { name: string; health: string }[] }[] }
      const { groups } = (await ask('rules')) as Rules
      const rules = groups.flatMap((group) => group.rules)
      return rules.filter(({ health }) => health !== 'ok').map(({ name }) => name)
    },
  }
}
