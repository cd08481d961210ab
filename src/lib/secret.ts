import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** What stands in place of a secret. */
const MASK = '<secret>'

/** Characters. A shorter secret of letters and digits is masked as a whole word only. */
const SHORTEST_ANYWHERE = 6
/** Characters. A shorter one is masked only where a secret belongs. */
const SHORTEST_WORD = 3

/** Validator indices, blocks and ports are as long. */
const COUNT = /^[0-9]{1,9}$/

/** Characters of a secret that may show before a cut (`…`) without being masked. */
const SHORTEST_PIECE = 4

/**
 * A signature is 192 hex digits and a public key, which may be shown, is 96: what is longer than a
 * public key is shortened. In base64 a signature is 128 characters.
 */
const LONG_HEX = '(?:0[xX])?[0-9a-fA-F]{100,}'
const LONG_BASE64 = /[A-Za-z0-9+/]{128,}|[A-Za-z0-9_-]{128,}/g

const WORD_START = '(?<![A-Za-z0-9])'
const WORD_END = '(?![A-Za-z0-9])'

/** What stands before the host of a URL, whoever's it is: `user:password@`, or a token. */
const USER_INFO = /(:\/\/)[^\s/"'@]+@/g

/** `0x1234…(96 bytes)`: never enough to rebuild what it was. */
function shortenHex(run: string): string {
  const prefix = /^0x/i.test(run) ? run.slice(0, 2) : ''
  const digits = run.slice(prefix.length)
  return `${prefix}${digits.slice(0, 4)}…(${digits.length >> 1} bytes)`
}

/** `…(96 bytes)`, unless it is only a long word or path. */
const shortenBase64 = (run: string) =>
  /[A-Z]/.test(run) && /[a-z]/.test(run) ? `…(${Math.floor((run.length * 3) / 4)} bytes)` : run

/** White space, control and invisible format characters become one blank. */
const oneLine = (text: string) => text.replace(/[\s\p{Cc}\p{Cf}]+/gu, ' ').trim()

const escapeForPattern = (text: string) => text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')

const jsonEscaped = (text: string) => JSON.stringify(text).slice(1, -1)

/** As Python and others write JSON: everything beyond ASCII as `\uXXXX`. */
const jsonAsciiEscaped = (text: string) =>
  jsonEscaped(text).replace(
    /[^\x20-\x7e]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )

function uriForms(text: string): string[] {
  try {
    const form = new URLSearchParams([[text, '']]).toString().replace(/=$/, '')
    const forms = [encodeURIComponent(text), encodeURI(text), form]
    return forms.flatMap((one) => [one, one.replace(/%[0-9A-F]{2}/g, (byte) => byte.toLowerCase())])
  } catch {
    // A lone surrogate: such a text has no URI form.
    return []
  }
}

/** Every way in which a secret may turn up in a text, as it is first. */
function formsOf(secret: string): string[] {
  const bytes = Buffer.from(secret)
  const escaped = jsonEscaped(secret)
  const encoded = [bytes.toString('base64').replace(/=+$/, ''), bytes.toString('base64url')]
  return [
    secret,
    oneLine(secret),
    escaped,
    jsonEscaped(escaped),
    escaped.replaceAll('/', '\\/'),
    jsonAsciiEscaped(secret),
    ...uriForms(secret),
    ...encoded.filter((form) => form.length >= SHORTEST_ANYWHERE),
  ].filter((form) => form.trim() !== '')
}

/**
 * A value that is also a word or a number in lines of our own: masked there, the gap would tell it,
 * and the line would lose its meaning.
 */
const isCommon = (form: string) =>
  form.length < SHORTEST_WORD || COUNT.test(form) || isWordOfOurs(form)

let program: readonly string[] | undefined

/** Everything that this program can say stands in its own files, and not in those of its packages. */
function readProgram(): readonly string[] {
  const root = fileURLToPath(new URL('..', import.meta.url))
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' })
  // What is looked for is ASCII, and this is read in half the time of UTF-8.
  return files
    .filter((file) => /\.[jt]s$/.test(file) && !file.startsWith('packages'))
    .map((file) => readFileSync(join(root, file), 'latin1'))
}

function isWordOfOurs(form: string): boolean {
  if (!/^[A-Za-z]{1,30}([-_. ][A-Za-z]{1,30}){0,3}$/.test(form)) return false
  program ??= readProgram()
  const word = new RegExp(WORD_START + escapeForPattern(form) + WORD_END, 'i')
  return program.some((text) => word.test(text))
}

/** Where a secret belongs: `Bearer x`, `password=x`, `"token":"x"`. */
const SECRET_PLACE =
  '(?<=[Bb]earer |([Pp]assword|PASSWORD|[Tt]oken|TOKEN|[Ss]ecret|SECRET|[Kk]ey|KEY)["\']?(=|": ?)["\']?)'

/** Texts that lines show on purpose, such as the hosts of nodes. */
let shown = ''
/** Masked within such a text, a secret would be told by its gap. */
const isShown = (form: string) => new RegExp(anywhere(form), 'i').test(shown)

/** @param isForeign - whether the text is somebody else's, where common words are masked too */
function patternOf(form: string, isForeign: boolean): string {
  if (isShown(form)) return SECRET_PLACE + escapeForPattern(form) + WORD_END
  if (!isCommon(form)) return anywhere(form)
  const start = isForeign && form.length >= SHORTEST_WORD ? WORD_START : SECRET_PLACE
  return start + escapeForPattern(form) + WORD_END
}

function anywhere(form: string): string {
  const escaped = escapeForPattern(form)
  if (form.length < SHORTEST_ANYWHERE && /^[A-Za-z0-9]+$/.test(form)) {
    return WORD_START + escaped + WORD_END
  }
  // A segment of a path or a query: `/validator` is not the start of `/validators`.
  return /^[/?&].*[A-Za-z0-9]$/.test(form) ? escaped + WORD_END : escaped
}

/** Masks the first part of a secret that a cut left standing before a `…`. */
function maskCutSecrets(text: string, forms: readonly string[]): string {
  if (!text.includes('…')) return text
  const parts = text.split('…')
  const last = parts.pop() ?? ''
  const masked = parts.map((part) => {
    for (let size = Math.min(part.length, forms[0]?.length ?? 0); size >= SHORTEST_PIECE; size--) {
      const tail = part.slice(-size)
      if (forms.some((form) => form.startsWith(tail))) return part.slice(0, -size) + MASK
    }
    return part
  })
  return [...masked, last].join('…')
}

function createMask(secrets: readonly string[], isForeign: boolean): (text: string) => string {
  const forms = [...new Set(secrets.flatMap(formsOf))].sort((a, b) => b.length - a.length)
  const known = new Set(forms)
  const alternatives = [escapeForPattern(MASK), ...forms.map((form) => patternOf(form, isForeign))]
  const pattern = new RegExp([...alternatives, LONG_HEX].join('|'), 'g')
  const replace = (match: string) => (match === MASK || known.has(match) ? MASK : shortenHex(match))
  const cutForms = forms.filter((form) => !isCommon(form) && !isShown(form))

  return (text) =>
    maskCutSecrets(text.replace(pattern, replace), cutForms)
      .replace(LONG_BASE64, shortenBase64)
      .replace(USER_INFO, `$1${MASK}@`)
}

/**
 * Returns a function that masks secrets in a text of ours, longest first: as they are,
 * JSON-escaped, URI-encoded, in base64 (so `user:pass` covers basic authorization), on one line,
 * and cut (`…`). So is what stands before the host of any URL. Runs of 100 hex digits and more
 * (exit signatures) keep four digits.
 *
 * Words and numbers that lines of ours have as well (`message`, `8545`) are masked only where a
 * secret belongs; `quote` masks them wherever they stand. A secret that is part of a text which is
 * shown on purpose (`hideSecrets`) is masked only where a secret belongs, by both.
 *
 * @param secrets - values
 */
export const createRedactor = (secrets: readonly string[]): ((text: string) => string) =>
  createMask(secrets, false)

const hidden = new Set<string>()
let maskForeign = createMask([], true)

/**
 * What `quote` masks from now on, in this process: what was hidden once stays so. To be called as
 * soon as the environment is read, before anybody else speaks, and before `createRedactor`.
 *
 * @param shownTexts - what lines show on purpose: the hosts of nodes
 */
export function hideSecrets(secrets: readonly string[], shownTexts: readonly string[] = []): void {
  const texts = shownTexts.filter((text) => !shown.includes(text))
  if (texts.length === 0 && secrets.every((secret) => hidden.has(secret))) return
  shown = [shown, ...texts].join('\n')
  for (const secret of secrets) hidden.add(secret)
  maskForeign = createMask([...hidden], true)
}

/** Characters looked at before the cut: what is beyond them is never shown. */
const QUOTE_WINDOW = 10_000

/**
 * Somebody else's words (an answer, an error of a library, a name on chain) for a log line, an
 * error or the journal: without the secrets of this process (`hideSecrets`) and exit signatures,
 * then on one line, then cut to `max` characters plus `…`. The order matters: a secret that is cut
 * first is found no more.
 */
export function quote(text: string, max = 200): string {
  const isCut = text.length > QUOTE_WINDOW
  const line = oneLine(maskForeign(isCut ? `${text.slice(0, QUOTE_WINDOW)}…` : text))
  if (line.length <= max) return line
  return `${line.slice(0, max).replace(/[\ud800-\udbff]$/, '')}…`
}

/** For tests, which share a process: what one of them hides is no secret of the next one. */
export function forgetSecrets(): void {
  hidden.clear()
  shown = ''
  maskForeign = createMask([], true)
}
