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
]
const isFault = (name: string) => /^(execution|consensus|webhook): /.test(name)

/** What it came to, in lines for the eye. */
export function reportOf({ counts, worst }: Tally): string {
  const line = (title: string, value: unknown) => `${title.padEnd(40)}${String(value).padStart(8)}`
  const faults = [...counts].filter(([name]) => isFault(name)).sort(([a], [b]) => (a < b ? -1 : 1))
  const total = faults.reduce((sum, [, count]) => sum + count, 0)
  return [
    ...TITLES.map(([key, title]) => line(title, counts.get(key) ?? 0)),
    ...[...worst].map(([name, value]) => line(name, value)),
    line('faults, lags and lies', total),
    ...faults.map(([name, count]) => line(`  ${name}`, count)),
  ].join('\n')
}
