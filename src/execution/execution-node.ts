import { z } from 'zod'
import { withDeadline } from '../lib/deadline.ts'
import { type Exchange, observed } from '../lib/exchange.ts'
import { type HttpClient, NoAnswerError } from '../lib/http.ts'
import type { Address, Bytes32, Hex } from '../lib/primitives.ts'
import { quote } from '../lib/secret.ts'

/** The node understood the call and refused it. `code` is the JSON-RPC error code. */
export class RpcError extends Error {
  override readonly name = 'RpcError'
  readonly code: number

  constructor(method: string, code: number, message: string) {
    super(`${method}: node answered ${code}: ${message}`)
    this.code = code
  }
}

export type LogFilter = {
  /** One or several. */
  readonly address: Address | readonly Address[]
  readonly topics: readonly (Hex | readonly Hex[] | null)[]
  readonly fromBlock: number
  readonly toBlock: number
}

export type BlockHead = {
  readonly number: number
  readonly hash: Bytes32
  /** Unix seconds; `undefined` where the node does not tell. */
  readonly timestamp?: number | undefined
}

/** The JSON-RPC calls that the daemon makes, to one node. Answers are checked for shape only. */
export type ExecutionNode = {
  chainId(signal: AbortSignal): Promise<bigint>
  isSyncing(signal: AbortSignal): Promise<boolean>
  finalizedBlock(signal: AbortSignal): Promise<BlockHead>
  /** Of its canonical chain; `undefined` when the node does not have that block. */
  blockHash(number: number, signal: AbortSignal): Promise<Bytes32 | undefined>
  /** Raw logs, as the node gave them. @throws RpcError when the range is too much for the node */
  logs(filter: LogFilter, signal: AbortSignal): Promise<readonly unknown[]>
  /** The raw transaction body, or `null` when the node does not know it. */
  transaction(hash: Bytes32, signal: AbortSignal): Promise<unknown>
  /** A call at the finalized block. @throws RpcError when it reverts */
  call(to: Address, data: Hex, signal: AbortSignal): Promise<Hex>
}

/** Milliseconds for one call; a wide `eth_getLogs` may need most of it. */
const CALL_TIMEOUT_MS = 15_000

const quantity = z
  .string()
  .regex(/^0x[0-9a-fA-F]{1,64}$/)
  .transform((text) => BigInt(text))
const blockNumber = quantity.refine((value) => value <= BigInt(Number.MAX_SAFE_INTEGER))
const hexData = z.string().regex(/^0x([0-9a-fA-F]{2})*$/)
const envelope = z.object({
  result: z.unknown().optional(),
  error: z.object({ code: z.number(), message: z.string() }).nullish(),
})
const blockHead = z.object({
  number: blockNumber.transform(Number),
  hash: z
    .string()
    .regex(/^0x[0-9a-fA-F]{64}$/)
    .transform((hash) => hash.toLowerCase() as Bytes32),
  timestamp: blockNumber.transform(Number).optional().catch(undefined),
})

/**
 * @param authorize - headers for each request (a fresh bearer token, where one is configured)
 * @see https://ethereum.github.io/execution-apis
 */
export function createExecutionNode(
  http: HttpClient,
  observe: (exchange: Exchange) => void,
  authorize: () => Promise<Record<string, string>> = async () => ({}),
  timeoutMs: number = CALL_TIMEOUT_MS,
): ExecutionNode {
  const request = observed(http, observe)
  let id = 0

  async function rpc<T extends z.ZodType>(
    method: string,
    params: readonly unknown[],
    result: T,
    signal: AbortSignal,
  ): Promise<z.output<T>> {
    id += 1
    const body = { jsonrpc: '2.0', id, method, params }
    const headers = await withDeadline(timeoutMs, signal, authorize)
    const answer = await request({ method: 'POST', body, headers, timeoutMs, signal })
    const parsed = envelope.safeParse(parseJson(answer.text))
    if (parsed.success && parsed.data.error) {
      const { code, message } = parsed.data.error
      if (isOverload(answer.status, code)) {
        throw new NoAnswerError(`${method}: node answered ${code}: ${quote(message)}`)
      }
      throw new RpcError(method, code, quote(message))
    }
    if (answer.status !== 200 || !parsed.success) {
      throw new NoAnswerError(
        `${method}: node answered HTTP ${answer.status}: ${quote(answer.text)}`,
      )
    }
    const checked = result.safeParse(parsed.data.result)
    if (!checked.success) {
      throw new NoAnswerError(`${method}: node answered something else than asked`)
    }
    return checked.data
  }

  return {
    chainId: (signal) => rpc('eth_chainId', [], quantity, signal),
    isSyncing: async (signal) =>
      (await rpc('eth_syncing', [], z.union([z.literal(false), z.looseObject({})]), signal)) !==
      false,
    finalizedBlock: (signal) =>
      rpc('eth_getBlockByNumber', ['finalized', false], blockHead, signal),
    blockHash: async (number, signal) => {
      const params = [toQuantity(number), false]
      return (await rpc('eth_getBlockByNumber', params, blockHead.nullable(), signal))?.hash
    },
    logs: ({ address, topics, fromBlock, toBlock }, signal) =>
      rpc(
        'eth_getLogs',
        [{ address, topics, fromBlock: toQuantity(fromBlock), toBlock: toQuantity(toBlock) }],
        z.array(z.unknown()),
        signal,
      ),
    transaction: (hash, signal) =>
      rpc('eth_getTransactionByHash', [hash], z.looseObject({}).nullable(), signal),
    call: async (to, data, signal) =>
      (await rpc('eth_call', [{ to, data }, 'finalized'], hexData, signal)).toLowerCase() as Hex,
  }
}

const toQuantity = (value: number) => `0x${value.toString(16)}`

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Rate limits and server faults that come as JSON-RPC errors: the node is busy, not unwilling. */
const isOverload = (status: number, code: number) =>
  status === 429 || status >= 500 || code === -32_016 || code === -32_700
