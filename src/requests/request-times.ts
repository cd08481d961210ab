import type { Proven, Unproven } from '../proof/judge.ts'
import type { Reading } from './cycle-parts.ts'
import type { ChainView } from './derive.ts'
import { type ExitRequest, exitOf } from './exit-request.ts'
import type { Fact, Facts } from './facts.ts'

/** Copies of one exit that are remembered of one node, which may make up any number. */
const MAX_COPIES = 16
/** Seconds. A request that was read is not older, where no report tells: the oracle asks again after 14 days. */
const OLDEST_S = 45 * 24 * 60 * 60
/** Seconds by which our clock may be behind the chain's: so much later is no lie. */
const CLOCK_SLACK_S = 5 * 60
/** 1 May 2023, unix seconds: Lido's first exit bus is younger. A clock that says less is no witness. */
const BEFORE_ANY_REQUEST_S = Date.UTC(2023, 4, 1) / 1_000

/** Beside the hosts of nodes. */
const JOURNAL = ''

/** What no proof binds. */
type Copy = Pick<ExitRequest, 'timestamp' | 'blockNumber'>
const copyOf = ({ timestamp, blockNumber }: Copy): Copy => ({ timestamp, blockNumber })
const isSame = (a: Copy, b: Copy): boolean =>
  a.timestamp === b.timestamp && a.blockNumber === b.blockNumber
const loggedIn = (request: ExitRequest): Copy => request.logged ?? copyOf(request)

type Copies = { readonly ofHost: Map<string, readonly Copy[]>; readonly seenAt: number }

/**
 * When the protocol asked. A log's time and block are the node's word, which no proof binds: of all
 * copies of one exit the one with the earliest plausible time counts, never later than when it was
 * first seen.
 */
export function createRequestTimes(facts: Facts, now: () => number) {
  const copies = new Map<string, Copies>()
  let isRecalled = false

  function add(request: ExitRequest, host: string, seenAt: number): void {
    const known: Copies = copies.get(exitOf(request)) ?? { ofHost: new Map(), seenAt }
    const told = known.ofHost.get(host) ?? []
    if (!told.some((one) => isSame(one, request)) && told.length < MAX_COPIES) {
      known.ofHost.set(host, [...told, copyOf(request)])
    }
    copies.set(exitOf(request), { ...known, seenAt: Math.min(known.seenAt, seenAt) })
  }

  /** Which copy is proven first after a restart is chance: what the journal has counts either way. */
  function recall(): void {
    if (isRecalled) return
    isRecalled = true
    for (const { request, seenAt } of facts.requests.values()) {
      // A clock of 1970 that wrote it must not hide when this process saw it first.
      add(request, JOURNAL, seenAt < BEFORE_ANY_REQUEST_S * 1_000 ? now() : seenAt)
    }
  }

  /** Unix seconds of when it was first read; clocks from before any request do not count. */
  function seenAtOf(request: ExitRequest): number | undefined {
    const known = [facts.requests.get(request.key)?.seenAt, copies.get(exitOf(request))?.seenAt]
    const seen = known.flatMap((at) => (at === undefined ? [] : [Math.floor(at / 1_000)]))
    const sane = [...seen, Math.floor(now() / 1_000)].filter((at) => at >= BEFORE_ANY_REQUEST_S)
    return sane.length === 0 ? undefined : Math.min(...sane)
  }

  /** The request with the time and block that count. */
  function correct(
    request: ExitRequest,
    verdict?: Proven | Unproven,
    chain?: ChainView,
  ): ExitRequest {
    const logged = loggedIn(request)
    // A finalized block holds the log: its time is the truth.
    const isProven = verdict?.kind === 'proven' && verdict.block !== undefined
    const counting = isProven ? logged : plausible(request, verdict, chain)
    const isRight = isSame(counting, logged)
    if (isSame(counting, request) && isRight === (request.logged === undefined)) return request
    const { logged: _, ...rest } = { ...request, ...counting }
    return isRight ? rest : { ...rest, logged }
  }

  function plausible(request: ExitRequest, verdict?: Proven | Unproven, chain?: ChainView): Copy {
    const latest = seenAtOf(request)
    if (latest === undefined) return copyOf(request)
    const refSlot = verdict?.kind === 'proven' ? verdict.refSlot : undefined
    // The report is about the state at its slot: the event came after it.
    const slotTime = refSlot === undefined ? undefined : chain?.slotStart?.(refSlot)
    const earliest = Math.min(slotTime ?? latest - OLDEST_S, latest)
    const told: readonly Copy[] = [
      loggedIn(request),
      copyOf(request),
      ...[...(copies.get(exitOf(request))?.ofHost.values() ?? [])].flat(),
    ]
    const [first] = told
      .filter(({ timestamp }) => timestamp >= earliest && timestamp <= latest + CLOCK_SLACK_S)
      .toSorted((a, b) => a.timestamp - b.timestamp)
    return (
      first ?? {
        timestamp: Math.min(Math.max(request.timestamp, earliest), latest),
        blockNumber: request.blockNumber,
      }
    )
  }

  return {
    correct,

    /** Remembers what nodes gave, other copies of what is known too. */
    note({ requests, reportedBy }: Pick<Reading, 'requests' | 'reportedBy'>): void {
      recall()
      for (const request of requests) {
        for (const host of reportedBy.get(request.key) ?? []) add(request, host, now())
      }
    },

    /** The others are gone. */
    keepOnly(requests: readonly ExitRequest[]): void {
      if (copies.size <= requests.length) return
      const exits = new Set(requests.map(exitOf))
      for (const exit of copies.keys()) if (!exits.has(exit)) copies.delete(exit)
    },

    /** What the journal has otherwise: it is right after a restart, too, and for who reads it. */
    changed(corrected: readonly ExitRequest[]): readonly Fact[] {
      return corrected.flatMap((request) => {
        const known = facts.requests.get(request.key)
        if (known === undefined || isSame(known.request, request)) return []
        return [{ kind: 'request' as const, at: known.seenAt, request }]
      })
    },
  }
}

export type RequestTimes = ReturnType<typeof createRequestTimes>
