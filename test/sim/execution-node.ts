import { createHmac, timingSafeEqual } from 'node:crypto'
import type { ExecutionChain } from './execution-chain.ts'
import { answerRpc, RpcError } from './execution-rpc.ts'
import type { Answer, Call } from './faults.ts'
import { json, startHttpServer } from './http-server.ts'

export type ExecutionNodeSettings = {
  /** What `eth_syncing` says: false, true for some progress object, or an object. */
  syncing: boolean | object
  /** Blocks that this node is behind, for head and finalized alike. */
  lag: number
  /** Further blocks that its finalized tag is behind. */
  finalizedLag: number
  /** Blocks that its finalized tag steps back by, each second time that it is asked. */
  finalizedSteps: number
  /** Logs of blocks before this one, or so far behind its head, are pruned; how it says so. */
  firstLogBlock: number
  keepsLogs: number
  prunedError: { code: number; message: string }
  /** Blocks behind the head whose state it keeps. */
  keepsStates: number
  /** Widest block range of `eth_getLogs`, and most logs in one answer. */
  maxLogRange: number
  maxLogResults: number
  /** How it says that a limit was passed. */
  logLimitError: { code: number; message: string; status?: number }
  /** Most calls in one batch. */
  maxBatch: number
  /** Hex of the secret that HS256 bearer tokens must be made with. */
  jwtSecret: string | undefined
  /** `user:password` */
  basicAuth: string | undefined
}
// biome-ignore lint/suspicious/noExplicitAny: a lie changes whatever it likes
export type RpcTransform = (result: any, params: any[]) => unknown

export type ExecutionNodeOptions = Partial<ExecutionNodeSettings> & {
  readonly chain: ExecutionChain
  readonly port?: number
  readonly basePath?: string
}

type RpcRequest = { id?: unknown; method?: unknown; params?: unknown }

/** One execution node over a chain. Several may serve the same one, each with its own view. */
export async function startExecutionNode(options: ExecutionNodeOptions) {
  const { chain, port, basePath, ...given } = options
  const settings: ExecutionNodeSettings = {
    syncing: false,
    lag: 0,
    finalizedLag: 0,
    finalizedSteps: 0,
    firstLogBlock: 0,
    keepsLogs: Infinity,
    prunedError: { code: -32602, message: 'pruned history unavailable' },
    keepsStates: Infinity,
    maxLogRange: Infinity,
    maxLogResults: Infinity,
    logLimitError: { code: -32005, message: 'query returned more than 10000 results' },
    maxBatch: Infinity,
    jwtSecret: undefined,
    basicAuth: undefined,
    ...given,
  }
  let transforms: { method: string; transform: RpcTransform }[] = []
  let isSteppedBack = false

  /** As a balancer does, whose nodes are not equally far. */
  function settingsFor(method: string, params: readonly unknown[]): ExecutionNodeSettings {
    const { finalizedSteps, finalizedLag } = settings
    if (finalizedSteps === 0) return settings
    if (method !== 'eth_getBlockByNumber' || params[0] !== 'finalized') return settings
    isSteppedBack = !isSteppedBack
    return isSteppedBack ? { ...settings, finalizedLag: finalizedLag + finalizedSteps } : settings
  }

  function answerOne(request: RpcRequest, call: Call): object {
    const { id = null } = request
    const method = String(request.method)
    const params = Array.isArray(request.params) ? request.params : []
    const fault = server.faults.takeForRpc(call, method)
    if (fault?.kind === 'null') return { jsonrpc: '2.0', id, result: null }
    if (fault?.kind === 'rpc-error') {
      const { code, message, data } = fault
      return { jsonrpc: '2.0', id, error: { code, message, ...(data !== undefined && { data }) } }
    }
    try {
      let result = answerRpc(chain, settingsFor(method, params), method, params)
      for (const one of transforms) {
        if (one.method === method) result = one.transform(result, params)
      }
      return { jsonrpc: '2.0', id, result }
    } catch (error) {
      if (!(error instanceof RpcError)) throw error
      const { code, message, data } = error
      return { jsonrpc: '2.0', id, error: { code, message, ...(data !== undefined && { data }) } }
    }
  }

  const isLogLimit = (reply: object) =>
    'error' in reply && (reply.error as RpcError).message === settings.logLimitError.message

  function handle(call: Call): Answer {
    if (!authorized(call, settings)) return json({ message: 'unauthorized' }, 401)
    const body = parse(call.body)
    if (body === undefined) return json(rpcFailure(-32700, 'parse error'))
    if (!Array.isArray(body)) {
      const reply = answerOne(body as RpcRequest, call)
      return json(reply, isLogLimit(reply) ? (settings.logLimitError.status ?? 200) : 200)
    }
    if (body.length > settings.maxBatch) return json(rpcFailure(-32600, 'batch too large'))
    return json(body.map((one: RpcRequest) => answerOne(one, call)))
  }

  const server = await startHttpServer(handle, {
    rpcOf: rpcMethods,
    ...(port !== undefined && { port }),
    ...(basePath !== undefined && { basePath }),
  })

  return Object.assign(server, {
    /** Every JSON-RPC call, those in batches included. */
    rpcCalls: (method?: string): { method: string; params: unknown[] }[] =>
      server.calls
        .flatMap(({ body }) => [parse(body) ?? []].flat() as RpcRequest[])
        .map((one) => ({ method: String(one.method), params: (one.params ?? []) as unknown[] }))
        .filter((one) => method === undefined || one.method === method),
    set: (change: Partial<ExecutionNodeSettings>) => Object.assign(settings, change),
    /** A lie: changes the truth just before it is said. Returns how to stop lying. */
    onResult(method: string, transform: RpcTransform): () => void {
      const entry = { method, transform }
      transforms.push(entry)
      return () => {
        transforms = transforms.filter((one) => one !== entry)
      }
    },
    tellTruth() {
      transforms = []
    },
  })
}
export type ExecutionNode = Awaited<ReturnType<typeof startExecutionNode>>

const rpcFailure = (code: number, message: string) => ({
  jsonrpc: '2.0',
  id: null,
  error: { code, message },
})

function parse(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}

const rpcMethods = (body: string): string[] =>
  [parse(body) ?? []].flat().map((one) => String((one as RpcRequest).method))

function authorized({ headers }: Call, settings: ExecutionNodeSettings): boolean {
  const { authorization = '' } = headers
  if (settings.basicAuth !== undefined) {
    const expected = `Basic ${Buffer.from(settings.basicAuth).toString('base64')}`
    if (authorization !== expected) return false
  }
  return settings.jwtSecret === undefined || isFreshToken(authorization, settings.jwtSecret)
}

/** Engine API authentication: HS256, `iat` within a minute. */
function isFreshToken(authorization: string, secret: string): boolean {
  const [, head, claims, signature] =
    /^Bearer ([\w-]+)\.([\w-]+)\.([\w-]+)$/.exec(authorization) ?? []
  if (head === undefined || claims === undefined || signature === undefined) return false
  const key = Buffer.from(secret.replace(/^0x/, ''), 'hex')
  const mac = createHmac('sha256', key).update(`${head}.${claims}`).digest()
  const given = Buffer.from(signature, 'base64url')
  if (given.length !== mac.length || !timingSafeEqual(given, mac)) return false
  const decode = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString())
  return decode(head).alg === 'HS256' && Math.abs(decode(claims).iat - Date.now() / 1000) < 60
}
