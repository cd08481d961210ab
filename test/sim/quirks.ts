import type { BeaconNode } from './beacon-node.ts'
import type { ExecutionNode } from './execution-node.ts'
import type { Call } from './faults.ts'

/** Ends what it began. */
export type Lift = () => void | Promise<void>

/** Chooses among the forms in which a quirk comes. */
type Random = {
  readonly int: (count: number) => number
  readonly pick: <T>(list: readonly T[]) => T
}

/** What honest nodes do today that nobody expects. Begins it at one node. */
export type Quirk<Node> = {
  readonly begin: (node: Node, random: Random, head: number) => Lift
  /** Nothing that the daemon needs is withheld: beside it there need be no better node. */
  readonly isBearable: boolean
  /** Lasts until a call times out, or rests upon a clock that agrees with the chain. */
  readonly isSlow?: boolean
}

/** How clients say that the logs of a block are gone. */
export const PRUNED_ERRORS = [
  { code: -32_602, message: 'invalid params: block receipts are not available' },
  { code: 4_444, message: 'pruned history unavailable' },
  { code: -32_001, message: 'resource not found' },
] as const

/** What an absent method gives. */
const NO_SUCH_METHOD = { code: -32_601, message: 'the method is not available' }
const BEYOND_HEAD = { code: -32_000, message: 'block range extends beyond current head block' }
const NEVER = 2n ** 64n - 1n
/** Of a message that lies among the others, and of no validator. */
export const UNBEARABLE_INDEX = 3_000_000_000

/** Hangs whenever the range of a search for logs holds this block. */
export function hangAt(node: ExecutionNode, block: number): Lift {
  const when = ({ body }: Call) => {
    const [, from] = /"fromBlock":"(0x[0-9a-f]+)"/.exec(body) ?? []
    const [, to] = /"toBlock":"(0x[0-9a-f]+)"/.exec(body) ?? []
    return from !== undefined && to !== undefined && Number(from) <= block && block <= Number(to)
  }
  return node.faults.add({ kind: 'hang', match: { rpc: 'eth_getLogs', when } }).remove
}

function everySecond(): () => boolean {
  let count = 0
  return () => {
    count += 1
    return count % 2 === 0
  }
}

/** Of a legacy transaction that names its chain, `v` without it. */
const vAs = (first: number) => (node: ExecutionNode) =>
  node.onResult('eth_getTransactionByHash', (transaction) => {
    if (transaction?.type !== '0x0') return transaction
    const parity = (BigInt(transaction.v) + 1n) % 2n
    return { ...transaction, v: `0x${(BigInt(first) + parity).toString(16)}` }
  })

type ExecutionChange = Parameters<ExecutionNode['set']>[0]
const executionSet =
  (change: ExecutionChange, back: ExecutionChange) =>
  (node: ExecutionNode): Lift => {
    node.set(change)
    return () => void node.set(back)
  }
const syncing = (status: object) => executionSet({ syncing: status }, { syncing: false })

export const EXECUTION_QUIRKS: Readonly<Record<string, Quirk<ExecutionNode>>> = {
  'blocks pruned': {
    isBearable: false,
    begin(node, random) {
      node.set({ keepsLogs: 100 + random.int(300), prunedError: random.pick(PRUNED_ERRORS) })
      return () => void node.set({ keepsLogs: Number.POSITIVE_INFINITY })
    },
  },
  'a range never answers': {
    isBearable: false,
    isSlow: true,
    begin: (node, random, head) => hangAt(node, head - random.int(300)),
  },
  'every second search is beyond its head': {
    isBearable: true,
    begin(node) {
      const fault = { kind: 'rpc-error', ...BEYOND_HEAD } as const
      return node.faults.add({ ...fault, match: { rpc: 'eth_getLogs', when: everySecond() } })
        .remove
    },
  },
  'finalized steps back': {
    isBearable: true,
    begin: executionSet({ finalizedSteps: 32 }, { finalizedSteps: 0 }),
  },
  'states behind finality pruned': {
    isBearable: true,
    begin(node, random) {
      node.set({ keepsStates: random.pick([1, 32, 64]) })
      return () => void node.set({ keepsStates: Number.POSITIVE_INFINITY })
    },
  },
  'eth_syncing not served': {
    isBearable: true,
    isSlow: true,
    begin(node) {
      const fault = { kind: 'rpc-error', ...NO_SUCH_METHOD } as const
      return node.faults.add({ ...fault, match: { rpc: 'eth_syncing' } }).remove
    },
  },
  'eth_syncing of zeros': {
    isBearable: true,
    isSlow: true,
    begin: syncing({ startingBlock: '0x0', currentBlock: '0x0', highestBlock: '0x0' }),
  },
  'eth_syncing has arrived': {
    isBearable: true,
    isSlow: true,
    begin: syncing({ startingBlock: '0x0', currentBlock: '0x99', highestBlock: '0x99' }),
  },
  'v of 27 and 28': { isBearable: true, begin: vAs(27) },
  'v of 0 and 1': { isBearable: true, begin: vAs(0) },
}

