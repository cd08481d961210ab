import { parse } from 'dotenv'
import { ALTERNATIVES, type Environment } from './environment.ts'
import { givenNames } from './variables.ts'

/** What is known of `.env` beside its values. */
export type DotenvFile = {
  readonly path: string
  /** Why it was not read: the code of the system, `ENOENT` where there is none. */
  readonly failure: string | undefined
  /** Names that it gives a value to. */
  readonly names: readonly string[]
  readonly warnings: readonly string[]
}

/** Names whose value ends at a `#` that stands in a word: quotes would have kept the rest. */
function cutNames(text: string): readonly string[] {
  const line = /^\s*(?:export\s+)?([\w.-]+)\s*=[^\S\n]*[^\s'"`#][^#\n]*(?<=\S)#/gm
  const names = [...text.matchAll(line)].map(([, name = '']) => name)
  return givenNames.filter((name) => names.includes(name))
}

/**
 * The environment of the process over `.env`: a name that is set there wins, and so does the other
 * way to say the same (`X` over `X_FILE` and the reverse).
 *
 * @param text - of `.env`
 */
export function withDotenv(
  process: Environment,
  text: string,
): { readonly env: Environment; readonly names: readonly string[]; readonly warnings: string[] } {
  const values: Record<string, string> = parse(text)
  const names = Object.keys(values).filter((name) => values[name] !== '')
  const warnings = cutNames(text)
    .filter((name) => !Object.hasOwn(process, name))
    .map((name) => `${name} in .env ends at a "#": put the value in quotes if that belongs to it`)
  const isSet = (name: string) => (process[name] ?? '').trim() !== ''
  for (const [one, other] of ALTERNATIVES) {
    for (const [winners, losers] of [
      [one, other],
      [other, one],
    ] as const) {
      const winner = winners.find(isSet)
      for (const loser of winner === undefined ? [] : losers) {
        if (!values[loser] || Object.hasOwn(process, loser)) continue
        delete values[loser]
        warnings.push(`${winner} is set in the environment: ${loser} of .env is ignored`)
      }
    }
  }
  return { env: { ...values, ...process }, names, warnings }
}
