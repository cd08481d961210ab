import { type Environment, type Given, isQuoted } from './environment.ts'
import { urlsIn } from './locations.ts'
import { variableNames } from './variables.ts'

/** Characters. API keys in paths are longer; `v3`, `eth` and `beacon` are not keys. */
const SHORTEST_PATH_KEY = 8

/** Read by the client libraries of object stores, not by us: the log must not show them either. */
const FOREIGN_SECRETS = ['AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN']

/**
 * A short word or number, which is more likely to be a name than a key (`ethereum`, `mainnet`,
 * `validator`): masked everywhere, it would make the log unreadable.
 */
const isWord = (text: string) =>
  (/^[a-z]+([-_.][a-z]+)*$/.test(text) && text.length <= 20) || /^[0-9]{1,6}$/.test(text)

/** A word is masked only where it stands as in its URL. */
const inContext = (text: string, contexts: readonly string[]) => (isWord(text) ? contexts : [text])

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** Whatever stands before the host is masked in every URL: here it is about the values alone. */
function ofCredentials(user: string, password: string): string[] {
  if (password === '') return [...inContext(user, [])]
  return [...inContext(user, []), password, `${user}:${password}`]
}

/** Whatever of a URL may let somebody in: credentials, long path segments, query values. */
function ofUrl(text: string): string[] {
  if (!URL.canParse(text)) return [text]
  const url = new URL(text)
  const path = url.pathname.split('/').filter((segment) => segment.length >= SHORTEST_PATH_KEY)
  return [
    ...ofCredentials(url.username, url.password),
    ...ofCredentials(decoded(url.username), decoded(url.password)),
    ...path.flatMap((key) => inContext(key, [`/${key}`])),
    ...path.flatMap((key) => inContext(decoded(key), [`/${decoded(key)}`])),
    ...[...url.searchParams].flatMap(([name, value]) =>
      inContext(value, [`?${name}=${value}`, `&${name}=${value}`]),
    ),
  ]
}

/** EIP-2335 normalizes passwords: an error may show that form. Quotes are a slip. */
const passwordForms = (password: string) => [
  password,
  ...(isQuoted(password) ? [password.trim().slice(1, -1)] : []),
  password.normalize('NFKD'),
  password.normalize('NFKD').replace(/\p{Cc}/gu, ''),
]

/** The values of NODE_HEADERS; the whole text where it cannot be read. */
function textsIn(json: string | undefined): string[] {
  if (json === undefined) return []
  const texts: string[] = []
  try {
    JSON.parse(json, (_key, value) => {
      if (typeof value === 'string') texts.push(value)
      return value
    })
  } catch {
    return [json]
  }
  return texts
}

/** Names stand for their values; what is no name is a value itself. */
function ofListed(entry: string, env: Environment, values: Given['values']): string[] {
  const byName: Readonly<Record<string, string | undefined>> = values
  const found = [byName, env].flatMap((source) => {
    const value = Object.hasOwn(source, entry) ? source[entry]?.trim() : undefined
    return value ? [value, ...urlsIn(value)] : []
  })
  if (found.length > 0) return found
  // A variable of ours that is not set has no secret, and its name is none.
  return variableNames.some((name) => name === entry) ? [] : [entry]
}

const urlsOf = (values: Given['values']) =>
  [values.EXECUTION_NODE, values.CONSENSUS_NODE, values.VALIDATOR_EXIT_WEBHOOK].flatMap((list) =>
    urlsIn(list ?? ''),
  )

/** Hosts, with their ports, of which the log may speak: those that LOGGER_SECRETS does not list. */
export const hostsIn = ({ values }: Given, listed: readonly string[]): readonly string[] =>
  urlsOf(values)
    .flatMap((url) => (URL.canParse(url) ? new URL(url).host : []))
    .filter((host) => !listed.some((entry) => entry !== '' && host.includes(entry)))

/**
 * Everything the log must never show, to be handed to a redactor. Works on what the environment
 * says, not on what it means: what is refused must not be shown either.
 *
 * @param listed - LOGGER_SECRETS
 */
export function secretsIn(env: Environment, given: Given, listed: readonly string[]): string[] {
  const { values, passwordBytes } = given
  const passwords = [
    values.MESSAGES_PASSWORD,
    passwordBytes && Buffer.from(passwordBytes).toString(),
  ]
  const all = [
    ...passwords.flatMap((password) => passwordForms(password ?? '')),
    values.WEBHOOK_TOKEN ?? '',
    ...textsIn(values.NODE_HEADERS),
    ...urlsOf(values).flatMap(ofUrl),
    ...FOREIGN_SECRETS.map((name) => env[name] ?? ''),
    ...listed.flatMap((entry) => ofListed(entry, env, values)),
  ]
  return [...new Set(all)].filter((secret) => secret !== '')
}
