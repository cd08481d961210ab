import * as v from 'valibot'
import { withDeadline } from '../lib/deadline.ts'
import { type Exchange, observed } from '../lib/exchange.ts'
import { type HttpClient, NoAnswerError } from '../lib/http.ts'
import { jsonOf } from '../lib/json.ts'
import { isHeadRecent, type SyncState } from '../lib/layer.ts'
import { bytes32, hexData, jsonObject, loose, numeric } from '../lib/parsed-by.ts'
import type { Address, Bytes32, Hex } from '../lib/primitives.ts'
import { quote } from '../lib/secret.ts'
import { isOverload, isStatePruned, isUnknownBlock, RpcError } from './rpc-errors.ts'

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
  syncState(signal: AbortSignal): Promise<SyncState>
  finalizedBlock(signal: AbortSignal): Promise<BlockHead>
  /** Of its canonical chain; `undefined` when the node does not have that block. */
  blockHash(number: number, signal: AbortSignal): Promise<Bytes32 | undefined>
  /** Raw logs, as the node gave them. @throws RpcError when the range is too much for the node */
  logs(filter: LogFilter, signal: AbortSignal): Promise<readonly unknown[]>
  /** The raw transaction body, or `null` when the node does not know it. */
  transaction(hash: Bytes32, signal: AbortSignal): Promise<unknown>
  /** Raw receipts of a block by hash or number; `null` when the node does not have them. */
  blockReceipts(block: Bytes32 | number, signal: AbortSignal): Promise<readonly unknown[] | null>
  /** Hashes of a block's transactions; `null` when the node does not have it. */
  blockTransactions(hash: Bytes32, signal: AbortSignal): Promise<readonly Bytes32[] | null>
  /** The raw receipt, or `null` when the node does not know it. */
  receipt(transactionHash: Bytes32, signal: AbortSignal): Promise<unknown>
  /**
   * A call at the finalized block; at the safe or the latest one where the node has pruned that state.
   *
   * @param block - what is true now, although it may not stay so
   * @throws RpcError when it reverts
   */
  call(to: Address, data: Hex, signal: AbortSignal, block?: 'latest'): Promise<Hex>
}

/** Milliseconds for one call; a wide `eth_getLogs` may need most of it. */
const CALL_TIMEOUT_MS = 15_000

