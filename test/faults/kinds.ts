import type { BeaconChainOptions } from '../sim/beacon-chain.ts'
import type { ExecutionNode } from '../sim/execution-node.ts'
import type { Call, FaultKind, FaultMatch } from '../sim/faults.ts'

/** What goes wrong at one place: how often it did so far, and how to end it. */
export type Trouble = { readonly hits: () => number; lift(): Promise<void> | void }

/** [what goes wrong, how to make it go wrong] */
type Case<Node> = readonly [name: string, start: (node: Node) => Trouble]

/** Anything that speaks HTTP, and can be made to fail. */
export type AnyNode = Pick<ExecutionNode, 'faults' | 'refuse' | 'revive'>

/** One place that the daemon asks at, and what may go wrong there. */
export type Place<Node extends AnyNode> = {
  readonly name: string
  /** Asked only where PROOF is `finality`. */
  readonly finality?: boolean
  /** Of the chain, where the daemon looks here only then. */
  readonly beacon?: BeaconChainOptions
  readonly match: FaultMatch
  /** Makes the node one that is asked there. */
  readonly prepare?: (node: Node) => void
  /** Makes the daemon ask there, where it does not do so in every cycle. */
  readonly provoke?: (node: AnyNode, later: (ms: number) => void) => void
  /** Asked only about validators that are exiting. */
  readonly afterExit?: boolean
  readonly lies?: readonly Case<Node>[]
}

/** Faults of any HTTP endpoint. Time-outs in tests are shorter than the trickle. */
const KINDS: readonly (readonly [string, FaultKind])[] = [
  ['a reset', { kind: 'reset' }],
  ['no answer in time', { kind: 'hang' }],
  ['a body that stops in the middle', { kind: 'hang-body' }],
  ['a slow trickle', { kind: 'trickle', everyMs: 60 }],
  ['a body that never ends', { kind: 'endless' }],
  ['HTTP 400', { kind: 'status', status: 400, body: { code: 400, message: 'no' } }],
  ['HTTP 404', { kind: 'status', status: 404, body: { code: 404, message: 'no' } }],
  ['HTTP 429', { kind: 'status', status: 429, body: 'too many requests' }],
  ['HTTP 503', { kind: 'status', status: 503, body: { error: 'no backend' } }],
  ['null', { kind: 'null' }],
  ['half a JSON body', { kind: 'half-json' }],
  ['another shape', { kind: 'wrong-schema', body: { data: 7, result: { no: 'such' } } }],
  ['HTML', { kind: 'html' }],
  ['a redirect', { kind: 'redirect', location: 'http://127.0.0.1:9/' }],
]

/** From the first call to the place on, nobody listens there at all. */
function refuse(node: AnyNode, match: FaultMatch): Trouble {
  let closing: Promise<void> | undefined
  const when = (call: Call) => {
    closing ??= node.refuse()
    return match.when?.(call) ?? true
  }
  const fault = node.faults.add({ kind: 'reset', match: { ...match, when } })
  return {
    hits: () => (fault.hits > 0 ? Number.POSITIVE_INFINITY : 0),
    async lift() {
      fault.remove()
      await closing
      await node.revive()
    },
  }
}

/** Beside a healthy node it is enough that one of each manner fails: the other one answers. */
const MANNERS: ReadonlySet<string> = new Set([
  'refused',
  'a reset',
  'no answer in time',
  'a slow trickle',
  'HTTP 503',
  'another shape',
])

/** The same, one of each manner, and all of the lies. */
export const mannersOf = <Node extends AnyNode>(place: Place<Node>): readonly Case<Node>[] => [
  ...troublesOf(place).filter(([name]) => MANNERS.has(name)),
  ...(place.lies ?? []),
]

/** Every way in which this place may fail, its own lies last. */
export const troublesOf = <Node extends AnyNode>(place: Place<Node>): readonly Case<Node>[] => [
  ['refused', (node) => refuse(node, place.match)],
  ...KINDS.map(([name, kind]): Case<Node> => {
    const start = (node: Node) => {
      const fault = node.faults.add({ ...kind, match: place.match })
      return { hits: () => fault.hits, lift: () => fault.remove() }
    }
    return [name, start]
  }),
  ...(place.lies ?? []),
]
