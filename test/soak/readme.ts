import { cpus } from 'node:os'
import { rowsOf } from './report.ts'
import type { Tally } from './tally.ts'

const MARKED = /(<!-- soak -->\n)[\s\S]*?(\n<!-- \/soak -->)/

/** What was run, and how long it took. */
export type Run = {
  readonly command: string
  readonly minutes: number
  /** Where it ended early, and how far it came. */
  readonly stopped?: string
}

/** The document with the figures of this run between its markers. */
export function withReport(document: string, tally: Tally, run: Run): string {
  const { command, minutes, stopped = '' } = run
  const machine = `Node.js ${process.versions.node}, ${cpus().length} cores`
  const lines = [
    `\`${command}\` on ${machine}, ${Math.round(minutes)} minutes of episodes${stopped}:`,
    '',
    '| What | How many |',
    '| --- | ---: |',
    ...rowsOf(tally).map(([title, value]) => `| ${title} | ${value.toLocaleString('en')} |`),
  ]
  if (!MARKED.test(document)) throw new Error('the document has no place for the report')
  return document.replace(MARKED, (_, begin, end) => `${begin}${lines.join('\n')}${end}`)
}

/** Titles of the rows that the document shows. */
export const titlesIn = (document: string): readonly string[] =>
  [...(MARKED.exec(document)?.[0] ?? '').matchAll(/^\| (?!What|---)(.+?) \|/gm)].map(
    ([, title = '']) => title,
  )
