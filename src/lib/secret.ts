/** What stands in place of a secret. */
const MASK = '<secret>'

/**
 * Characters. A shorter secret occurs in every other line: masking it would leave nothing to read,
 * and the gaps would spell it out.
 */
const SHORTEST_SECRET = 3

/** Characters of a secret that may show before a cut (`…`) without being masked. */
const SHORTEST_PIECE = 4

/**
 * A signature is 192 hex digits and a public key, which may be shown, is 96: what is longer than a
 * public key is shortened. In base64 a signature is 128 characters.
 */
const LONG_HEX = '(?:0[xX])?[0-9a-fA-F]{100,}'
const LONG_BASE64 = /[A-Za-z0-9+/]{128,}|[A-Za-z0-9_-]{128,}/g

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

/** Every way in which a secret may turn up in a text. */
function formsOf(secret: string): string[] {
  const bytes = Buffer.from(secret)
  const escaped = jsonEscaped(secret)
  return [
    secret,
    oneLine(secret),
    escaped,
    jsonEscaped(escaped),
    escaped.replaceAll('/', '\\/'),
    jsonAsciiEscaped(secret),
    ...uriForms(secret),
    bytes.toString('base64').replace(/=+$/, ''),
    bytes.toString('base64url'),
  ]
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

/**
 * Returns a function that masks secrets in a text, longest first: as they are, JSON-escaped,
 * URI-encoded, in base64 (so `user:pass` covers basic authorization), on one line, and cut by
 * `quote`. So is what stands before the host of any URL. Runs of 100 hex digits and more (exit signatures) keep four digits.
 *
 * @param secrets - values; those of less than three characters are left alone
 */
export function createRedactor(secrets: readonly string[]): (text: string) => string {
  const forms = [...new Set(secrets.filter(isLongEnough).flatMap(formsOf))]
    .filter(isLongEnough)
    .sort((a, b) => b.length - a.length)
  const known = new Set(forms)
  const alternatives = [MASK, ...forms].map(escapeForPattern)
  const pattern = new RegExp([...alternatives, LONG_HEX].join('|'), 'g')
  const replace = (match: string) => (match === MASK || known.has(match) ? MASK : shortenHex(match))

  return (text) =>
    maskCutSecrets(text.replace(pattern, replace), forms)
      .replace(LONG_BASE64, shortenBase64)
      .replace(USER_INFO, `$1${MASK}@`)
}

const isLongEnough = (secret: string) => secret.trim().length >= SHORTEST_SECRET

const ANY_LONG_HEX = new RegExp(LONG_HEX, 'g')
const shortenRuns = (text: string) =>
  text.replace(ANY_LONG_HEX, shortenHex).replace(LONG_BASE64, shortenBase64)

/** Characters looked at before the cut: what is beyond them is never shown. */
const QUOTE_WINDOW = 10_000

/**
 * Somebody else's words for a log line or an error: on one line, without long hex or base64 (a
 * node may echo the signature it was sent), and not longer than `max` characters plus `…`.
 *
 * Knows no secrets: what it returns still has to pass a redactor, which recognises cut ones.
 */
export function quote(text: string, max = 200): string {
  const line = oneLine(shortenRuns(text.slice(0, QUOTE_WINDOW)))
  if (line.length <= max) return text.length > QUOTE_WINDOW ? `${line}…` : line
  return `${line.slice(0, max).replace(/[\ud800-\udbff]$/, '')}…`
}
