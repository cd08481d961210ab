/** Everything that happens to one validator, and what must come of it. */
export type Role = {
  readonly message: string
  readonly askedFor: string
  readonly leaves: boolean
}

const OLD = 'by a report, before the start'
const NEW = 'by a report'
const NEVER = 'no'

/** The position is the index of the validator. */
export const CAST = {
  plain: { message: 'plain file', askedFor: OLD, leaves: true },
  listed: { message: 'in a list of two', askedFor: OLD, leaves: true },
  listedUnasked: { message: 'in a list of two', askedFor: NEVER, leaves: false },
  encrypted: { message: 'encrypted', askedFor: NEW, leaves: true },
  late: { message: 'added later', askedFor: NEW, leaves: true },
  nodeFails: { message: 'encrypted', askedFor: `${NEW}, one node down`, leaves: true },
  otherOperator: { message: 'plain file', askedFor: 'of another operator', leaves: false },
  forged: { message: 'plain file', askedFor: 'by a lying node only', leaves: false },
  rotated: { message: 'plain file', askedFor: `${NEW} with a rotated key`, leaves: true },
  wrongSignature: { message: 'broken: signed by another key', askedFor: NEW, leaves: false },
  otherPassword: { message: 'broken: another password', askedFor: NEVER, leaves: false },
  cut: { message: 'broken: cut off', askedFor: NEVER, leaves: false },
} as const satisfies Record<string, Role>

export type RoleName = keyof typeof CAST
const names = Object.keys(CAST) as RoleName[]
const roles: readonly Role[] = Object.values(CAST)

export const indexOf = (name: RoleName): number => names.indexOf(name)
export const CAST_SIZE = names.length

/** Whoever must have left at the end, ascending. */
export const LEAVERS = roles.flatMap(({ leaves }, index) => (leaves ? [index] : []))

export type Summary = { readonly table: string; readonly asExpected: boolean }

/**
 * @param left - indices of those who left, by the registry of the chain
 * @param sent - indices whose exits any node was ever handed
 */
export function summarize(left: readonly number[], sent: readonly number[]): Summary {
  const rows = roles.map(({ message, askedFor, leaves }, index) => {
    const hasLeft = left.includes(index)
    const outcome = hasLeft ? 'left' : sent.includes(index) ? 'sent, and stays' : 'stays'
    const asExpected = leaves ? hasLeft : outcome === 'stays'
    return {
      cells: [String(index), askedFor, message, outcome, asExpected ? 'yes' : 'NO'],
      asExpected,
    }
  })
  const head = ['validator', 'requested?', 'message', 'outcome', 'expected?']
  return {
    table: toTable([head, ...rows.map(({ cells }) => cells)]),
    asExpected: rows.every(({ asExpected }) => asExpected),
  }
}

function toTable(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, at) =>
    Math.max(...rows.map((row) => row[at]?.length ?? 0)),
  )
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join('  ')
      .trimEnd()
  const [head = [], ...body] = rows
  return [line(head), widths.map((width) => '─'.repeat(width)).join('  '), ...body.map(line)].join(
    '\n',
  )
}
