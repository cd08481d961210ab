import type { ProofStatus } from '../requests/cycle-parts.ts'
import {
  type ExitRequest,
  exitOf,
  placedExitOf,
  type RequestKey,
} from '../requests/exit-request.ts'
import type { Finding, Proven, Unproven } from './judge.ts'
import { type History, noHistory } from './next-due.ts'

/** What is known of the proof of one request. */
export type Standing = {
  readonly status: ProofStatus
  readonly verdict: Proven | Unproven | undefined
  readonly history: History
  /** Code of the verdict that the log told last. */
  readonly told: string
  /** The latest that finality said of it while it was not proven. */
  readonly finding: Finding | undefined
  /** Unix ms from which finality is asked again beside the proof by votes. */
  readonly besideAt: number
}

const noStanding: Standing = {
  status: 'none',
  verdict: undefined,
  history: noHistory,
  told: '',
  finding: undefined,
  besideAt: 0,
}

/** The standing of every request, and which of several logs of one exit counts. */
export function createStandings() {
  const standings = new Map<RequestKey, Standing>()
  /** The log that was proven first, by the exit that it asks for. */
  const counting = new Map<string, RequestKey>()

  const of = (key: RequestKey): Standing => standings.get(key) ?? noStanding
  const update = (key: RequestKey, changes: Partial<Standing>): void => {
    standings.set(key, { ...of(key), ...changes })
  }

  /** Another log of the same exit is proven. */
  function isDuplicate(request: ExitRequest): boolean {
    const ids = [exitOf(request), placedExitOf(request)]
    return ids.some((id) => (counting.get(id) ?? request.key) !== request.key)
  }

  return {
    of,
    update,
    isDuplicate,

    /** @returns whether the exit is proven for the first time */
    prove(request: ExitRequest, verdict: Proven): boolean {
      const status = isDuplicate(request) ? 'duplicate' : 'proven'
      update(request.key, { status, verdict })
      if (status === 'duplicate') return false
      counting.set(exitOf(request), request.key)
      if (verdict.block !== undefined) counting.set(placedExitOf(request), request.key)
      return true
    },

    /** Requests that were forgotten take their standing with them. */
    keepOnly(requests: readonly ExitRequest[]): void {
      if (standings.size <= requests.length) return
      const known = new Set(requests.map(({ key }) => key))
      for (const key of standings.keys()) if (!known.has(key)) standings.delete(key)
    },
  }
}

export type Standings = ReturnType<typeof createStandings>
