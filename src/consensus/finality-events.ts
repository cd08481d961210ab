import { pause } from '../lib/deadline.ts'
import { listenOnce, type StreamEnd } from '../lib/event-stream.ts'
import { toldUint64 } from '../lib/primitives.ts'
import { quote } from '../lib/secret.ts'

/** What there is to say about the streams. Errors and reasons are one line, without URLs. */
export type StreamNews =
  /** Events come, for the first time or again. */
  | { readonly kind: 'connected'; readonly host: string; readonly again: boolean }
  /** No node brings events any more, or none could be reached to begin with. Said once. */
  | { readonly kind: 'lost'; readonly host: string; readonly why: string }
  /** The node answers, but not with events. Said once, until it does. */
  | { readonly kind: 'not-served'; readonly host: string; readonly why: string }
  /** One stream ended; the next is tried. */
  | { readonly kind: 'ended'; readonly host: string; readonly why: string }

export type FinalityEventsParts = {
  readonly nodes: readonly {
    readonly host: string
    readonly baseUrl: string
    readonly headers?: Readonly<Record<string, string>>
  }[]
  /** Hosts that may be listened to now. */
  readonly healthy: () => readonly string[]
  /** The node says that the chain finalized an epoch. It may be wrong. */
  readonly onFinalized: () => void
  readonly tell: (news: StreamNews) => void
  /** Milliseconds without an event after which a stream is given up. */
  readonly silenceMs?: number
  /** Milliseconds before the second attempt with the same node; then they grow to 10 s. */
  readonly firstPauseMs?: number
}

type Slot = FinalityEventsParts['nodes'][number] & {
  /** Short or fruitless streams in a row. */
  failures: number
  /** Earliest time of the next attempt, by `performance.now()`. */
  notBefore: number
  isRefusalSaid: boolean
}

/** `head` comes every 12 s or so and shows that the stream lives. */
const PATH = '/eth/v1/events?topics=finalized_checkpoint,head'
/** The field that each event must have to count, a uint64 as a string. */
const FIELDS: ReadonlyMap<string, string> = new Map([
  ['finalized_checkpoint', 'epoch'],
  ['head', 'slot'],
])
/** Five slots without a block. */
const SILENCE_MS = 60_000
const FIRST_PAUSE_MS = 1_000
const LONGEST_PAUSE_MS = 10_000
/** The node has no such path, or not for us: hosted nodes often have not, and count requests. */
const NOT_THERE = [401, 403, 404, 405, 501]
const NOT_THERE_PAUSE_MS = 60_000
/** A stream that lived this long was a good one: the next attempt follows soon. */
const GOOD_LIFE_MS = 10_000

/**
 * Listens to one healthy node after the other for events of finality, until `signal` fires. Never
 * rejects: without events, polling goes on.
 *
 * @see https://ethereum.github.io/beacon-APIs (eventstream)
 */
export async function followFinality(
  parts: FinalityEventsParts,
  signal: AbortSignal,
): Promise<void> {
  const silenceMs = parts.silenceMs ?? SILENCE_MS
  const ring = createRing(parts)
  const teller = createTeller(parts)

  while (!signal.aborted) {
    const slot = ring.next()
    if (slot === undefined) {
      await pause(ring.wait(), signal)
      continue
    }
    const start = performance.now()
    let events = 0
    const end = await listenOnce(
      {
        baseUrl: slot.baseUrl,
        headers: slot.headers ?? {},
        path: PATH,
        silenceMs,
        onEvent(name, data) {
          if (!isEvent(name, data)) return false
          events += 1
          if (events === 1) teller.live(slot)
          if (name === 'finalized_checkpoint') parts.onFinalized()
          return true
        },
      },
      signal,
    )
    if (signal.aborted) return
    const livedMs = performance.now() - start
    ring.ended(slot, end, livedMs)
    const isFruitless = events === 0 || end.silent === true
    teller.ended(slot, end, isFruitless, parts.healthy().length)
  }
}

function isEvent(name: string, data: string): boolean {
  const wanted = FIELDS.get(name)
  if (wanted === undefined) return false
  try {
    const field: unknown = JSON.parse(data)?.[wanted]
    return toldUint64(field) !== undefined
  } catch {
    return false
  }
}

/** Whose turn it is: the healthy nodes one after the other, each after a pause of its own. */
function createRing({ nodes, healthy, firstPauseMs = FIRST_PAUSE_MS }: FinalityEventsParts) {
  const slots: Slot[] = nodes.map((node) => ({
    ...node,
    failures: 0,
    notBefore: 0,
    isRefusalSaid: false,
  }))
  let start = 0
  const allowed = () => {
    const hosts = healthy()
    return [...slots.slice(start), ...slots.slice(0, start)].filter(({ host }) =>
      hosts.includes(host),
    )
  }
  return {
    next: (): Slot | undefined => allowed().find(({ notBefore }) => notBefore <= performance.now()),
    /** Milliseconds until it may be somebody's turn; who is healthy changes meanwhile. */
    wait: (): number => {
      const waits = allowed().map(({ notBefore }) => notBefore - performance.now())
      return Math.max(1, Math.min(firstPauseMs, ...waits))
    },
    ended(slot: Slot, end: StreamEnd, livedMs: number): void {
      start = (slots.indexOf(slot) + 1) % slots.length
      slot.failures = livedMs >= GOOD_LIFE_MS ? 1 : slot.failures + 1
      const grown = Math.min(firstPauseMs * 2 ** (slot.failures - 1), LONGEST_PAUSE_MS)
      const isUnknown = NOT_THERE.includes(end.refusedWith ?? 0)
      slot.notBefore = performance.now() + (isUnknown ? NOT_THERE_PAUSE_MS : grown)
    },
  }
}

/** A stream that ends and is followed by another one is no loss: only the lack of events is. */
function createTeller({ tell }: FinalityEventsParts) {
  let state: 'new' | 'connected' | 'lost' = 'new'
  let fruitless = 0
  return {
    live(slot: Slot): void {
      fruitless = 0
      slot.isRefusalSaid = false
      if (state !== 'connected') {
        tell({ kind: 'connected', host: slot.host, again: state === 'lost' })
      }
      state = 'connected'
    },
    ended(slot: Slot, end: StreamEnd, isFruitless: boolean, healthyNodes: number): void {
      const news = { host: slot.host, why: quote(end.why) }
      tell({ kind: 'ended', ...news })
      if (end.refusedWith !== undefined && !slot.isRefusalSaid) {
        slot.isRefusalSaid = true
        tell({ kind: 'not-served', ...news })
      }
      if (!isFruitless) return
      fruitless += 1
      const isExpected = state === 'new' && end.refusedWith !== undefined
      if (state === 'lost' || isExpected || fruitless < healthyNodes) return
      state = 'lost'
      tell({ kind: 'lost', ...news })
    },
  }
}
