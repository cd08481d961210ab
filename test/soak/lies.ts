import { interopPubkey } from '../sim/beacon-keys.ts'
import type { BeaconNode } from '../sim/beacon-node.ts'
import type { ExecutionNode } from '../sim/execution-node.ts'
import type { Lift } from '../sim/quirks.ts'
import type { Network } from './network.ts'
import type { Random } from './random.ts'

type LogJson = {
  readonly topics: readonly string[]
  readonly data: string
  readonly transactionHash: string
}
type ExecutionLie = (node: ExecutionNode, network: Network, random: Random) => Lift
type ConsensusLie = (node: BeaconNode) => Lift

const isVoteSearch = (params: { topics: unknown[] }[]) => params[0]?.topics.length === 1
const word = (value: number) => `0x${value.toString(16).padStart(64, '0')}`

/** The same event about another validator: nobody asked for that one. */
function forge(log: LogJson, victim: number): LogJson {
  const pubkey = interopPubkey(victim).slice(2)
  return {
    ...log,
    topics: [...log.topics.slice(0, 3), word(victim)],
    data: log.data.replace(/^(0x.{192}).{96}/, `$1${pubkey}`),
  }
}

/** Genuine events at another time: no proof binds it. */
const lieOfTime = (node: ExecutionNode, seconds: number): Lift =>
  node.onResult('eth_getLogs', (logs: LogJson[], params) =>
    isVoteSearch(params)
      ? logs
      : logs.map((log) => ({
          ...log,
          data: log.data.replace(/^(0x.{64}).{64}/, `$1${word(seconds).slice(2)}`),
          blockTimestamp: `0x${seconds.toString(16)}`,
        })),
  )

/** What one execution node may say that is not so. */
export const EXECUTION_LIES: Readonly<Record<string, ExecutionLie>> = {
  'requests left out': (node, _network, random) =>
    node.onResult('eth_getLogs', (logs, params) =>
      isVoteSearch(params) ? logs : logs.filter(() => random.chance(0.3)),
    ),
  'votes left out': (node) =>
    node.onResult('eth_getLogs', (logs, params) => (isVoteSearch(params) ? [] : logs)),
  'forged requests': (node, network, random) =>
    node.onResult('eth_getLogs', (logs: LogJson[], params) => {
      if (isVoteSearch(params)) return logs
      const forged = logs.map((log) => forge(log, random.int(VICTIMS)))
      const elsewhere = forged.map((log) => ({
        ...log,
        transactionHash: network.chain.hashOf(random.int(1_000)),
      }))
      return [...forged, ...logs, ...elsewhere]
    }),
  'swapped bodies': (node, network, random) =>
    node.onResult('eth_getTransactionByHash', (body) => {
      const { chain } = network
      const others = chain.transactionsOf(chain.finalized - random.int(300))
      const other = others[0]?.signed
      return body === null
        ? null
        : { ...body, input: other?.data ?? '0x', nonce: word(random.int(99)).slice(-4) }
    }),
  'times of the year 2100': (node) => lieOfTime(node, 4_102_444_800),
  'times of the year 2000': (node) => lieOfTime(node, 946_684_800),
  'receipts of another outcome': (node) =>
    node.onResult('eth_getBlockReceipts', (all: object[] | null) =>
      all === null ? null : all.map((one) => ({ ...one, status: '0x0' })),
    ),
  'transactions unknown': (node) => node.onResult('eth_getTransactionByHash', () => null),
  'false Locator': (node, network) =>
    node.onResult('eth_call', () => `0x${'0'.repeat(24)}${network.chain.hashOf(7).slice(-40)}`),
}

/** Validators with a message that nobody ever asks for: they must stay. */
export const VICTIMS = 15

const VALIDATORS = /\/validators$/
type Entry = { readonly status: string; readonly validator: Record<string, unknown> }
const onEach = (node: BeaconNode, change: (entry: Entry) => Entry) =>
  node.onResult(VALIDATORS, (body) =>
    Array.isArray(body?.data) ? { ...body, data: body.data.map(change) } : body,
  )
const withValidator = (more: Record<string, unknown>) => (entry: Entry) => ({
  ...entry,
  validator: { ...entry.validator, ...more },
})

const FAR_SLOT = String(2n ** 53n)

/** The lie that would end a request for good, were it believed. */
export const WORST_LIE = 'everyone exiting'

/** What one consensus node may say that is not so. */
export const CONSENSUS_LIES: Readonly<Record<string, ConsensusLie>> = {
  [WORST_LIE]: (node) =>
    onEach(node, (entry) => ({
      ...withValidator({ exit_epoch: '900', withdrawable_epoch: '1156' })(entry),
      status: 'exited_unslashed',
    })),
  'everyone active': (node) =>
    onEach(node, (entry) => ({
      ...withValidator({ exit_epoch: `${2n ** 64n - 1n}` })(entry),
      status: 'active_ongoing',
    })),
  'validators unknown': (node) => node.onResult(VALIDATORS, (body) => ({ ...body, data: [] })),
  'other public keys': (node) => onEach(node, withValidator({ pubkey: interopPubkey(9_999) })),
  'everyone too young': (node) => onEach(node, withValidator({ activation_epoch: '99999' })),
  optimistic: (node) => {
    node.set({ isOptimistic: true })
    return () => void node.set({ isOptimistic: false })
  },
  'a head slot of the far future': (node) => {
    const ends = [
      node.onResult(/syncing$/, (body) => ({ data: { ...body.data, head_slot: FAR_SLOT } })),
      node.onResult(/headers\/head$/, (body) => {
        const { header } = body.data
        const message = { ...header.message, slot: FAR_SLOT }
        return { ...body, data: { ...body.data, header: { ...header, message } } }
      }),
    ]
    return () => {
      for (const end of ends) end()
    }
  },
  'exits forgotten': (node) => {
    node.set({ keepsExits: false })
    return () => void node.set({ keepsExits: true })
  },
}
