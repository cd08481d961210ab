import type { IncomingHttpHeaders, ServerResponse } from 'node:http'

/** One HTTP request, and for JSON-RPC the methods in it. */
export type Call = {
  readonly method: string
  /** Without base path and query. */
  readonly path: string
  readonly query: URLSearchParams
  readonly headers: IncomingHttpHeaders
  readonly body: string
  readonly rpc: readonly string[]
  /** Unix ms. */
  readonly at: number
}
export type Answer = {
  readonly status: number
  readonly headers?: Record<string, string>
  readonly body: string
}

/** Every condition that is given must hold. A string is an exact match. */
export type FaultMatch = {
  readonly method?: string
  readonly path?: string | RegExp
  readonly rpc?: string | RegExp
  readonly body?: RegExp
  readonly when?: (call: Call) => boolean
}

export type FaultKind =
  /** Destroys the socket instead of an answer. */
  | { readonly kind: 'reset' }
  /** Never answers. */
  | { readonly kind: 'hang' }
  /** Headers and half of the real body, then silence. */
  | { readonly kind: 'hang-body' }
  /** The real body, a byte every so many ms (20). */
  | { readonly kind: 'trickle'; readonly everyMs?: number }
  /** A body without end: a chunk (64 KiB) every so many ms (5). */
  | { readonly kind: 'endless'; readonly everyMs?: number; readonly chunkBytes?: number }
  | {
      readonly kind: 'status'
      readonly status: number
      readonly body?: string | object
      readonly headers?: Record<string, string>
    }
  /** JSON-RPC error under HTTP 200. In a batch, only of the calls that match. */
  | {
      readonly kind: 'rpc-error'
      readonly code: number
      readonly message: string
      readonly data?: unknown
    }
  /** JSON-RPC `result: null`; for other servers the body `null`. */
  | { readonly kind: 'null' }
  /** HTTP 200 with the first half of the real body, complete as far as HTTP can tell. */
  | { readonly kind: 'half-json' }
  | { readonly kind: 'html'; readonly status?: number }
  | { readonly kind: 'redirect'; readonly location: string; readonly status?: number }
  /** HTTP 200 with this body. */
  | { readonly kind: 'wrong-schema'; readonly body: string | object }
  /** The real answer, once the promise is settled. */
  | { readonly kind: 'hold'; readonly until: Promise<unknown> }

export type Fault = FaultKind & {
  readonly match?: FaultMatch
  /** How many matching calls it spoils; all of them by default. */
  readonly times?: number
  /** How many matching calls it lets through first. */
  readonly skip?: number
  /** The server does its work first: a lost answer, not a lost request. */
  readonly afterWork?: boolean
}
export type OrderedFault = { readonly hits: number; remove(): void }

const fits = (wanted: string | RegExp | undefined, value: string) =>
  wanted === undefined || (typeof wanted === 'string' ? wanted === value : wanted.test(value))

const matches = (match: FaultMatch, call: Call, rpc: readonly string[]) =>
  fits(match.method, call.method) &&
  fits(match.path, call.path) &&
  (match.rpc === undefined || rpc.some((name) => fits(match.rpc, name))) &&
  (match.body === undefined || match.body.test(call.body)) &&
  (match.when === undefined || match.when(call))

const isPerRpcCall = ({ kind }: Fault) => kind === 'rpc-error' || kind === 'null'

/** The faults that a test has ordered from one server; the first that matches is taken. */
export function createFaults() {
  type Entry = { fault: Fault; seen: number; hits: number }
  let entries: Entry[] = []

  function take(call: Call, rpc: readonly string[], wanted: (fault: Fault) => boolean) {
    for (const entry of entries) {
      const { fault } = entry
      if (!wanted(fault) || !matches(fault.match ?? {}, call, rpc)) continue
      entry.seen += 1
      if (entry.seen <= (fault.skip ?? 0) || entry.hits >= (fault.times ?? Infinity)) continue
      entry.hits += 1
      return fault
    }
    return undefined
  }

  return {
    add(fault: Fault): OrderedFault {
      const entry: Entry = { fault, seen: 0, hits: 0 }
      entries.push(entry)
      return {
        get hits() {
          return entry.hits
        },
        remove() {
          entries = entries.filter((one) => one !== entry)
        },
      }
    },
    clear() {
      entries = []
    },
    /** For the HTTP server: faults of a whole answer. */
    takeForCall: (call: Call, isRpc: boolean) =>
      take(call, call.rpc, (fault) => !(isRpc && isPerRpcCall(fault))),
    /** For the JSON-RPC layer: faults of one call in a batch. */
    takeForRpc: (call: Call, rpc: string) => take(call, [rpc], isPerRpcCall),
  }
}

