import type { BeaconNode } from '../sim/beacon-node.ts'
import type { ExecutionNode } from '../sim/execution-node.ts'
import type { Call, Fault, FaultKind, FaultMatch } from '../sim/faults.ts'
import {
  CONSENSUS_QUIRKS,
  EXECUTION_QUIRKS,
  hangAt,
  type Lift,
  PRUNED_ERRORS,
  type Quirk,
} from '../sim/quirks.ts'
import { CONSENSUS_LIES, EXECUTION_LIES, WORST_LIE } from './lies.ts'
import type { Network } from './network.ts'
import { createRandom, type Random } from './random.ts'
import type { Tally } from './tally.ts'

type AnyNode = ExecutionNode | BeaconNode | Network['receiver']
/** Begins something that goes wrong at one node. */
type Begin = () => Lift
/** What it is called, and how to begin it. */
type Trouble = readonly [name: string, begin: Begin, isBearable?: boolean]

/** Faults that cost no time. */
const QUICK: readonly (readonly [string, FaultKind])[] = [
  ['reset', { kind: 'reset' }],
  ['HTTP 400', { kind: 'status', status: 400, body: { code: 400, message: 'no' } }],
  ['HTTP 404', { kind: 'status', status: 404, body: { code: 404, message: 'no' } }],
  ['HTTP 429', { kind: 'status', status: 429, body: 'too many requests' }],
  ['HTTP 500', { kind: 'status', status: 500 }],
  ['HTTP 503', { kind: 'status', status: 503, body: { error: 'no backend' } }],
  ['JSON-RPC error', { kind: 'rpc-error', code: -32_000, message: 'header not found' }],
  ['null', { kind: 'null' }],
  ['half a body', { kind: 'half-json' }],
  ['wrong schema', { kind: 'wrong-schema', body: { data: 7, result: { no: 'such' } } }],
  ['HTML', { kind: 'html' }],
  ['redirect', { kind: 'redirect', location: 'http://127.0.0.1:9/' }],
]
/** Faults that last until the daemon gives up: only where its time-outs are short. */
const SLOW: readonly (readonly [string, FaultKind])[] = [
  ['no answer', { kind: 'hang' }],
  ['body stops', { kind: 'hang-body' }],
  ['trickle', { kind: 'trickle', everyMs: 20 }],
  ['endless body', { kind: 'endless' }],
]

const EXECUTION_PLACES: readonly FaultMatch[] = [
  {},
  ...['eth_chainId', 'eth_syncing', 'eth_getBlockByNumber', 'eth_call', 'eth_getLogs'].map(
    (rpc) => ({ rpc }),
  ),
  { rpc: 'eth_getTransactionByHash' },
  { rpc: 'eth_getBlockReceipts' },
]
const CONSENSUS_PLACES: readonly FaultMatch[] = [
  {},
  ...[
    /genesis$/,
    /spec$/,
    /deposit_contract$/,
    /syncing$/,
    /fork$/,
    /head\/validators$/,
    /finalized\/validators$/,
    /withdrawals$/,
    /voluntary_exits$/,
    /(blinded_blocks|blocks)\/\d+$/,
  ].map((path) => ({ path })),
]

type Active = {
  readonly id: string
  readonly until: number
  readonly lift: Lift
  /** Beside it there need be no better node. */
  readonly isBearable: boolean
}

/** Before the first block in which anything is asked for. */
const OLD_BLOCKS = 200
const AT_ONCE = 6
/** Steps; a few last much longer. */
const USUAL_STEPS = 8
const LONG_STEPS = 40

/**
 * What goes wrong at the nodes, and stops again. In each layer one node may lie; the two others
 * fail, lag and come back, but say the truth.
 */
