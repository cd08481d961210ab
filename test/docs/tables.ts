import { NOT_FOR_WATCH, variableTable } from '../../src/config/variables.ts'
import { parseConfig, variables } from '../../src/config.ts'
import type { Reason } from '../../src/lib/reasons.ts'
import { messageReasons } from '../../src/messages/reasons.ts'
import { metricTable } from '../../src/observe/metric-table.ts'
import { proofReasons } from '../../src/proof/reasons.ts'
import { waitReasons } from '../../src/requests/wait-reasons.ts'
import { alerts, runbook } from '../packaging/monitoring.ts'

/** The tables of the documents by the name in their markers, as the code has them. */
export const tables: Readonly<Record<string, string>> = {
  environment: table(
    ['Variable', 'Required', 'Default', 'Meaning', 'In `watch`'],
    variables.map((variable) => [
      code(variable.name),
      required(variable.name),
      code(variable.default),
      sentence(variable.meaning),
      inWatch(variable.name),
    ]),
  ),
  metrics: table(
    ['Metric', 'Type', 'Labels', 'Meaning'],
    Object.entries(metricTable).map(([name, { type, labels, help }]) => [
      code(variableTable.PROM_PREFIX.default + name),
      type,
      labels.map(code).join(', '),
      sentence(help),
    ]),
  ),
  alerts: table(
    ['What is wrong', 'Alerts, without `ValidatorEjector` in front'],
    runbook.map(({ heading, anchor }) => [
      `[${heading}](RUNBOOK.md#${anchor})`,
      alerts
        .filter(({ annotations }) => annotations.runbook_url?.endsWith(`#${anchor}`))
        .map(({ alert, labels, for: wait }) => {
          const name = code(alert.replace('ValidatorEjector', ''))
          return `${name} (${[labels.severity, wait].filter(Boolean).join(', ')})`
        })
        .join(', '),
    ]),
  ),
  'message-reasons': reasonTable(messageReasons),
  'proof-reasons': reasonTable(proofReasons),
  'wait-reasons': reasonTable(waitReasons),
}

/** What the daemon says of it when nothing is set, as short as a cell. */
function required(name: string): string {
  const parsed = parseConfig({}, () => '')
  const { problem } = (parsed.ok ? [] : parsed.problems).find((one) => one.variable === name) ?? {}
  if (problem === undefined) return ''
  return problem
    .replace(/^one of it and (\w+) is required$/, 'this or `$1`')
    .replace(/^is required/, 'yes')
    .replace(/\b([A-Z]+(?:_[A-Z]+)+|NETWORK|PROOF)\b(?!`)/g, '`$1`')
}

/** Whether `watch` reads it. */
function inWatch(name: string): string {
  if (NOT_FOR_WATCH.some((one) => one === name.replace(/_FILE$/, '') || one === name)) return 'no'
  if (name === 'PROOF') return 'default `finality`'
  return name === 'EJECTOR_SCOPE' ? 'not required' : 'yes'
}

function reasonTable(reasons: Readonly<Record<string, Reason>>): string {
  return table(
    ['Code', 'In short', 'Meaning, and what to do'],
    Object.values(reasons).map((reason) => [
      code(reason.code),
      sentence(reason.short),
      sentence(reason.long),
    ]),
  )
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map(cell).join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}

function code(text: string): string {
  return text === '' ? '' : `\`${text}\``
}

/** A bar would end the cell; `<name>` would be HTML. */
function cell(text: string): string {
  return text.replaceAll('|', '\\|').replace(/(^|[^`])<(?=[a-z])/g, '$1&lt;')
}

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}

const MARKED = /<!-- table: ([a-z-]+) -->\n([\s\S]*?)<!-- \/table -->/g

/** The tables as a document has them now. */
export const tablesIn = (document: string): ReadonlyMap<string, string> =>
  new Map(
    [...document.matchAll(MARKED)].map(([, name = '', content = '']) => [name, content.trim()]),
  )

/** The document with the tables of the code. */
export const withTables = (document: string): string =>
  document.replace(
    MARKED,
    (whole, name: string) => `<!-- table: ${name} -->\n${tables[name] ?? whole}\n<!-- /table -->`,
  )
