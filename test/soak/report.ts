import type { Tally } from './tally.ts'

const TITLES: readonly (readonly [key: string, title: string])[] = [
  ['cycles', 'cycles'],
  ['restarts', 'restarts'],
  ['kills', 'kills (SIGKILL)'],
  ['ended by itself', 'ended by itself'],
  ['genuine requests', 'genuine requests'],
  ['forged requests on chain', 'forged requests on chain'],
  ['validators that left (pool)', 'validators that left, pool'],
  ['validators that left (webhook)', 'validators that left, webhook'],
  ['exits posted', 'exits posted'],
  ['webhook calls', 'webhook calls'],
  ['exits reorganised out', 'exits taken out by reorgs'],
  ['execution reorgs', 'execution reorgs'],
  ['execution reorgs that lose requests', 'execution reorgs that lose requests'],
  ['messages removed', 'messages removed'],
  ['messages broken', 'messages broken'],
  ['messages replaced', 'messages replaced'],
  ['held', 'times on hold'],
  ['overdue', 'overdue exits, told as such'],
]
/** What was measured; the worst counts. */
export const MEASURES = {
  cycles: 'worst from request to exit, cycles',
  seconds: 'worst from request to exit, seconds',
  sound: 'worst of it with a sound node in each layer, epochs',
  quiet: 'quiet epochs until all had left',
} as const

type Row = readonly [title: string, value: number]

const isFault = (name: string) => /^(execution|consensus|webhook|protocol|daemon): /.test(name)

const faultsOf = ({ counts }: Tally): readonly Row[] =>
  [...counts].filter(([name]) => isFault(name)).sort(([a], [b]) => (a < b ? -1 : 1))

/** The same titles in each report. */
export function rowsOf(tally: Tally): readonly Row[] {
  const { counts, worst } = tally
  const faults = faultsOf(tally)
  return [
    ...TITLES.map(([key, title]): Row => [title, counts.get(key) ?? 0]),
    ...Object.values(MEASURES).map((name): Row => [name, worst.get(name) ?? 0]),
    ['faults, lags and lies', faults.reduce((sum, [, count]) => sum + count, 0)],
    ['… of so many kinds', faults.length],
  ]
}

/** What it came to, in lines for the eye. */
export function reportOf(tally: Tally): string {
  const line = ([title, value]: Row) => `${title.padEnd(52)}${String(value).padStart(8)}`
  const kinds = faultsOf(tally).map(([name, count]): Row => [`  ${name}`, count])
  return [...rowsOf(tally), ...kinds].map(line).join('\n')
}