const quantity = v.pipe(
  v.string(),
  v.regex(/^0x[0-9a-fA-F]{1,64}$/),
  v.transform((text) => BigInt(text)),
)
const blockNumber = v.pipe(quantity, v.maxValue(BigInt(Number.MAX_SAFE_INTEGER)))
/** Some gateways give the code as text, leave out the message, or give nothing but words. */
const rpcFailure = v.union([
  v.pipe(
    v.string(),
    v.transform((message) => ({ code: 0, message })),
  ),
  v.pipe(
    jsonObject,
    v.object({
      code: v.fallback(numeric, 0),
      message: v.fallback(v.string(), 'no reason given'),
    }),
  ),
])
const envelope = v.pipe(
  jsonObject,
  v.object({ result: v.optional(v.unknown()), error: v.nullish(rpcFailure) }),
)
const blockBody = v.object({ transactions: v.array(bytes32) })
const safeNumber = v.pipe(blockNumber, v.transform(Number))
const blockHead = v.object({
  number: safeNumber,
  hash: bytes32,
  timestamp: loose(safeNumber),
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
  nowMs: () => number = Date.now,
): ExecutionNode {
  const request = observed(http, observe)
  let id = 0

  async function rpc<T extends v.GenericSchema>(
    method: string,
    params: readonly unknown[],
    result: T,
    signal: AbortSignal,
  ): Promise<v.InferOutput<T>> {
    id += 1
    const body = { jsonrpc: '2.0', id, method, params }
    const headers = await withDeadline(timeoutMs, signal, authorize)
    const answer = await request({ method: 'POST', body, headers, timeoutMs, signal })
    const parsed = v.safeParse(envelope, jsonOf(answer.text))
    if (parsed.success && parsed.output.error) {
      const { code, message } = parsed.output.error
      if (isOverload(answer.status, code, message)) {
        throw new NoAnswerError(`${method}: node answered ${code}: ${quote(message)}`)
      }
      throw new RpcError(method, code, quote(message))
    }
    if (answer.status !== 200 || !parsed.success) {
      throw new NoAnswerError(
        `${method}: node answered HTTP ${answer.status}: ${quote(answer.text)}`,
      )
    }
    const checked = v.safeParse(result, parsed.output.result)
    if (!checked.success) {
      throw new NoAnswerError(`${method}: node answered something else than asked`)
    }
    return checked.output
  }

  return {
    chainId: (signal) => rpc('eth_chainId', [], quantity, signal),
    async syncState(signal) {
      const told = await rpc('eth_syncing', [], v.unknown(), signal).catch(refusal)
      if (told === false || told === 'false') return {}
      const progress = v.safeParse(syncProgress, told)
      if (progress.success && progress.output.currentBlock < progress.output.highestBlock) {
        const { currentBlock, highestBlock } = progress.output
        return { why: `still syncing, at block ${currentBlock} of ${highestBlock}` }
      }
      const head = await rpc('eth_getBlockByNumber', ['latest', false], blockHead, signal)
      return judgeByAge(head, told instanceof RpcError ? told.message : odd(told), nowMs())
    },
    async finalizedBlock(signal) {
      const params = ['finalized', false]
      const head = await rpc('eth_getBlockByNumber', params, v.nullable(blockHead), signal).catch(
        (error: unknown) => {
          if (isUnknownBlock(error)) return null
          throw error
        },
      )
      if (head === null) throw new NoAnswerError(NOTHING_FINALIZED)
      return head
    },
    blockHash: async (number, signal) => {
      const params = [toQuantity(number), false]
      return (await rpc('eth_getBlockByNumber', params, v.nullable(blockHead), signal))?.hash
    },
    logs: ({ address, topics, fromBlock, toBlock }, signal) =>
      rpc(
        'eth_getLogs',
        [{ address, topics, fromBlock: toQuantity(fromBlock), toBlock: toQuantity(toBlock) }],
        v.array(v.unknown()),
        signal,
      ),
    transaction: (hash, signal) =>
      rpc('eth_getTransactionByHash', [hash], v.nullable(jsonObject), signal),
    blockReceipts: (block, signal) =>
      rpc(
        'eth_getBlockReceipts',
        [typeof block === 'number' ? toQuantity(block) : block],
        v.nullable(v.array(v.unknown())),
        signal,
      ),
    blockTransactions: async (hash, signal) =>
      (await rpc('eth_getBlockByHash', [hash, false], v.nullable(blockBody), signal))
        ?.transactions ?? null,
    receipt: (hash, signal) =>
      rpc('eth_getTransactionReceipt', [hash], v.nullable(jsonObject), signal),
    async call(to, data, signal, block) {
      const at = (tag: string) => rpc('eth_call', [{ to, data }, tag], hexData, signal)
      const orAt = (tag: string) => (error: unknown) => {
        if (isStatePruned(error)) return at(tag)
        throw error
      }
      const output =
        block === undefined
          ? await at('finalized').catch(orAt('safe')).catch(orAt('latest'))
          : await at(block)
      return output.toLowerCase() as Hex
    },
  }
}

const NOTHING_FINALIZED =
  'eth_getBlockByNumber: the node knows no finalized block yet: it has just started, or follows no consensus node'

const syncProgress = v.object({ currentBlock: blockNumber, highestBlock: blockNumber })

function refusal(error: unknown): RpcError {
  if (error instanceof RpcError) return error
  throw error
}

const odd = (told: unknown) =>
  `eth_syncing: node answered ${quote(JSON.stringify(told) ?? 'nothing')}`

/** @param words - what the node answered to `eth_syncing` */
function judgeByAge({ number, timestamp }: BlockHead, words: string, nowMs: number): SyncState {
  const odd = `does not tell whether it is syncing (${words})`
  if (timestamp !== undefined && isHeadRecent(timestamp, nowMs)) return { odd }
  const time = timestamp === undefined ? 'without a time' : `Unix time ${timestamp}`
  return { why: `its latest block ${number} is not recent (${time}), and it ${odd}`, odd }
}

const toQuantity = (value: number) => `0x${value.toString(16)}`
