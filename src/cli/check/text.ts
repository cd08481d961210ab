import type { RefusedMessage } from '../../messages/snapshot.ts'
import { describeTimeLeft } from '../../requests/deadlines.ts'
import type { Colours } from '../context.ts'
import type { Finding, Status } from './finding.ts'
import type { RequestRow, Verdict } from './requests.ts'

const MARKS: Readonly<Record<Status, string>> = { ok: '✓', warning: '!', failure: '✗' }

/** Lines of one kind that a screen bears; `--json` has all. */
const MOST_LINES = 20

export function linesOfFinding(finding: Finding, colours: Colours): readonly string[] {
  const { status, title, detail, remedy } = finding
  const paint = painterOf(status, colours)
  const line = `${paint(MARKS[status])} ${title}: ${detail}`
  return remedy === null ? [line] : [line, `  → ${remedy}`]
}

function painterOf(status: Status, { green, yellow, red }: Colours) {
  return { ok: green, warning: yellow, failure: red }[status]
}

export function linesOfRefused(refused: readonly RefusedMessage[]): readonly string[] {
  const lines = refused.map(({ file, entry, code, detail }) => {
    const where = entry === undefined ? file : `${file}, entry ${entry}`
    return `    ${where}: ${code}: ${detail}`
  })
  return cut(lines)
}

/** What is over needs no line: how many there are is said. */
const SHOWN: readonly Verdict[] = ['ready', 'missing', 'waiting', 'exiting', 'unproven']

export function linesOfRequests(rows: readonly RequestRow[], colours: Colours): readonly string[] {
  const shown = rows.filter(({ verdict }) => SHOWN.includes(verdict))
  return cut(shown.map((row) => `    ${tellRequest(row, colours)}`))
}

function tellRequest(row: RequestRow, { green, yellow, red }: Colours): string {
  const { verdict, validator, module, operator, file, detail, secondsLeft } = row
  const paint = { ready: green, missing: red, waiting: yellow, unproven: yellow }[verdict as string]
  const word = verdict.padEnd(8)
  return [
    `${paint?.(word) ?? word} ${validator}`,
    `module ${module}, operator ${operator}`,
    ...(secondsLeft === null ? [] : [tellTime(secondsLeft)]),
    ...(file === null ? [] : [file]),
    ...(detail === null ? [] : [detail]),
  ].join('  ')
}

const tellTime = (seconds: number) =>
  seconds < 0 ? describeTimeLeft(seconds) : `${describeTimeLeft(seconds)} left`

function cut(lines: readonly string[]): readonly string[] {
  if (lines.length <= MOST_LINES) return lines
  const more = lines.length - MOST_LINES
  return [...lines.slice(0, MOST_LINES), `    and ${more} more: --json lists them all`]
}