type ConsensusChange = Parameters<BeaconNode['set']>[0]
const consensusSet =
  (change: ConsensusChange, back: ConsensusChange) =>
  (node: BeaconNode): Lift => {
    node.set(change)
    return () => void node.set(back)
  }
const answersTo =
  (path: RegExp, statuses: readonly number[]) => (node: BeaconNode, random: Random) =>
    node.faults.add({
      kind: 'status',
      status: random.pick(statuses),
      body: { message: 'not served here' },
      match: { path },
    }).remove

/** Each value in a JSON body as this says. */
function deep(value: unknown, change: (leaf: unknown) => unknown): unknown {
  if (Array.isArray(value)) return value.map((one) => deep(one, change))
  if (typeof value !== 'object' || value === null) return change(value)
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, deep(one, change)]))
}

export const CONSENSUS_QUIRKS: Readonly<Record<string, Quirk<BeaconNode>>> = {
  'node/syncing not served': {
    isBearable: true,
    isSlow: true,
    begin: answersTo(/node\/syncing$/, [404, 403]),
  },
  'node/syncing at a distance of 0': {
    isBearable: true,
    isSlow: true,
    begin: consensusSet(
      { isSyncing: true, syncDistance: 0 },
      { isSyncing: false, syncDistance: undefined },
    ),
  },
  'POST of validators rejected': {
    isBearable: true,
    begin(node, random) {
      node.set({
        postSupported: false,
        postRefusal: random.pick([400, 403, 404, 405, 501]),
        maxGetIds: random.pick([20, 64]),
        getRefusal: random.pick([400, 414]),
      })
      return () => void node.set({ postSupported: true, maxGetIds: 64 })
    },
  },
  'an index that it cannot bear': {
    isBearable: true,
    begin(node, random) {
      node.set({
        unbearableId: String(UNBEARABLE_INDEX),
        unbearableRefusal: random.pick([400, 500]),
      })
      return () => void node.set({ unbearableId: undefined })
    },
  },
  'slow ids': {
    isBearable: true,
    isSlow: true,
    begin: consensusSet({ msPerId: 10 }, { msPerId: 0 }),
  },
  'null for an empty list': {
    isBearable: true,
    begin: (node) =>
      node.onResult(/./, (body) =>
        Array.isArray(body?.data) && body.data.length === 0 ? { ...body, data: null } : body,
      ),
  },
  'booleans as strings': {
    isBearable: true,
    begin: (node) =>
      node.onResult(/./, (body) =>
        deep(body, (leaf) => (typeof leaf === 'boolean' ? String(leaf) : leaf)),
      ),
  },
  '2^64-1 as a number': {
    isBearable: true,
    begin(node) {
      const asNumber = (leaf: unknown) => (leaf === String(NEVER) ? Number(NEVER) : leaf)
      const ends = [
        node.onResult(/./, (body) => deep(body, asNumber)),
        node.onResult(/spec$/, (body) => ({
          data: { ...body.data, NEXT_FORK_EPOCH: Number(NEVER) },
        })),
      ]
      return () => {
        for (const end of ends) end()
      }
    },
  },
  'pool answers 200 with an error': {
    isBearable: false,
    begin: (node, random) =>
      node.faults.add({
        kind: 'wrong-schema',
        body: random.pick([
          { code: 400, message: 'invalid voluntary exit' },
          { error: { code: -32_000, message: 'no upstream' } },
        ]),
        match: { method: 'POST', path: /voluntary_exits$/ },
      }).remove,
  },
}
