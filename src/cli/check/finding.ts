import type { Colours } from '../context.ts'

/** `failure`: the daemon could not serve every request. `warning`: it could, and this is worth a look. */
export type Status = 'ok' | 'warning' | 'failure'

/** One thing that was looked at. */
export type Finding = {
  /** Of the kind of check: the same for each node. */
  readonly id: string
  readonly status: Status
  readonly title: string
  readonly detail: string
  /** What to do about it; `null` where there is nothing to do. */
  readonly remedy: string | null
}

type Told = Pick<Finding, 'id' | 'title' | 'detail'> & { readonly remedy: string }

export const ok = (id: string, title: string, detail: string): Finding => ({
  id,
  status: 'ok',
  title,
  detail,
  remedy: null,
})

export const warning = (told: Told): Finding => ({ status: 'warning', ...told })

export const failure = (told: Told): Finding => ({ status: 'failure', ...told })

/** Of one node among several: as long as another one serves, the daemon does its job. */
export const unlessAnother = (isAnotherGood: boolean, told: Told): Finding =>
  isAnotherGood ? warning(told) : failure(told)

/** What could not be looked at, since something before it failed. */
export const notChecked = (id: string, why: string): Finding =>
  failure({
    id,
    title: id,
    detail: `not checked: ${why}`,
    remedy: 'run check again once that works',
  })

/** Of a text of the daemon that ends in what to do: both parts of it. */
export function splitRemedy(text: string): Pick<Told, 'detail' | 'remedy'> {
  const [, detail, remedy] =
    /^(.*?)(?:: |\. )((?:set|create|correct|remove) .*)$/is.exec(text) ?? []
  return detail === undefined || remedy === undefined
    ? { detail: text, remedy: 'correct the setting or the file that is named here' }
    : { detail, remedy: remedy.charAt(0).toLowerCase() + remedy.slice(1) }
}

const MARKS: Readonly<Record<Status, string>> = { ok: '✓', warning: '!', failure: '✗' }

export function linesOfFinding(finding: Finding, { green, yellow, red }: Colours) {
  const { status, title, detail, remedy } = finding
  const paint = { ok: green, warning: yellow, failure: red }[status]
  const line = `${paint(MARKS[status])} ${title}: ${detail}`
  return remedy === null ? [line] : [line, `  → ${remedy}`]
}

/** Lines of one kind that are shown; `--json` has all. */
const MOST_LINES = 20

export function shorten(lines: readonly string[]): readonly string[] {
  if (lines.length <= MOST_LINES) return lines
  return [
    ...lines.slice(0, MOST_LINES),
    `    and ${lines.length - MOST_LINES} more: --json lists them all`,
  ]
}