const text = (body: string | object | undefined) =>
  body === undefined ? '' : typeof body === 'string' ? body : JSON.stringify(body)

const HTML = '<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>'
const JSON_TYPE = { 'content-type': 'application/json' }

/** Faults that spoil the real answer on its way, and so need it. */
export const needsWork = (fault: Fault) =>
  fault.afterWork === true || ['hang-body', 'trickle', 'half-json', 'hold'].includes(fault.kind)

/**
 * Answers as ordered. Timers end with the response, which the server destroys when it closes.
 *
 * @param real - the answer that would have been; given when `needsWork`
 */
export async function deliver(fault: Fault, res: ServerResponse, real: Answer): Promise<void> {
  const { status, body } = real
  const reply = (code: number, headers: Record<string, string>, content: string) => {
    res.writeHead(code, { ...headers, 'content-length': Buffer.byteLength(content) })
    res.end(content)
  }
  switch (fault.kind) {
    case 'reset':
      res.socket?.destroy()
      return
    case 'hang':
      return
    case 'hang-body':
      res.writeHead(status, {
        ...JSON_TYPE,
        ...real.headers,
        'content-length': Buffer.byteLength(body) + 1,
      })
      res.flushHeaders()
      res.write(body.slice(0, Math.ceil(body.length / 2)))
      return
    case 'trickle':
      res.writeHead(status, {
        ...JSON_TYPE,
        ...real.headers,
        'content-length': Buffer.byteLength(body),
      })
      trickle(res, Buffer.from(body), fault.everyMs ?? 20)
      return
    case 'endless':
      res.writeHead(200, JSON_TYPE)
      pour(res, Buffer.alloc(fault.chunkBytes ?? 65_536, ' '), fault.everyMs ?? 5)
      return
    case 'status':
      return reply(fault.status, { ...JSON_TYPE, ...fault.headers }, text(fault.body))
    case 'rpc-error': {
      const { code, message, data } = fault
      return reply(200, JSON_TYPE, text({ jsonrpc: '2.0', id: 1, error: { code, message, data } }))
    }
    case 'null':
      return reply(200, JSON_TYPE, 'null')
    case 'half-json':
      return reply(status, JSON_TYPE, body.slice(0, Math.floor(body.length / 2)))
    case 'html':
      return reply(fault.status ?? 200, { 'content-type': 'text/html' }, HTML)
    case 'redirect':
      return reply(fault.status ?? 307, { location: fault.location }, '')
    case 'wrong-schema':
      return reply(200, JSON_TYPE, text(fault.body))
    case 'hold':
      await fault.until.catch(() => undefined)
      return reply(status, { ...JSON_TYPE, ...real.headers }, body)
  }
}

function trickle(res: ServerResponse, body: Buffer, everyMs: number): void {
  let at = 0
  const timer = setInterval(() => {
    res.write(body.subarray(at, at + 1))
    at += 1
    if (at < body.length) return
    clearInterval(timer)
    res.end()
  }, everyMs)
  res.on('close', () => clearInterval(timer))
}

/** Waits for the reader, so that memory stays bounded whatever the reader does. */
function pour(res: ServerResponse, chunk: Buffer, everyMs: number): void {
  const timer = setInterval(() => {
    if (!res.writableNeedDrain) res.write(chunk)
  }, everyMs)
  res.on('close', () => clearInterval(timer))
}
