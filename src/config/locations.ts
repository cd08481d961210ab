import { z } from 'zod'

/** Where exit messages are read from. A prefix has no slash at its ends, and may be empty. */
export type MessagesLocation =
  | { readonly kind: 'folder'; readonly path: string }
  | { readonly kind: 's3' | 'gs'; readonly bucket: string; readonly prefix: string }

const URL_RULE = 'must be an http:// or https:// URL'

export const httpUrl = z
  .string()
  .regex(/^https?:\/\/[^\s]+$/i, URL_RULE)
  .pipe(z.url({ protocol: /^https?$/, error: URL_RULE }))

/** Base paths stay, trailing slashes go; not those of a query, which may be part of a key. */
const withoutTrailingSlash = (url: string) => (url.includes('?') ? url : url.replace(/\/+$/, ''))

/** Two spellings of one URL would make one node look like two. */
function uniqueUrls(urls: readonly string[]): readonly string[] {
  const byHref = new Map(urls.map((url) => [new URL(url).href, url] as const).reverse())
  return [...byHref.values()].reverse()
}

/** URLs with commas between; blanks and empty entries are passed over. */
export const urlList = z
  .string()
  .transform((list) =>
    list
      .split(',')
      .map((url) => url.trim())
      .filter((url) => url !== ''),
  )
  .pipe(z.array(httpUrl).min(1, 'must hold at least one URL'))
  .transform((urls) => uniqueUrls(urls.map(withoutTrailingSlash)))

const LOCATION_RULE = 'must be a folder, s3://bucket/prefix or gs://bucket/prefix'

export const messagesLocation = z.string().transform((text, context): MessagesLocation => {
  const [, scheme, rest = ''] = /^([a-z][a-z0-9+.-]*):\/\/(.*)$/i.exec(text) ?? []
  if (scheme === undefined) return { kind: 'folder', path: text }
  const kind = scheme.toLowerCase()
  const [bucket = '', ...prefix] = rest.split('/')
  if ((kind !== 's3' && kind !== 'gs') || !/^[a-z0-9][a-z0-9._-]*$/i.test(bucket)) {
    context.addIssue(LOCATION_RULE)
    return z.NEVER
  }
  return { kind, bucket, prefix: prefix.join('/').replace(/^\/+|\/+$/g, '') }
})