export function createTroubles(
  network: Network,
  random: Random,
  tally: Tally,
  options: { readonly slow: boolean; readonly webhook: boolean },
) {
  const liars = { execution: random.int(3), consensus: random.int(3) }
  let aloneUntil = 0
  let active: readonly Active[] = []

  function fault(node: AnyNode, kind: FaultKind, match: FaultMatch): Lift {
    // A lost answer is not a lost request: the node may have done its work.
    const spoiled: Fault = { ...kind, match, afterWork: random.chance(0.5) }
    return node.faults.add(spoiled).remove
  }

  function common(node: AnyNode, places: readonly FaultMatch[]): Trouble {
    const kinds = options.slow && random.chance(0.1) ? SLOW : QUICK
    const [name, kind] = random.pick(kinds)
    return [name, () => fault(node, kind, random.pick(places))]
  }

  function down(node: AnyNode): Begin {
    return () => {
      const closing = node.refuse()
      return async () => {
        await closing
        await node.revive()
      }
    }
  }

  function lieOf(layer: 'execution' | 'consensus'): Trouble {
    if (layer === 'execution') {
      const [name, lie] = random.pick(Object.entries(EXECUTION_LIES))
      const node = network.executionNodes[liars.execution] as ExecutionNode
      return [`lie: ${name}`, () => lie(node, network, createRandom(random.int(2 ** 31)))]
    }
    const name = random.chance(0.25) ? WORST_LIE : random.pick(Object.keys(CONSENSUS_LIES))
    const lie = CONSENSUS_LIES[name] ?? (() => () => {})
    return [`lie: ${name}`, () => lie(network.beaconNodes[liars.consensus] as BeaconNode)]
  }

  /** Something that the daemon must cope with. */
  function quirkOf<Node>(quirks: Readonly<Record<string, Quirk<Node>>>, node: Node): Trouble {
    const fitting = Object.entries(quirks).filter(([, { isSlow }]) => options.slow || !isSlow)
    const [name, { begin, isBearable }] = random.pick(fitting)
    const own = createRandom(random.int(2 ** 31))
    return [name, () => begin(node, own, network.chain.head), isBearable]
  }

  function forExecution(at: number): Trouble {
    const node = network.executionNodes[at] as ExecutionNode
    if (random.chance(0.4)) return quirkOf(EXECUTION_QUIRKS, node)
    if (at === liars.execution && random.chance(0.5)) return lieOf('execution')
    type Change = Parameters<typeof node.set>[0]
    const set = (name: string, change: Change, back: Change): Trouble => [
      name,
      () => {
        node.set(change)
        return () => void node.set(back)
      },
    ]
    return random.pick<() => Trouble>([
      () => common(node, EXECUTION_PLACES),
      () => common(node, EXECUTION_PLACES),
      () => ['down', down(node)],
      () => set('lag', { lag: 1 + random.int(90) }, { lag: 0 }),
      () => set('finality lags', { finalizedLag: 1 + random.int(90) }, { finalizedLag: 0 }),
      () => set('syncing', { syncing: true }, { syncing: false }),
    ])()
  }

  function forConsensus(at: number): Trouble {
    const node = network.beaconNodes[at] as BeaconNode
    if (random.chance(0.4)) return quirkOf(CONSENSUS_QUIRKS, node)
    if (at === liars.consensus && random.chance(0.5)) return lieOf('consensus')
    type Change = Parameters<typeof node.set>[0]
    const set = (name: string, change: Change, back: Change): Trouble => [
      name,
      () => {
        node.set(change)
        return () => void node.set(back)
      },
    ]
    return random.pick<() => Trouble>([
      () => common(node, CONSENSUS_PLACES),
      () => common(node, CONSENSUS_PLACES),
      () => ['down', down(node)],
      () => set('lag', { lag: 1 + random.int(3) }, { lag: 0 }),
      () => set('syncing', { isSyncing: true }, { isSyncing: false }),
    ])()
  }

  function forReceiver(): Trouble {
    const { receiver, lost } = network
    const when = (call: Call) => {
      lost.add(call)
      return true
    }
    const lost503: FaultKind = { kind: 'status', status: 503 }
    return random.pick<() => Trouble>([
      () => ['down', down(receiver)],
      () => ['answer lost', () => receiver.faults.add({ kind: 'reset', afterWork: true }).remove],
      () => ['HTTP 503', () => receiver.faults.add({ ...lost503, match: { when } }).remove],
    ])()
  }

  const neverAnswered = (block: number): Trouble => [
    'a range never answers, for ever',
    () => {
      for (const node of network.executionNodes) hangAt(node, block)
      return () => {}
    },
  ]

  function choose(): readonly [where: string, ...Trouble] {
    if (options.webhook && random.chance(0.1)) {
      const [name, begin] = forReceiver()
      return ['webhook', name, begin]
    }
    const at = random.int(3)
    const layer = random.chance(0.5) ? 'execution' : 'consensus'
    return [`${layer} ${at}`, ...(layer === 'execution' ? forExecution(at) : forConsensus(at))]
  }

  function add(id: string, until: number, begin: Begin, isBearable = false): void {
    if (active.some((one) => one.id === id)) return
    active = [...active, { id, until, lift: begin(), isBearable }]
  }

  /** The worst moment: for a while nobody else of its layer is there to contradict. */
  function leaveLiarAlone(now: number): void {
    const layer = random.chance(0.5) ? 'execution' : 'consensus'
    const liar = liars[layer]
    const until = now + 4 + random.int(USUAL_STEPS)
    aloneUntil = until
    const nodes = layer === 'execution' ? network.executionNodes : network.beaconNodes
    for (const [at, node] of nodes.entries()) {
      if (at !== liar) add(`${layer} ${at}: down`, until, down(node))
    }
    const [name, begin] = lieOf(layer)
    add(`${layer} ${liar}: ${name}`, until, begin)
    tally.count(`${layer}: the liar is alone`)
    tally.count(`${layer}: ${name}`)
  }

  return {
    /** What stays for ever, at every node: the oldest blocks of the look-back cannot be had. */
    begin(): void {
      const oldest = network.chain.head - OLD_BLOCKS
      const [name, begin] = random.pick<Trouble>([
        ['', () => () => {}],
        ...PRUNED_ERRORS.map(
          (error): Trouble => [
            `blocks pruned for ever (${error.code})`,
            () => {
              for (const node of network.executionNodes) {
                node.set({ firstLogBlock: oldest, prunedError: error })
              }
              return () => {}
            },
          ],
        ),
        ...(options.slow ? [neverAnswered(oldest)] : []),
      ])
      begin()
      if (name !== '') tally.count(`execution: ${name}`)
    },
    async step(now: number): Promise<void> {
      const over = active.filter(({ until }) => until <= now)
      active = active.filter(({ until }) => until > now)
      for (const { lift } of over) await lift()
      if (now >= aloneUntil && random.chance(0.03)) leaveLiarAlone(now)
      if (active.length >= AT_ONCE || !random.chance(0.45)) return
      const [where, name, begin, isBearable] = choose()
      const id = `${where}: ${name}`
      if (active.some((one) => one.id === id)) return
      const isLong = random.chance(name.startsWith('lie') ? 0.4 : 0.1)
      const steps = 1 + random.int(isLong ? LONG_STEPS : USUAL_STEPS)
      add(id, now + steps, begin, isBearable)
      tally.count(`${where.split(' ')[0]}: ${name}`)
    },
    /** From here on everyone is up and says the truth. */
    async end(): Promise<void> {
      for (const { lift } of active) await lift()
      active = []
    },
    active: () => active.map(({ id }) => id),
    /** Nobody contradicts the liar of some layer. */
    isLiarAlone: (now: number) => now < aloneUntil,
    /** In each layer there is a node with no more than one quirk, and the webhook is well. */
    isSound: () =>
      !active.some(({ id }) => id.startsWith('webhook')) &&
      ['execution', 'consensus'].every((layer) =>
        [0, 1, 2].some((at) => {
          const own = active.filter(({ id }) => id.startsWith(`${layer} ${at}:`))
          // Two quirks together may be more than one node may have.
          return own.length <= 1 && own.every(({ isBearable }) => isBearable)
        }),
      ),
  }
}
