import type { ProofStatus } from '../requests/cycle-parts.ts'
import type { ExitRequest, RequestKey } from '../requests/exit-request.ts'
import type { Proven, Unproven } from './judge.ts'
import { type History, noHistory } from './next-due.ts'

/** What is known of the proof of one request. */
export type Standing = {
  readonly status: ProofStatus
  readonly verdict: Proven | Unproven | undefined
  readonly history: History
  /** Code of the verdict that the log told last. */
  readonly told: string
}

const noStanding: Standing = { status: 'none', verdict: undefined, history: noHistory, told: '' }

/** The standing of every request, and which of several logs of one exit counts. */
export function createStandings() {
  const standings = new Map<RequestKey, Standing>()
  /** The log that counts, by what makes an exit request the one that it is. */
  const counting = new Map<string, ExitRequest>()

  const of = (key: RequestKey): Standing => standings.get(key) ?? noStanding
  const update = (key: RequestKey, changes: Partial<Standing>): void => {
    standings.set(key, { ...of(key), ...changes })
  }

  /** Another log of the same exit counts: this one tells no earlier time. */
  function isDuplicate(request: ExitRequest): boolean {
    const other = counting.get(contentOf(request))
    return other !== undefined && other.key !== request.key && !isEarlier(request, other)
  }

  return {
    of,
    update,
    isDuplicate,

    /**
     * The votes do not bind a log's time and block: of several logs that are proven, the one with
     * the earliest time that can hold counts, and the others are duplicates.
     *
     * @returns whether the exit is proven for the first time
     */
    prove(request: ExitRequest, verdict: Proven): boolean {
      if (isDuplicate(request)) {
        update(request.key, { status: 'duplicate', verdict })
        return false
      }
      const content = contentOf(request)
      const before = counting.get(content)
      if (before !== undefined) update(before.key, { status: 'duplicate' })
      counting.set(content, request)
      update(request.key, { status: 'proven', verdict })
      return before === undefined
    },

    /** Requests that were forgotten take their standing with them. */
    keepOnly(requests: readonly ExitRequest[]): void {
      if (standings.size <= requests.length) return
      const known = new Set(requests.map(({ key }) => key))
      for (const key of standings.keys()) if (!known.has(key)) standings.delete(key)
    },
  }
}

/** 1 May 2023, unix seconds: Lido's first exit bus is younger than that. */
const BEFORE_ANY_REQUEST_S = Date.UTC(2023, 4, 1) / 1_000

const isEarlier = (request: ExitRequest, other: ExitRequest): boolean =>
  request.timestamp >= BEFORE_ANY_REQUEST_S &&
  (request.timestamp < other.timestamp || other.timestamp < BEFORE_ANY_REQUEST_S)

/** What the proof binds. */
const contentOf = (request: ExitRequest) =>
  [
    request.transactionHash,
    request.exitBus,
    request.moduleId,
    request.operatorId,
    request.validatorIndex,
    request.pubkey,
  ].join()
