import { FileError } from '../lib/files.ts'
import { codeOf } from '../lib/message-of.ts'
import {
  FILE_VARIABLES,
  type GivenName,
  givenNames,
  type VariableName,
  variableNames,
} from './variables.ts'

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

/** Two ways to say one thing. */
type Alternative = readonly [readonly GivenName[], readonly GivenName[]]

/** Within one source of variables the first way wins, and the second is not even looked at. */
const PREFERENCES: readonly Alternative[] = [
  [['EJECTOR_SCOPE'], ['STAKING_MODULE_ID', 'OPERATOR_IDENTIFIERS', 'OPERATOR_ID']],
  [['OPERATOR_IDENTIFIERS'], ['OPERATOR_ID']],
  [['TRUST_MODE'], ['DISABLE_SECURITY_DONT_USE_IN_PRODUCTION']],
]

/** Between two sources (the environment over `.env`) either way wins over the other. */
export const ALTERNATIVES: readonly Alternative[] = [
  ...FILE_VARIABLES.map((name): Alternative => [[name], [`${name}_FILE`]]),
  ...PREFERENCES,
  [['MESSAGES_LOCATION'], ['VALIDATOR_EXIT_WEBHOOK']],
  [['NETWORK'], ['LOCATOR_ADDRESS']],
]

const own = (env: Environment, name: string) => (Object.hasOwn(env, name) ? env[name] : undefined)

/** Cut off bytewise: a password need not be UTF-8. */
function withoutLineEnd(bytes: Uint8Array): Uint8Array {
  let end = bytes.length
  while (end > 0 && (bytes[end - 1] === 0x0a || bytes[end - 1] === 0x0d)) end--
  return bytes.subarray(0, end)
}

/** Why a file could not be read: its code, since the message may hold more. */
export function readFailure(error: unknown): string {
  if (error instanceof FileError) return error.message
  return codeOf(error)
}

function dropLosers(values: Map<string, string>): string[] {
  return PREFERENCES.flatMap(([[winner = ''], losers]) => {
    if (!values.has(winner)) return []
    const dropped = losers.filter((name) => values.delete(name))
    if (dropped.length === 0) return []
    return [`${winner} is set: ${dropped.join(', ')} ${dropped.length > 1 ? 'are' : 'is'} ignored`]
  })
}

/** Matching quotes at both ends. */
export const isQuoted = (value: string) => /^\s*(["'`]).*\1\s*$/s.test(value)

const QUOTED = 'has quotes around its value, which docker run --env-file keeps: remove them'

const quotedOnes = (env: Environment) =>
  givenNames
    .filter((name) => isQuoted(own(env, name) ?? ''))
    .map((variable) => ({ variable, problem: QUOTED }))

/** Bytes as a text, where they are not empty. A password keeps its blanks. */
function textOf(name: VariableName, raw: Uint8Array): string | undefined {
  if (name !== 'MESSAGES_PASSWORD') return Buffer.from(raw).toString().trim() || undefined
  return Buffer.from(withoutLineEnd(raw)).toString() || undefined
}

/** The path of a file that stands for a variable: where it is set, and the variable is not. */
function fileOf(env: Environment, name: VariableName): string | undefined {
  if (!FILE_VARIABLES.some((one) => one === name)) return undefined
  return own(env, `${name}_FILE`)?.trim() || undefined
}

/** Every file that is to be read for this environment. */
export const filesIn = (env: Environment): readonly string[] =>
  [
    ...FILE_VARIABLES.flatMap((name) =>
      textOf(name, Buffer.from(own(env, name) ?? '')) === undefined
        ? (fileOf(env, name) ?? [])
        : [],
    ),
    own(env, 'JWT_SECRET_PATH')?.trim() ?? '',
  ].filter((path) => path !== '')

/**
 * Gathers what the environment says, from `X` or the file that `X_FILE` names.
 *
 * @param readFile - reads the file of an `X_FILE`
 */
export function gather(env: Environment, readFile: ReadFile): Given {
  const values = new Map<string, string>()
  const warnings: string[] = []
  const problems: { variable: string; problem: string }[] = quotedOnes(env)
  let passwordBytes: Uint8Array | undefined

  const take = (name: VariableName, raw: Uint8Array) => {
    const value = textOf(name, raw)
    if (value === undefined) return false
    if (name === 'MESSAGES_PASSWORD') passwordBytes = raw
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
    const file = fileOf(env, name)
    const isSet = take(name, Buffer.from(own(env, name) ?? ''))
    if (isSet && file) warnings.push(`${name} is set: ${name}_FILE is ignored`)
    if (!isSet && file && !isQuoted(file)) takeFile(name, file)
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
