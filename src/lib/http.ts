import { type IncomingHttpHeaders, Agent as PlainAgent, request as plainRequest } from 'node:http'
import { Agent as TlsAgent, request as tlsRequest } from 'node:https'
import { StringDecoder } from 'node:string_decoder'
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
 * No usable answer came: rejected connection, reset, too slow, too long, overloaded, a redirect, or
 * not what the protocol speaks. Never a verdict on what was asked.
 */
export class NoAnswerError extends Error {
  override readonly name = 'NoAnswerError'
  /** HTTP status, where something answered all the same. */
  readonly status: number | undefined

  constructor(
    message: string,
    options: { readonly cause?: unknown; readonly status?: number } = {},
  ) {
    super(message, options)
    this.status = options.status
  }
}

/** An answer whose body is yet to be read. Leaving the loop over `body` closes the connection. */
export type OpenAnswer = {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: AsyncIterable<Uint8Array>
}

export type Outgoing = {
  readonly method: 'GET' | 'POST' | 'OPTIONS'
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  readonly signal: AbortSignal
}

/** Sends one request. Follows no redirect; a test may stand in for it. */
export type Send = (url: URL, request: Outgoing) => Promise<OpenAnswer>

/** Milliseconds. Many servers close an idle connection after 5 s: a request must not meet that. */
const IDLE_MS = 4_000

/** PEM: who we are, and whose word on the server counts instead of the system's list. */
export type TlsIdentity = { readonly cert?: string; readonly key?: string; readonly ca?: string }

/**
 * By `node:http`: `fetch` refuses ports that nodes use (5060, 5061, 6000, 10080), and costs the
 * start of the process more.
 */
export function createSend(identity: TlsIdentity = {}): Send {
  const plainAgent = new PlainAgent({ keepAlive: true, timeout: IDLE_MS })
  const tlsAgent = new TlsAgent({ keepAlive: true, timeout: IDLE_MS, ...identity })

  return ({ href, protocol }, { method, headers, body, signal }) =>
    new Promise((resolve, reject) => {
      const isTls = protocol === 'https:'
      const request = (isTls ? tlsRequest : plainRequest)(href, {
        method,
        // Some providers answer 403 to a request without one.
        headers: { 'user-agent': 'validator-ejector', ...headers },
        agent: isTls ? tlsAgent : plainAgent,
        signal,
      })
      request.on('error', reject)
      request.on('response', (answer) => {
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: answer })
      })
      request.end(body)
    })
}

export const send = createSend()

/** Bounds a body that never ends; nothing that is asked for comes near. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024

/**
 * Sends a request, and reads the whole answer.
 *
 * @param timeoutMs - covers the body too
 * @throws NoAnswerError when no whole answer came; the reason of `signal` when that fired
 */
export async function exchange(
  sendFn: Send,
  url: URL,
  { timeoutMs, signal, ...request }: Outgoing & { readonly timeoutMs: number },
): Promise<HttpAnswer & { readonly location: string | undefined }> {
  try {
    return await withDeadline(timeoutMs, signal, async (deadline) => {
      const { status, headers, body } = await sendFn(url, { ...request, signal: deadline })
      return { status, text: await readText(body), location: headers.location }
    })
  } catch (error) {
    if (signal.aborted) throw signal.reason
    throw new NoAnswerError(describe(error), { cause: error })
  }
}

/** Where the requests to one base URL go, and what each must carry. */
export type HttpTarget = {
  /** @param path - appended to the base's path; may carry a query */
  readonly urlOf: (path: string) => URL
  readonly headers: Readonly<Record<string, string>>
}

/**
 * `user:pass@` becomes a Basic header, and shows in no URL any more; a query of the base is kept.
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
 * A client for one base URL (`createHttpTarget`). A redirect is an error that says where to.
 *
 * @throws NoAnswerError when no whole answer came; the reason of `signal` when that fired
 */
export function createHttpClient(
  baseUrl: string,
  sendFn: Send = send,
  extra: HttpTarget['headers'] = {},
): HttpClient {
  const target = createHttpTarget(baseUrl, extra)

  return async function request({ path = '', body, headers, ...more }) {
    const url = target.urlOf(path)
    const { status, text, location } = await exchange(sendFn, url, {
      ...more,
      headers: {
        accept: 'application/json',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...target.headers,
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    if (status >= 300 && status < 400) {
      const where = location === undefined ? 'nowhere' : readableUrl(location, url)
      throw new NoAnswerError(`HTTP ${status}: redirects to ${where}; set the URL to that`, {
        status,
      })
    }
    return { status, text }
  }
}

/** Without user, password, query and fragment, where secrets may be. */
function readableUrl(location: string, base: URL): string {
  if (!URL.canParse(location, base.href)) return 'what is no URL'
  const { origin, pathname } = new URL(location, base)
  return `${origin}${pathname}`.slice(0, 300)
}

function basicAuthorization({ username, password }: URL): Record<string, string> {
  if (username === '' && password === '') return {}
  const pair = Buffer.concat([unescaped(username), Buffer.from(':'), unescaped(password)])
  return { authorization: `Basic ${pair.toString('base64')}` }
}

/** The bytes of a part of a URL, which is ASCII. A `%` that is no escape counts as itself. */
const unescaped = (text: string) =>
  Buffer.from(
    text.replace(/%([0-9a-f]{2})/gi, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16))),
    'latin1',
  )

/** `https://host/v3/KEY?q=1` and `/eth/v1/x?y=2` → `https://host/v3/KEY/eth/v1/x?q=1&y=2`. */
function joinUrl(base: URL, path: string): URL {
  const [pathname = '', query] = path.split('?', 2)
  const url = new URL(base)
  if (pathname !== '') url.pathname = base.pathname.replace(/\/+$/, '') + pathname
  if (query !== undefined) url.search = base.search === '' ? query : `${base.search}&${query}`
  return url
}

/** Decoded as it comes: a long answer is not one long step at its end. */
async function readText(body: AsyncIterable<Uint8Array>): Promise<string> {
  const decoder = new StringDecoder('utf8')
  let text = ''
  let length = 0
  for await (const chunk of body) {
    length += chunk.byteLength
    if (length > MAX_ANSWER_BYTES) throw new Error(`answer longer than ${MAX_ANSWER_BYTES} bytes`)
    text += decoder.write(chunk)
  }
  return text + decoder.end()
}

/** Messages of the network name no more than host and port. Several addresses fail without one. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined
  return error.message || code || error.name
}
