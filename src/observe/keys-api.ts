import { type Address, type ModuleId, type OperatorId, parseAddress } from '../lib/primitives.ts'
import {
  firstOf,
  indexedKeys,
  type OperatorOrder,
  type Portion,
  SUGGESTED_PERCENT,
} from '../requests/next-exits.ts'
import type { Scope } from '../requests/scope.ts'

export type KeysApiAnswer = { readonly status: number; readonly body: unknown }

/** Where the orders are, once the daemon has them. */
export type KeysApiSource = {
  readonly chainId: bigint
  readonly orders: () => readonly OperatorOrder[]
}

/** An answer that is no data. Status codes and bodies are those of the Keys API. */
class AnswerError extends Error {
  override readonly name = 'AnswerError'
  readonly answer: KeysApiAnswer

  constructor(statusCode: number, message: string | readonly string[], error?: string) {
    super(String(message))
    this.answer = { status: statusCode, body: { statusCode, message, ...(error && { error }) } }
  }
}
const badRequest = (...messages: readonly string[]) => new AnswerError(400, messages, 'Bad Request')
const notFound = (message: string) => new AnswerError(404, message, 'Not Found')
const tooEarly = () => new AnswerError(425, 'Too early response')

const OF_OPERATOR =
  /^\/v1\/modules\/([^/]+)\/validators\/(validator-exits-to-prepare|generate-unsigned-exit-messages)\/([^/]+)$/

/**
 * What the Lido Keys API answers to "who should be signed next", for the operators of the scope:
 * scripts that were written for it work here. Answers come from memory.
 */
export function createKeysApi(version: string, scope: Scope) {
  let source: KeysApiSource | undefined
  const orders = () => source?.orders() ?? []

  function ordersOf(operators: readonly OperatorId[], moduleId: ModuleId | undefined) {
    const wanted = orders().filter(
      (order) =>
        operators.includes(order.operatorId) &&
        (moduleId === undefined || order.moduleId === moduleId),
    )
    if (wanted.length === 0) throw tooEarly()
    return wanted
  }

  function ofOperator(
    [, module = '', what, operator = '']: RegExpExecArray,
    query: URLSearchParams,
  ): KeysApiAnswer {
    const operatorId = wholeNumber(operator) as OperatorId | undefined
    const portion = portionOf(query)
    if (operatorId === undefined) throw badRequest('operator_id must be a whole number, 0 or more')
    const moduleId = moduleOf(module, scope, orders())
    requireOperator(scope, operatorId, moduleId)
    const [order] = ordersOf([operatorId], moduleId)
    if (order === undefined) throw tooEarly()
    const keys = indexedKeys(firstOf(indexedKeys(order.keys), portion))
    const { epoch } = order.snapshot
    const data =
      what === 'validator-exits-to-prepare'
        ? keys.map(({ index, pubkey }) => ({ validatorIndex: index, key: pubkey }))
        : keys.map(({ index }) => ({ validator_index: String(index), epoch: String(epoch) }))
    return { status: 200, body: { data, meta: { clBlockSnapshot: snapshotOf(order) } } }
  }

  function olderDraft(query: URLSearchParams): KeysApiAnswer {
    const [wanted, moduleId] = [numberIn(query, 'operatorId'), numberIn(query, 'moduleId')]
    const module = moduleId as ModuleId | undefined
    if (module !== undefined && !scope.has(module)) throw notFound(UNSUPPORTED(module))
    if (wanted !== undefined) requireOperator(scope, wanted as OperatorId, module)
    const all = [...new Set([...scope.values()].flat())]
    const operators = wanted === undefined ? all : [wanted as OperatorId]
    const found = ordersOf(operators, module)
    const isMessages = query.get('messages')?.toLowerCase() === 'true'
    const list = (order: OperatorOrder) =>
      indexedKeys(firstOf(order.keys, { percent: SUGGESTED_PERCENT })).map(({ index, pubkey }) =>
        isMessages
          ? { epoch: String(order.snapshot.epoch), validator_index: String(index) }
          : { validator_index: String(index), public_key: pubkey },
      )
    const body = operators.flatMap((operatorId) => {
      const ours = found.filter((order) => order.operatorId === operatorId)
      return ours.length === 0 ? [] : [[operatorId, ours.flatMap(list)] as const]
    })
    return { status: 200, body: Object.fromEntries(body) }
  }

  function status(): KeysApiAnswer {
    const [newest] = orders().toSorted((a, b) => b.readAt - a.readAt)
    const { blockNumber, blockHash, timestamp } = newest?.snapshot ?? {}
    const elBlockSnapshot = blockNumber === undefined ? null : { blockNumber, blockHash, timestamp }
    const body = {
      appVersion: version,
      chainId: source === undefined ? null : Number(source.chainId),
      elBlockSnapshot,
      clBlockSnapshot: newest === undefined ? null : snapshotOf(newest),
    }
    return { status: 200, body }
  }

  function route(path: string, query: URLSearchParams): KeysApiAnswer | undefined {
    if (path === '/v1/status') return status()
    if (path === '/exits') return olderDraft(query)
    const match = OF_OPERATOR.exec(path)
    return match === null ? undefined : ofOperator(match, query)
  }

  return {
    attach(found: KeysApiSource): void {
      source = found
    },
    /** @returns `undefined` for a path that is none of these */
    answer(path: string, query: URLSearchParams): KeysApiAnswer | undefined {
      try {
        return route(path, query)
      } catch (error) {
        if (error instanceof AnswerError) return error.answer
        throw error
      }
    },
  }
}

