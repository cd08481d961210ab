import { toQuantity } from 'ethers'
import type { ExecutionChain } from './execution-chain.ts'
import type { ExecutionNodeSettings } from './execution-node.ts'
import type { SimLog, SimTransaction } from './ledger.ts'
import { toBlockJson, toGethJson } from './transaction-json.ts'

export class RpcError extends Error {
  override readonly name = 'RpcError'
  readonly code: number
  readonly data: unknown

  constructor(code: number, message: string, data?: unknown) {
    super(message)
    this.code = code
    this.data = data
  }
}

type Params = readonly unknown[]
type LogFilter = {
  fromBlock?: string
  toBlock?: string
  blockHash?: string
  address?: string | string[]
  topics?: (string | string[] | null)[]
}

/** The truth, as far as this node has come. */
export function answerRpc(
  chain: ExecutionChain,
  settings: ExecutionNodeSettings,
  method: string,
  params: Params,
): unknown {
  const head = Math.max(0, chain.head - settings.lag)
  const finalized = Math.max(
    0,
    Math.min(head, chain.finalized - settings.lag - settings.finalizedLag),
  )
  const numberOf = (tag: unknown) => blockNumber(tag, head, finalized)

  switch (method) {
    case 'eth_chainId':
      return toQuantity(chain.chainId)
    case 'net_version':
      return chain.chainId.toString()
    case 'web3_clientVersion':
      return 'Geth/v1.16.7-sim/linux-amd64/go1.25'
    case 'eth_syncing':
      return settings.syncing === true
        ? {
            startingBlock: '0x0',
            currentBlock: toQuantity(head),
            highestBlock: toQuantity(head * 2),
          }
        : settings.syncing
    case 'eth_blockNumber':
      return toQuantity(head)
    case 'eth_getBlockByNumber':
      return block(chain, numberOf(params[0]), head, params[1] === true)
    case 'eth_getBlockByHash':
      return block(chain, chain.blockByHash(String(params[0])), head, params[1] === true)
    case 'eth_getTransactionByHash': {
      const found = chain.transaction(String(params[0]))
      return found !== undefined && found.blockNumber <= head ? transaction(chain, found) : null
    }
    case 'eth_getTransactionReceipt': {
      const found = chain.transaction(String(params[0]))
      return found !== undefined && found.blockNumber <= head ? receipt(chain, found) : null
    }
    case 'eth_getBlockReceipts': {
      const isHash = /^0x[0-9a-f]{64}$/i.test(String(params[0]))
      const number = isHash ? chain.blockByHash(String(params[0])) : numberOf(params[0])
      if (number === undefined || number > head) return null
      return receiptsOf(chain, number)
    }
    case 'eth_getLogs':
      return getLogs(chain, settings, params[0] as LogFilter, head, numberOf)
    case 'eth_call':
      return call(chain, settings, params, head, numberOf)
    default:
      throw new RpcError(-32601, `the method ${method} does not exist/is not available`)
  }
}

function blockNumber(tag: unknown, head: number, finalized: number): number {
  switch (tag) {
    case undefined:
    case null:
    case 'latest':
    case 'pending':
      return head
    case 'safe':
    case 'finalized':
      return finalized
    case 'earliest':
      return 0
  }
  if (typeof tag !== 'string' || !/^0x[0-9a-f]{1,16}$/i.test(tag)) {
    throw new RpcError(-32602, `invalid argument 0: block ${JSON.stringify(tag)}`)
  }
  return Number(tag)
}

function block(chain: ExecutionChain, number: number | undefined, head: number, full: boolean) {
  if (number === undefined || number > head) return null
  const transactions = chain.transactionsOf(number)
  return toBlockJson({
    number,
    hash: chain.hashOf(number),
    parentHash: chain.hashOf(number - 1),
    timestamp: chain.timestampOf(number),
    transactions: transactions.map((one) => (full ? transaction(chain, one) : one.hash)),
  })
}

function transaction(chain: ExecutionChain, one: SimTransaction): unknown {
  const place = { blockHash: chain.hashOf(one.blockNumber), blockNumber: one.blockNumber }
  const truth = toGethJson(one.signed, { ...place, transactionIndex: one.index })
  return one.tamper === undefined ? truth : one.tamper(truth)
}

