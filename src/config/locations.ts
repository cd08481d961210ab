import * as v from 'valibot'
import { parsedBy } from '../lib/parsed-by.ts'

/** Where exit messages are read from. A prefix has no slash at its ends, and may be empty. */
export type MessagesLocation =
  | { readonly kind: 'folder'; readonly path: string }
  | { readonly kind: 's3' | 'gs'; readonly bucket: string; readonly prefix: string }

/** Escapes in a row that are no UTF-8 together count as themselves: somebody will decode them. */
function withoutBadEscapes(text: string): string {
  return text.replace(/(%[0-9a-f]{2})+/gi, (run) => {
    try {
      decodeURIComponent(run)
      return run
    } catch {
      return run.replaceAll('%', '%25')
    }
  })
}

/** A `%` that is no escape counts as itself, as in a password that was pasted. */
function parseUrl(text: string): string | undefined {
  if (!/^https?:\/\/[^\s]+$/i.test(text)) return undefined
  const url = text
    .replace(/%(?![0-9a-f]{2})/gi, '%25')
    .replace(/^(https?:\/\/)([^/?#\\]*)(?=@)/i, (_all, scheme: string, user: string) => {
      return scheme + withoutBadEscapes(user)
    })
  return URL.canParse(url) ? url : undefined
}

export const httpUrl = parsedBy(parseUrl, 'must be an http:// or https:// URL')

/** Base paths stay, trailing slashes go; not those of a query, which may be part of a key. */
const withoutTrailingSlash = (url: string) => (url.includes('?') ? url : url.replace(/\/+$/, ''))

/** Two spellings of one URL would make one node look like two. */
function uniqueUrls(urls: readonly string[]): readonly string[] {
  const byHref = new Map(urls.map((url) => [new URL(url).href, url] as const).reverse())
  return [...byHref.values()].reverse()
}

/** The entries of a list of URLs; blanks and empty entries are passed over. */
export const urlsIn = (list: string): readonly string[] =>
  list
    .split(',')
    .map((url) => url.trim())
    .filter((url) => url !== '')

export const urlList = v.pipe(
  v.string(),
  v.transform(urlsIn),
  v.array(httpUrl),
  v.minLength(1, 'must hold at least one URL'),
  v.transform((urls) => uniqueUrls(urls.map(withoutTrailingSlash))),
)

function parseLocation(text: string): MessagesLocation | undefined {
  const [, scheme, rest = ''] = /^([a-z][a-z0-9+.-]*):\/\/(.*)$/is.exec(text) ?? []
  if (scheme === undefined) return { kind: 'folder', path: text }
  const kind = scheme.toLowerCase()
  const [bucket = '', ...prefix] = rest.split('/')
  if ((kind !== 's3' && kind !== 'gs') || !/^[a-z0-9][a-z0-9._-]*$/i.test(bucket)) return undefined
  return { kind, bucket, prefix: prefix.join('/').replace(/^\/+|\/+$/g, '') }
}

export const messagesLocation = parsedBy(
  parseLocation,
  'must be a folder, s3://bucket/prefix or gs://bucket/prefix',
)
