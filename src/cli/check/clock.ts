import type { Config } from '../../config.ts'
import type { Send } from '../../lib/http.ts'
import { type Finding, failure, ok, warning } from './finding.ts'

export type ClockWatch = {
  /** Listens to the time that servers tell with their answers. */
  readonly send: Send
  /** Seconds that this clock is ahead of the nodes' (the middle one's); `undefined`: none told. */
  skew(): number | undefined
}

/** A `Date` header has whole seconds: it means half a second later, on average. */
const HALF_SECOND_MS = 500

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
/** Execution clients refuse a JWT whose `iat` is further off (Engine API authentication). */
const JWT_TOLERANCE_S = 60

export function checkClock(
  clock: ClockWatch,
  { jwtSecretPath }: Pick<Config, 'jwtSecretPath'>,
): readonly Finding[] {
  const [id, title] = ['clock', 'clock']
  const skew = clock.skew()
  if (skew === undefined) return []
  const off = Math.abs(skew)
  if (off < NOTEWORTHY_S) return [ok(id, title, 'agrees with the nodes')]
  const detail = `${Math.round(off)} s ${skew > 0 ? 'ahead of' : 'behind'} the nodes`
  const remedy = 'let NTP set the clock of this machine'
  if (jwtSecretPath !== undefined && off >= JWT_TOLERANCE_S) {
    return [failure({ id, title, detail: `${detail}: they refuse JWT tokens`, remedy })]
  }
  return [warning({ id, title, detail, remedy })]
}