const UNSUPPORTED = (module: ModuleId | string) =>
  `Module with moduleId ${String(module).slice(0, 60)} is not supported`

const wholeNumber = (text: string): number | undefined =>
  /^\d+$/.test(text) ? Number(text) : undefined

/** @throws AnswerError for anything but a whole number; an empty one counts as absent */
function numberIn(query: URLSearchParams, name: string): number | undefined {
  const values = query.getAll(name).filter((value) => value !== '')
  if (values.length === 0) return undefined
  const number = values.length === 1 ? wholeNumber(values[0] ?? '') : undefined
  if (number === undefined) throw badRequest(`${name} must be a whole number, 0 or more`)
  return number
}

/**
 * How much is asked for: a percentage that is not 0 wins, and `max_amount=0` means all.
 *
 * @throws AnswerError that names everything that is no whole number
 */
function portionOf(query: URLSearchParams): Portion {
  const problems: string[] = []
  const [percent, amount] = ['percent', 'max_amount'].map((name) => {
    try {
      return numberIn(query, name)
    } catch (error) {
      problems.push((error as AnswerError).message)
      return undefined
    }
  })
  if (problems.length > 0) throw badRequest(...problems)
  if (percent !== undefined && percent > 0) return { percent }
  if (amount !== undefined) return amount === 0 ? { percent: 100 } : { count: amount }
  return { percent: percent ?? SUGGESTED_PERCENT }
}

/** @throws AnswerError for a module that is not in the scope; too early where that is not known yet */
function moduleOf(text: string, scope: Scope, orders: readonly OperatorOrder[]): ModuleId {
  const id = wholeNumber(text) as ModuleId | undefined
  if (id !== undefined && scope.has(id)) return id
  const address: Address | undefined = parseAddress(text)
  const found = orders.find(({ moduleAddress }) => moduleAddress === address)
  if (found !== undefined) return found.moduleId
  const read = new Set(orders.map(({ moduleId }) => moduleId))
  if (address !== undefined && [...scope.keys()].some((one) => !read.has(one))) throw tooEarly()
  throw notFound(UNSUPPORTED(text))
}

function requireOperator(
  scope: Scope,
  operatorId: OperatorId,
  moduleId: ModuleId | undefined,
): void {
  const modules = moduleId === undefined ? [...scope.keys()] : [moduleId]
  if (modules.some((one) => scope.get(one)?.includes(operatorId))) return
  const where = moduleId === undefined ? '' : ` of module ${moduleId}`
  throw notFound(`Operator ${operatorId}${where} is not in the scope of this daemon`)
}

const snapshotOf = ({ snapshot }: OperatorOrder) => ({
  epoch: Number(snapshot.epoch),
  root: snapshot.root,
  slot: Number(snapshot.slot),
  blockNumber: snapshot.blockNumber ?? null,
  timestamp: snapshot.timestamp,
  blockHash: snapshot.blockHash ?? null,
})

export type KeysApi = ReturnType<typeof createKeysApi>
