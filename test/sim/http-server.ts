import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Answer, type Call, createFaults, deliver, needsWork } from './faults.ts'

/** Takes over the response, for answers that stay open. */
export type Stream = (res: ServerResponse) => void
export type Handle = (call: Call) => Answer | Stream | Promise<Answer | Stream>

export const json = (body: unknown, status = 200): Answer => ({
  status,
  body: typeof body === 'string' ? body : JSON.stringify(body),
})

export type HttpServerOptions = {
  /** 0: chosen by the operating system, and kept for `revive`. */
  readonly port?: number
  /** Path before every path, as providers have with an API key. */
  readonly basePath?: string
  /** Names of the JSON-RPC calls in a body; makes this a JSON-RPC server. */
  readonly rpcOf?: (body: string) => readonly string[]
}

/** An HTTP server on 127.0.0.1 that records, and misbehaves as ordered. */
export async function startHttpServer(handle: Handle, options: HttpServerOptions = {}) {
  const { basePath = '', rpcOf } = options
  const faults = createFaults()
  let calls: Call[] = []
  let server: Server | undefined
  let port = options.port ?? 0
  let recording = true

  const listener = (req: IncomingMessage, res: ServerResponse) => {
    req.on('error', () => res.destroy())
    serve(req, res).catch((error: unknown) => {
      if (!res.headersSent) res.writeHead(500)
      res.end(String(error))
    })
  }

  async function serve(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const url = new URL(req.url ?? '/', 'http://localhost')
    const body = await readBody(req)
    const call: Call = {
      method: req.method ?? 'GET',
      path: url.pathname.startsWith(basePath) ? url.pathname.slice(basePath.length) || '/' : '',
      query: url.searchParams,
      headers: req.headers,
      body,
      rpc: rpcOf?.(body) ?? [],
      at: Date.now(),
    }
    if (recording) calls.push(call)
    const fault = faults.takeForCall(call, rpcOf !== undefined)
    if (fault !== undefined && !needsWork(fault)) return deliver(fault, res, json(null))
    const answer = call.path === '' ? json({ message: 'no such path' }, 404) : await handle(call)
    if (typeof answer === 'function') return answer(res)
    if (fault !== undefined) return deliver(fault, res, answer)
    res.writeHead(answer.status, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(answer.body),
      ...answer.headers,
    })
    res.end(answer.body)
  }

  /** Listens again on the same port. */
  async function revive(): Promise<void> {
    if (server !== undefined) return
    const next = createServer({ keepAliveTimeout: 60_000 }, listener)
    await new Promise<void>((resolve, reject) => {
      next.once('error', reject)
      next.listen(port, '127.0.0.1', resolve)
    })
    port = (next.address() as AddressInfo).port
    server = next
  }

  /** Nobody listens and every connection is gone: ECONNREFUSED until `revive`. */
  async function refuse(): Promise<void> {
    const old = server
    server = undefined
    if (old === undefined) return
    const closed = new Promise<void>((resolve) => old.close(() => resolve()))
    old.closeAllConnections()
    await closed
  }

  await revive()
  return {
    url: `http://127.0.0.1:${port}${basePath}`,
    port,
    faults,
    /** Every request since the start or the last `clearCalls`, spoiled ones included. */
    get calls(): readonly Call[] {
      return calls
    },
    clearCalls() {
      calls = []
    },
    /** Recording off saves memory in long runs. */
    record(on: boolean) {
      recording = on
    },
    refuse,
    revive,
    close: refuse,
  }
}

async function readBody(req: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of req) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString('utf8')
}
