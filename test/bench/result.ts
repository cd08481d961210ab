/** One line of the table. */
export type Result = {
  readonly row: string
  readonly work: string
  readonly figure: number
  readonly unit: string
  /** What the machine did at best in the same run, where there is such a thing. */
  readonly limit?: number
  /** The same work by the other build, in turn with ours. */
  readonly against?: number
  readonly aim: string
  /** Without an aim it is told, and not judged. */
  readonly met?: boolean
  readonly details?: Readonly<Record<string, unknown>>
}

/** Against a bound that stands for itself. */
export const under = (
  result: Omit<Result, 'met' | 'aim'>,
  bound: number,
  unit = result.unit,
): Result => ({ ...result, aim: `≤ ${bound} ${unit}`.trim(), met: result.figure <= bound })

/** Against a multiple of the limit, and some time for the start of the process. */
export function againstLimit(
  result: Omit<Result, 'met' | 'aim'> & { readonly limit: number },
  factor: number,
  seconds = 0.7,
): Result {
  const bound = factor * result.limit + seconds
  const aim = `≤ ${factor} × limit${seconds === 0 ? '' : ` + ${seconds} s`} (${bound.toFixed(2)} s)`
  return { ...result, aim, met: result.figure <= bound }
}

const HEAD = ['Row', 'Work', 'Figure', 'Limit', 'Ratio', 'Aim', 'Met']
const AGAINST = ['Other build', 'Ratio to it']

/** As Markdown, padded so that it can be read in a terminal as well. */
export function tableOf(results: readonly Result[]): string {
  const isCompared = results.some(({ against }) => against !== undefined)
  const rows = isCompared
    ? [[...HEAD, ...AGAINST], ...results.map((one) => [...cellsOf(one), ...comparedCellsOf(one)])]
    : [HEAD, ...results.map(cellsOf)]
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  )
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`
  const [head = [], ...rest] = rows
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rest.map(line)].join('\n')
}

function cellsOf({ row, work, figure, unit, limit, aim, met }: Result): readonly string[] {
  return [
    row,
    work,
    `${round(figure)} ${unit}`.trim(),
    limit === undefined ? '' : `${round(limit)} ${unit}`,
    limit === undefined ? '' : (figure / limit).toFixed(2),
    aim,
    met === undefined ? '' : met ? 'yes' : 'NO',
  ]
}

const comparedCellsOf = ({ figure, unit, against }: Result): readonly string[] =>
  against === undefined
    ? ['', '']
    : [`${round(against)} ${unit}`.trim(), (figure / against).toFixed(2)]

const round = (value: number) =>
  Number.isInteger(value) ? `${value}` : value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0)
