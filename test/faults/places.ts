import { interopPubkey } from '../sim/beacon-keys.ts'
import type { BeaconNode } from '../sim/beacon-node.ts'
import type { ExecutionNode } from '../sim/execution-node.ts'
import type { FaultMatch } from '../sim/faults.ts'
import type { AnyNode, Place } from './kinds.ts'

const asRpc = (lie: (result: unknown) => unknown, method: string) => (node: ExecutionNode) => {
  let hits = 0
  const lift = node.onResult(method, (result) => {
    hits += 1
    return lie(result)
  })
  return { hits: () => hits, lift }
}

// biome-ignore lint/suspicious/noExplicitAny: a lie changes whatever it likes
type Lie = (body: any) => unknown
const asBody = (path: RegExp, lie: Lie) => (node: BeaconNode) => {
  let hits = 0
  const lift = node.onResult(path, (body) => {
    hits += 1
    return lie(body)
  })
  return { hits: () => hits, lift }
}

/** A node that did not answer is asked for its chain again: behind the URL may be another one. */
const goDownOnce = (match: FaultMatch) => (node: AnyNode) => {
  node.faults.add({ kind: 'reset', times: 1, match })
}
const HOUR_MS = 61 * 60 * 1_000
const anHourLater = (_node: unknown, later: (ms: number) => void) => later(HOUR_MS)

const VALIDATORS = {
  head: /\/states\/head\/validators$/,
  finalized: /\/states\/finalized\/validators$/,
}
type Entry = { validator: { exit_epoch: string } }
const exiting = ({ validator }: Entry, body: Entry) => ({
  ...body,
  status: 'active_exiting',
  validator: { ...validator, exit_epoch: '900' },
})
const otherKeys = ({ data, ...body }: { data: Entry[] }) => ({
  ...body,
  data: data.map((entry) => ({
    ...entry,
    validator: { ...entry.validator, pubkey: interopPubkey(9_999) },
  })),
})
const registryLies = (path: RegExp): NonNullable<Place<BeaconNode>['lies']> => [
  ['validators left out', asBody(path, (body) => ({ ...body, data: [] }))],
  ['optimistic', asBody(path, (body) => ({ ...body, execution_optimistic: true }))],
]

/** Every range is refused in these words. */
const refusing = (code: number, message: string) => (node: ExecutionNode) => {
  const fault = node.faults.add({
    kind: 'rpc-error',
    code,
    message,
    match: { rpc: 'eth_getLogs' },
  })
  return { hits: () => fault.hits, lift: () => fault.remove() }
}

export const EXECUTION_PLACES: readonly Place<ExecutionNode>[] = [
  {
    name: 'eth_chainId',
    match: { rpc: 'eth_chainId' },
    provoke: goDownOnce({ rpc: 'eth_syncing' }),
    lies: [['another chain', asRpc(() => '0x1', 'eth_chainId')]],
  },
  {
    name: 'eth_syncing',
    match: { rpc: 'eth_syncing' },
    lies: [['still syncing', asRpc(() => ({ currentBlock: '0x1' }), 'eth_syncing')]],
  },
  {
    name: 'eth_getBlockByNumber',
    match: { rpc: 'eth_getBlockByNumber' },
    lies: [
      [
        'a stale head',
        (node: ExecutionNode) => {
          node.set({ finalizedLag: 50 })
          const seen = node.rpcCalls('eth_getBlockByNumber').length
          return {
            hits: () => node.rpcCalls('eth_getBlockByNumber').length - seen,
            lift: () => void node.set({ finalizedLag: 0 }),
          }
        },
      ],
    ],
  },
  {
    name: 'eth_call',
    match: { rpc: 'eth_call' },
    lies: [
      ['no contract there', asRpc(() => '0x', 'eth_call')],
      ['another contract', asRpc(() => `0x${'0'.repeat(24)}${'7'.repeat(40)}`, 'eth_call')],
    ],
  },
  {
    name: 'eth_getLogs',
    match: { rpc: 'eth_getLogs' },
    lies: [
      ['logs left out', asRpc(() => [], 'eth_getLogs')],
      ['behind', refusing(-32_000, 'block range extends beyond current head block')],
      ['pruned', refusing(-32_602, 'pruned history unavailable')],
      ['limited', refusing(-32_005, 'request rate limited')],
    ],
  },
  {
    name: 'eth_getTransactionByHash',
    match: { rpc: 'eth_getTransactionByHash' },
    lies: [
      ['not known', asRpc(() => null, 'eth_getTransactionByHash')],
      [
        'another body',
        asRpc((body) => ({ ...(body as object), nonce: '0x7777' }), 'eth_getTransactionByHash'),
      ],
    ],
  },
]

/** A node that does not know these ways. */
const withoutMethods =
  (...methods: readonly string[]) =>
  (node: ExecutionNode) => {
    for (const rpc of methods) {
      node.faults.add({ kind: 'rpc-error', code: -32_601, message: 'no', match: { rpc } })
    }
  }
const othersReceipt = (one: unknown) => ({ ...(one as object), status: '0x0' })
const othersReceipts = (all: unknown) => (all as object[]).map(othersReceipt)

