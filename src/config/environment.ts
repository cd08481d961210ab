import { FILE_VARIABLES, type VariableName, variableNames, variables } from './variables.ts'

export type Environment = Readonly<Record<string, string | undefined>>
/** Reads a whole file; throws when it cannot. */
export type ReadFile = (path: string) => string | Uint8Array

/** The environment once files are read: every text trimmed, empty ones absent. */
export type Given = {
  readonly values: { readonly [Name in VariableName]?: string }
  /** Password as given, byte for byte. Its value above lacks trailing line ends. */
  readonly passwordBytes: Uint8Array | undefined
  readonly warnings: readonly string[]
  readonly problems: readonly { readonly variable: string; readonly problem: string }[]
}

/** Password of encrypted messages. */
export type Password = {
  /** Without trailing line ends. */
  readonly text: string
  /** As given, without trailing line ends first, then with them if there were any. */
  readonly bytes: readonly Uint8Array[]
}

const own = (env: Environment, name: string) => (Object.hasOwn(env, name) ? env[name] : undefined)

/** Cut off bytewise: a password need not be UTF-8. */
function withoutLineEnd(bytes: Uint8Array): Uint8Array {
  let end = bytes.length
  while (end > 0 && (bytes[end - 1] === 0x0a || bytes[end - 1] === 0x0d)) end--
  return bytes.subarray(0, end)
}

/** Why a file could not be read: its code, since the message may hold more. */
export const readFailure = (error: unknown) =>
  error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'

/** Ways to say the same, the winner first: the others are not even looked at. */
const PREFERENCES: readonly (readonly VariableName[])[] = [
  ['EJECTOR_SCOPE', 'STAKING_MODULE_ID', 'OPERATOR_IDENTIFIERS', 'OPERATOR_ID'],
  ['OPERATOR_IDENTIFIERS', 'OPERATOR_ID'],
  ['TRUST_MODE', 'DISABLE_SECURITY_DONT_USE_IN_PRODUCTION'],
]

function dropLosers(values: Map<string, string>): string[] {
  return PREFERENCES.flatMap(([winner = '', ...losers]) => {
    if (!values.has(winner)) return []
    const dropped = losers.filter((name) => values.delete(name))
    return dropped.length === 0 ? [] : [`${winner} is set: ${dropped.join(', ')} is ignored`]
  })
}

/** Letter case, underscores and plurals are what goes wrong. */
const likeness = (name: string) => name.toUpperCase().replace(/[ES]+(?=_|$)|_/g, '')

/** Names that nobody reads but that look like ours: the value would be lost without a word. */
function likelyTypos(env: Environment): string[] {
  const names = variables.map(({ name }) => name)
  const byLikeness = new Map(names.map((name) => [likeness(name), name]))
  return Object.keys(env).flatMap((name) => {
    if (!env[name]?.trim()) return []
    const meant = byLikeness.get(likeness(name))
    return meant === undefined || names.includes(name) ? [] : [`${name} is unknown: ${meant}?`]
  })
}

/**
 * Gathers what the environment says, from `X` or the file that `X_FILE` names.
 *
 * @param readFile - reads the file of an `X_FILE`
 */
export function gather(env: Environment, readFile: ReadFile): Given {
  const values = new Map<string, string>()
  const warnings: string[] = likelyTypos(env)
  const problems: { variable: string; problem: string }[] = []
  let passwordBytes: Uint8Array | undefined

  const take = (name: VariableName, raw: Uint8Array) => {
    const isPassword = name === 'MESSAGES_PASSWORD'
    const text = Buffer.from(isPassword ? withoutLineEnd(raw) : raw).toString()
    const value = isPassword ? text : text.trim()
    if (value === '') return false
    if (isPassword) passwordBytes = raw
    values.set(name, value)
    return true
  }
  const takeFile = (name: VariableName, path: string) => {
    const variable = `${name}_FILE`
    try {
      if (take(name, Buffer.from(readFile(path)))) return
      problems.push({ variable, problem: `the file ${path} is empty` })
    } catch (error) {
      problems.push({ variable, problem: `cannot read the file ${path}: ${readFailure(error)}` })
    }
  }

  for (const name of variableNames) {
    const file = FILE_VARIABLES.some((one) => one === name)
      ? own(env, `${name}_FILE`)?.trim()
      : undefined
    const isSet = take(name, Buffer.from(own(env, name) ?? ''))
    if (isSet && file) warnings.push(`${name} is set: ${name}_FILE is ignored`)
    if (!isSet && file) takeFile(name, file)
  }
  warnings.push(...dropLosers(values))

  return { values: Object.fromEntries(values), passwordBytes, warnings, problems }
}

/** Both forms in which the bytes of a password may have been used (with and without line end). */
export function passwordOf(bytes: Uint8Array): Password {
  const bare = withoutLineEnd(bytes)
  const text = Buffer.from(bare).toString()
  return { text, bytes: bare.length === bytes.length ? [bare] : [bare, bytes] }
}
