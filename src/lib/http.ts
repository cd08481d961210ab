import { withDeadline } from './deadline.ts'

export type HttpAnswer = { readonly status: number; readonly text: string }

export type HttpRequest = {
  readonly method: 'GET' | 'POST'
  /** Appended to the base's path; may carry a query. */
  readonly path?: string
  /** Sent as JSON. */
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  /** Milliseconds for the whole exchange, the answer's body included. */
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

export type HttpClient = (request: HttpRequest) => Promise<HttpAnswer>

/**
 * No usable answer came: refused, reset, too slow, too long, overloaded, or not what the protocol
 * speaks. Never a verdict on what was asked.
 */
export class NoAnswerError extends Error {
  override readonly name = 'NoAnswerError'
}

/** Bounds a body that never ends; nothing that is asked for comes near. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024

/** Where the requests to one base URL go, and what each must carry. */
export type HttpTarget = {
  /** @param path - appended to the base's path; may carry a query */
  readonly urlOf: (path: string) => URL
  readonly headers: Readonly<Record<string, string>>
}

/**
 * `user:pass@` becomes a Basic header, since `fetch` refuses it; a query of the base is kept.
 *
 * @param extra - headers for every request; they win over the Basic header
 */
export function createHttpTarget(baseUrl: string, extra: HttpTarget['headers'] = {}): HttpTarget {
  const base = new URL(baseUrl)
  const headers = { ...basicAuthorization(base), ...extra }
  base.username = ''
  base.password = ''
  return { urlOf: (path) => joinUrl(base, path), headers }
}

/**
 * A client for one base URL (`createHttpTarget`). Redirects are not followed: a 3xx is an answer
 * like any other.
 *
 * @throws NoAnswerError when no whole answer came; the reason of `signal` when that fired
 */
export function createHttpClient(
  baseUrl: string,
  fetchFn: typeof fetch = fetch,
  extra: HttpTarget['headers'] = {},
): HttpClient {
  const target = createHttpTarget(baseUrl, extra)

  return async function request({ method, path = '', body, headers, timeoutMs, signal }) {
    const init: RequestInit = {
      method,
      redirect: 'manual',
      headers: {
        accept: 'application/json',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...target.headers,
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    }
    try {
      return await withDeadline(timeoutMs, signal, async (deadline) => {
        const response = await fetchFn(target.urlOf(path), { ...init, signal: deadline })
        return { status: response.status, text: await readText(response) }
      })
    } catch (error) {
      if (signal.aborted) throw signal.reason
      throw new NoAnswerError(describe(error), { cause: error })
    }
  }
}

function basicAuthorization(base: URL): Record<string, string> {
  if (base.username === '' && base.password === '') return {}
  const pair = `${decodeURIComponent(base.username)}:${decodeURIComponent(base.password)}`
  return { authorization: `Basic ${Buffer.from(pair).toString('base64')}` }
}

/** `https://host/v3/KEY?q=1` and `/eth/v1/x?y=2` → `https://host/v3/KEY/eth/v1/x?q=1&y=2`. */
function joinUrl(base: URL, path: string): URL {
  const [pathname = '', query] = path.split('?', 2)
  const url = new URL(base)
  if (pathname !== '') url.pathname = base.pathname.replace(/\/+$/, '') + pathname
  if (query !== undefined) url.search = base.search === '' ? query : `${base.search}&${query}`
  return url
}

async function readText(response: Response): Promise<string> {
  if (response.body === null) return ''
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of response.body) {
    length += chunk.byteLength
    if (length > MAX_ANSWER_BYTES) throw new Error(`answer longer than ${MAX_ANSWER_BYTES} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** `fetch` hides the reason one or two causes deep; its messages name no more than host and port. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { cause } = error
  if (!(cause instanceof Error)) return error.message
  const code = 'code' in cause && typeof cause.code === 'string' ? cause.code : undefined
  return cause.message || code || error.message
}