export const receiptsOf = (chain: ExecutionChain, number: number) =>
  chain.transactionsOf(number).map((one) => receipt(chain, one))

function receipt(chain: ExecutionChain, one: SimTransaction) {
  const logs = chain.logsOf(one.blockNumber).filter((log) => log.transactionHash === one.hash)
  return {
    blockHash: chain.hashOf(one.blockNumber),
    blockNumber: toQuantity(one.blockNumber),
    transactionHash: one.hash,
    transactionIndex: toQuantity(one.index),
    from: one.from,
    to: one.signed.to?.toLowerCase() ?? null,
    type: toQuantity(one.signed.type ?? 0),
    status: '0x1',
    contractAddress: null,
    cumulativeGasUsed: '0x5208',
    gasUsed: '0x5208',
    effectiveGasPrice: '0x7',
    logsBloom: `0x${'00'.repeat(256)}`,
    logs: logs.map((log) => logJson(chain, log)),
  }
}

const logJson = (chain: ExecutionChain, log: SimLog) => ({
  address: log.address,
  topics: log.topics,
  data: log.data,
  blockNumber: toQuantity(log.blockNumber),
  blockTimestamp: toQuantity(chain.timestampOf(log.blockNumber)),
  transactionHash: log.transactionHash,
  transactionIndex: toQuantity(log.transactionIndex),
  blockHash: chain.hashOf(log.blockNumber),
  logIndex: toQuantity(log.logIndex),
  removed: log.removed ?? false,
})

function getLogs(
  chain: ExecutionChain,
  settings: ExecutionNodeSettings,
  filter: LogFilter,
  head: number,
  numberOf: (tag: unknown) => number,
): unknown[] {
  const [from, to] = logRange(chain, filter, numberOf)
  if (from > to) throw new RpcError(-32000, 'invalid block range params')
  const { code, message } = settings.logLimitError
  if (from < settings.firstLogBlock || from <= head - settings.keepsLogs) {
    throw new RpcError(settings.prunedError.code, settings.prunedError.message)
  }
  if (to - from + 1 > settings.maxLogRange) throw new RpcError(code, message)
  const fits = logMatcher(filter)
  const found: unknown[] = []
  for (const log of chain.logsBetween(from, Math.min(to, head))) {
    if (!fits(log)) continue
    if (found.length >= settings.maxLogResults) throw new RpcError(code, message)
    found.push(logJson(chain, log))
  }
  return found
}

function logRange(
  chain: ExecutionChain,
  filter: LogFilter,
  numberOf: (tag: unknown) => number,
): [number, number] {
  if (filter.blockHash === undefined) {
    return [numberOf(filter.fromBlock), numberOf(filter.toBlock)]
  }
  const number = chain.blockByHash(filter.blockHash)
  if (number === undefined) throw new RpcError(-32000, 'unknown block')
  return [number, number]
}

/** Topics: null fits anything, a list fits any of its members; position by position. */
function logMatcher({ address, topics = [] }: LogFilter): (log: SimLog) => boolean {
  const lower = (values: string | string[]) =>
    new Set([values].flat().map((value) => value.toLowerCase()))
  const addresses = address === undefined ? undefined : lower(address)
  const wanted = topics.map((topic) =>
    topic === null || (Array.isArray(topic) && topic.length === 0) ? undefined : lower(topic),
  )
  return (log) =>
    (addresses === undefined || addresses.size === 0 || addresses.has(log.address)) &&
    wanted.length <= log.topics.length &&
    wanted.every((set, i) => set === undefined || set.has((log.topics[i] ?? '').toLowerCase()))
}

function call(
  chain: ExecutionChain,
  settings: ExecutionNodeSettings,
  params: Params,
  head: number,
  numberOf: (tag: unknown) => number,
): string {
  if (numberOf(params[1]) > head) throw new RpcError(-32000, 'header not found')
  if (numberOf(params[1]) <= head - settings.keepsStates) {
    throw new RpcError(-32000, 'missing trie node 7e (path ) state 0x7e is not available')
  }
  const { to = '', data, input } = params[0] as { to?: string; data?: string; input?: string }
  const result = chain.call(to, input ?? data ?? '0x')
  if (result === undefined) throw new RpcError(3, 'execution reverted', '0x')
  return result
}
