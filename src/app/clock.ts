import type { Send } from '../lib/http.ts'
import type { Log } from '../requests/cycle-parts.ts'

export type ClockWatch = {
  /** Reads the time that servers tell with their answers. */
  readonly send: Send
  /** Seconds that this clock is ahead of the nodes' (the median); `undefined`: none told. */
  skew(): number | undefined
}

/** A `Date` header has whole seconds: it means half a second later, on average. */
const HALF_SECOND_MS = 500

/** @param now - unix ms */
export function createClockWatch(sendFn: Send, now: () => number): ClockWatch {
  /** By host: of the quickest answer, since that tells best. */
  const samples = new Map<string, { readonly tookMs: number; readonly aheadMs: number }>()

  const watched: Send = async (url, request) => {
    const before = now()
    const answer = await sendFn(url, request)
    const after = now()
    const told = Date.parse(answer.headers.date ?? '')
    const { host } = url
    const best = samples.get(host)
    const tookMs = after - before
    if (!Number.isNaN(told) && (best === undefined || tookMs < best.tookMs)) {
      samples.set(host, { tookMs, aheadMs: (before + after) / 2 - (told + HALF_SECOND_MS) })
    }
    return answer
  }
  return {
    send: watched,
    skew() {
      const all = [...samples.values()].map(({ aheadMs }) => aheadMs).sort((a, b) => a - b)
      const middle = all[Math.floor(all.length / 2)]
      return middle === undefined ? undefined : middle / 1_000
    },
  }
}

/** Seconds. Less than that is the network, and whole seconds in headers. */
const NOTEWORTHY_S = 10

/** How far the clock is off, in words; `undefined` where that is within what can be measured. */
export function describeSkew(skew: number | undefined): string | undefined {
  const off = Math.abs(skew ?? 0)
  if (skew === undefined || off < NOTEWORTHY_S) return undefined
  return `${Math.round(off)} s ${skew > 0 ? 'ahead of' : 'behind'} the nodes`
}

/** Tells the operator once that the clock of this machine is wrong. */
export function createSkewTeller(clock: ClockWatch, log: Pick<Log, 'warn'>): () => void {
  let isTold = false
  return function tellSkew() {
    const off = describeSkew(clock.skew())
    if (isTold || off === undefined) return
    isTold = true
    log.warn(`clock of this machine: ${off}`, {
      remedy: 'let NTP set it: deadlines and JWT tokens follow it',
    })
  }
}
