import type { ProofStatus } from '../requests/cycle-parts.ts'
import { type ExitRequest, exitOf, type RequestKey } from '../requests/exit-request.ts'
import type { Proven, Unproven } from './judge.ts'
import { type History, noHistory } from './next-due.ts'

/** What is known of the proof of one request. */
export type Standing = {
  readonly status: ProofStatus
  readonly verdict: Proven | Unproven | undefined
  readonly history: History
  /** Code of the verdict that the log told last. */
  readonly told: string
  /** What finality says beside the proof by votes, and unix ms from which it is asked again. */
  readonly finding: 'finalized' | 'invented' | undefined
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
    const other = counting.get(exitOf(request))
    return other !== undefined && other !== request.key
  }

  return {
    of,
    update,
    isDuplicate,

    /** @returns whether the exit is proven for the first time */
    prove(request: ExitRequest, verdict: Proven): boolean {
      const status = isDuplicate(request) ? 'duplicate' : 'proven'
      update(request.key, { status, verdict })
      if (status === 'proven') counting.set(exitOf(request), request.key)
      return status === 'proven'
    },

    /** Requests that were forgotten take their standing with them. */
    keepOnly(requests: readonly ExitRequest[]): void {
      if (standings.size <= requests.length) return
      const known = new Set(requests.map(({ key }) => key))
      for (const key of standings.keys()) if (!known.has(key)) standings.delete(key)
    },
  }
}