export const FINALITY_EXECUTION_PLACES: readonly Place<ExecutionNode>[] = [
  {
    name: 'eth_getBlockReceipts',
    finality: true,
    match: { rpc: /^eth_get(BlockReceipts|TransactionReceipt)$/ },
    lies: [
      ['not known', asRpc(() => null, 'eth_getBlockReceipts')],
      ['of another block', asRpc(othersReceipts, 'eth_getBlockReceipts')],
    ],
  },
  {
    name: 'eth_getBlockByHash',
    finality: true,
    match: { rpc: 'eth_getBlockByHash' },
    prepare: withoutMethods('eth_getBlockReceipts'),
  },
  {
    name: 'eth_getTransactionReceipt',
    finality: true,
    match: { rpc: 'eth_getTransactionReceipt' },
    prepare: withoutMethods('eth_getBlockReceipts'),
    lies: [
      ['not known', asRpc(() => null, 'eth_getTransactionReceipt')],
      ['another one', asRpc(othersReceipt, 'eth_getTransactionReceipt')],
    ],
  },
]

const SLOT = /\/(blinded_blocks|blocks)\/\d+$/
const withoutFinalized = (node: BeaconNode) => {
  node.onResult(SLOT, ({ finalized: _, ...body }) => body)
}
export const FINALITY_CONSENSUS_PLACES: readonly Place<BeaconNode>[] = [
  {
    name: 'block of a slot',
    finality: true,
    match: { path: SLOT },
    lies: [
      ['optimistic', asBody(SLOT, (body) => ({ ...body, execution_optimistic: true }))],
      ['not final', asBody(SLOT, (body) => ({ ...body, finalized: false }))],
    ],
  },
  {
    name: 'whole block of a slot',
    finality: true,
    match: { path: /\/eth\/v2\/beacon\/blocks\/\d+$/ },
    prepare: (node: BeaconNode) => {
      node.faults.add({ kind: 'status', status: 404, match: { path: /blinded_blocks\/\d+$/ } })
    },
  },
  {
    name: 'finalized header',
    finality: true,
    match: { path: /\/headers\/finalized$/ },
    prepare: withoutFinalized,
  },
]

export const CONSENSUS_PLACES: readonly Place<BeaconNode>[] = [
  { name: 'genesis', match: { path: /\/genesis$/ }, provoke: anHourLater },
  { name: 'spec', match: { path: /\/spec$/ }, provoke: anHourLater },
  {
    name: 'deposit_contract',
    match: { path: /\/deposit_contract$/ },
    provoke: goDownOnce({ path: /\/syncing$/ }),
    lies: [
      [
        'another chain',
        asBody(/deposit_contract$/, ({ data }) => ({ data: { ...data, chain_id: '1' } })),
      ],
    ],
  },
  {
    name: 'syncing',
    match: { path: /\/syncing$/ },
    lies: [
      [
        'still syncing',
        asBody(/syncing$/, ({ data }) => ({
          data: { ...data, is_syncing: true, sync_distance: '1000' },
        })),
      ],
      [
        'optimistic',
        asBody(/syncing$/, ({ data }) => ({ data: { ...data, is_optimistic: true } })),
      ],
      ['a stale head', asBody(/syncing$/, ({ data }) => ({ data: { ...data, head_slot: '1' } }))],
    ],
  },
  // From Deneb on it does not matter.
  { name: 'fork', match: { path: /\/fork$/ }, beacon: { denebForkEpoch: undefined } },
  {
    name: 'validators at head',
    match: { path: VALIDATORS.head },
    lies: [
      ...registryLies(VALIDATORS.head),
      [
        'everyone exiting',
        asBody(VALIDATORS.head, (body) => ({
          ...body,
          data: body.data.map((entry: Entry) => exiting(entry, entry)),
        })),
      ],
      ['other public keys', asBody(VALIDATORS.head, otherKeys)],
    ],
  },
  {
    name: 'validators at head, by GET',
    match: { method: 'GET', path: VALIDATORS.head },
    prepare: (node) => void node.set({ postSupported: false }),
    lies: registryLies(VALIDATORS.head),
  },
  {
    name: 'validators at finalized',
    match: { path: VALIDATORS.finalized },
    afterExit: true,
    lies: registryLies(VALIDATORS.finalized),
  },
  {
    name: 'pending_partial_withdrawals',
    match: { path: /pending_partial_withdrawals$/ },
    lies: [
      [
        'everyone is said to have one',
        asBody(/pending_partial_withdrawals$/, () => ({
          data: Array.from({ length: 50 }, (_, index) => ({ validator_index: `${index}` })),
        })),
      ],
    ],
  },
  {
    name: 'pool',
    match: { path: /\/pool\/voluntary_exits$/ },
    lies: [
      [
        'taken and forgotten',
        (node: BeaconNode) => {
          const seen = node.postedExits().length
          node.set({ keepsExits: false })
          return {
            hits: () => node.postedExits().length - seen,
            lift: () => void node.set({ keepsExits: true }),
          }
        },
      ],
    ],
  },
]
