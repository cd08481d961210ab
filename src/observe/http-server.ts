import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { KeysApiAnswer } from './keys-api.ts'

/** Whether all is well, and if not, why: sentences for people, without secrets. */
export type ProbeVerdict = { readonly ok: boolean; readonly reasons: readonly string[] }

export type HttpServerOptions = {
  /** 0: any free one. */
  readonly port: number
  /** Every interface unless given: in a container the port is published from outside. */
  readonly host?: string | undefined
  /** Serve `/metrics`. */
  readonly runMetrics: boolean
  /** Serve `/health`, `/livez` and `/readyz`. */
  readonly runHealthCheck: boolean
  readonly metrics: () => Promise<{ readonly contentType: string; readonly body: string }>
  /** Serves `/status` where it is given: plain data without secrets, made from memory. */
  readonly status?: (() => unknown) | undefined
  /** The page and what belongs to it, by their paths, where it is served. */
  readonly page?:
    | Iterable<readonly [path: string, answer: (query: URLSearchParams) => Omit<Answer, 'status'>]>
    | undefined
  /** Serves the paths of the Keys API where it is given; `undefined` for a path that is none. */
  readonly keysApi?:
    | ((path: string, query: URLSearchParams) => KeysApiAnswer | undefined)
    | undefined
  readonly health: () => ProbeVerdict
  readonly ready: () => ProbeVerdict
  /** Milliseconds, 0 for no limit; for tests. */
  readonly timeouts?: Partial<typeof TIMEOUTS>
}

export type HttpServer = {
  /** The port that is listened on. */
  readonly port: number
  /** Stops listening; answers under way get half a second. */
  readonly close: () => Promise<void>
}

type Answer = { readonly status: number; readonly contentType: string; readonly body: string }
type Route = (query: URLSearchParams) => Answer | Promise<Answer>

/** All in milliseconds. A client that sends or reads slower than this is let go. */
const TIMEOUTS = { headers: 5_000, request: 10_000, socket: 30_000, check: 1_000 }
/** Milliseconds that answers under way get at the end. */
const CLOSE_GRACE = 500
const MAX_HEADER_BYTES = 8_192
const MAX_CONNECTIONS = 256

/** What a browser may do with an answer: nothing but show it, with what this server serves. */
const SECURITY_HEADERS = {
  'Content-Security-Policy':
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'X-Frame-Options': 'DENY',
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Resource-Policy': 'same-origin',
}

const text = (status: number, body: string): Answer => ({
  status,
  contentType: 'text/plain; charset=utf-8',
  body,
})

const json = (status: number, value: unknown): Answer => ({
  status,
  contentType: 'application/json; charset=utf-8',
  body: JSON.stringify(value),
})

const verdict = ({ ok, reasons }: ProbeVerdict): Answer =>
  ok ? json(200, { status: 'ok' }) : json(503, { status: 'error', reasons })

/**
 * `/livez` fails only where a restart would help: the process answers nothing. That nodes are down
 * is told by `/health` and `/readyz`.
 */
function routesOf(options: HttpServerOptions): ReadonlyMap<string, Route> {
  const routes = new Map<string, Route>()
  if (options.runMetrics) {
    routes.set('/metrics', async () => ({ status: 200, ...(await options.metrics()) }))
  }
  const { status } = options
  if (status !== undefined) routes.set('/status', () => json(200, status()))
  for (const [path, answer] of options.page ?? []) {
    routes.set(path, (query) => ({ status: 200, ...answer(query) }))
  }
  if (options.runHealthCheck) {
    routes.set('/health', () => verdict(options.health()))
    routes.set('/readyz', () => verdict(options.ready()))
    routes.set('/livez', () => json(200, { status: 'ok' }))
  }
  return routes
}

async function answer(
  routes: ReadonlyMap<string, Route>,
  keysApi: HttpServerOptions['keysApi'],
  url: string,
): Promise<Answer> {
  const [path = '', queryText] = url.split('?', 2)
  const query = new URLSearchParams(queryText)
  const route = routes.get(path)
  try {
    if (route !== undefined) return await route(query)
    const found = keysApi?.(path, query)
    return found === undefined ? text(404, 'not found\n') : json(found.status, found.body)
  } catch {
    // The cause may hold anything: it is not for a client's eyes.
    return text(500, 'internal error\n')
  }
}

function send(request: IncomingMessage, response: ServerResponse, answer: Answer): void {
  response.writeHead(answer.status, {
    'Content-Type': answer.contentType,
    'Content-Length': Buffer.byteLength(answer.body),
    'Cache-Control': 'no-store',
    ...SECURITY_HEADERS,
    // Whatever else such a client has to send, nobody waits for it.
    ...(answer.status === 405 && { Allow: 'GET, HEAD', Connection: 'close' }),
  })
  response.end(request.method === 'HEAD' ? undefined : answer.body)
}

async function listen(server: Server, port: number, host: string | undefined): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const why =
        cause.code === 'EADDRINUSE'
          ? 'it is taken. Stop what uses it, or set HTTP_PORT to another one'
          : (cause.code ?? 'no reason')
      reject(new Error(`listen on HTTP port ${port}: ${why}`, { cause }))
    })
    server.listen({ port, ...(host !== undefined && { host }) }, resolve)
  })
}

/**
 * Serves metrics, health, status, page and keys over HTTP. GET and HEAD only; malformed requests get node's own 400, 408 or 431.
 *
 * @throws Error that names the port, when it cannot be listened on
 */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const routes = routesOf(options)
  const timeouts = { ...TIMEOUTS, ...options.timeouts }
  const server = createServer(
    {
      headersTimeout: timeouts.headers,
      requestTimeout: timeouts.request,
      connectionsCheckingInterval: timeouts.check,
      maxHeaderSize: MAX_HEADER_BYTES,
    },
    (request, response) => {
      // Bodies mean nothing here; an unread one would block the connection.
      request.resume()
      const isRead = request.method === 'GET' || request.method === 'HEAD'
      const answered = isRead
        ? answer(routes, options.keysApi, request.url ?? '')
        : Promise.resolve(text(405, 'method not allowed\n'))
      answered.then((found) => send(request, response, found)).catch(() => response.destroy())
    },
  )
  server.maxConnections = MAX_CONNECTIONS
  server.timeout = timeouts.socket

  await listen(server, options.port, options.host)
  // From here on an error concerns one connection, and must not end the process.
  server.on('error', () => {})

  return { port: (server.address() as AddressInfo).port, close: () => close(server) }
}

async function close(server: Server): Promise<void> {
  const timer = setTimeout(() => server.closeAllConnections(), CLOSE_GRACE)
  await new Promise<void>((resolve) => {
    server.close(() => resolve())
    server.closeIdleConnections()
  })
  clearTimeout(timer)
}
