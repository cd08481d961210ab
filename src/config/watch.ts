import type { Environment } from './environment.ts'
import { NOT_FOR_WATCH } from './variables.ts'

const isSet = (env: Environment, name: string) => (env[name] ?? '').trim() !== ''

/** The environment as `watch` reads it: no way out, and a proof that needs no list by default. */
export const forWatch = (env: Environment): Environment => ({
  ...env,
  ...Object.fromEntries(NOT_FOR_WATCH.flatMap((name) => [name, `${name}_FILE`]).map(unset)),
  PROOF: isSet(env, 'PROOF') ? env.PROOF : 'finality',
})

const unset = (name: string) => [name, undefined] as const

/** What is set in vain, in one line. */
export function ignoredByWatch(env: Environment): readonly string[] {
  const names = NOT_FOR_WATCH.filter((name) => isSet(env, name) || isSet(env, `${name}_FILE`))
  return names.length === 0 ? [] : [`watch hands out no exits, and ignores ${names.join(', ')}`]
}
