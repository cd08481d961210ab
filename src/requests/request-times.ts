import type { Proven, Unproven } from '../proof/judge.ts'
import type { ChainView } from './derive.ts'
import type { ExitRequest } from './exit-request.ts'
import type { Facts } from './facts.ts'

/** Copies of one exit whose times are remembered: a node may make up any number. */
const MAX_COPIES = 16
/** Seconds. A request that was read is not older, where no report tells: the oracle asks again after 14 days. */
const OLDEST_S = 45 * 24 * 60 * 60
/** Seconds by which our clock may be behind the chain's: so much later is no lie. */
const CLOCK_SLACK_S = 5 * 60

/**
 * When the protocol asked. A log's time is the node's word, which no proof binds: of all copies of
 * one exit the earliest plausible time counts, never later than when it was first seen.
 */
export function createRequestTimes(facts: Facts, now: () => number) {
  const copies = new Map<string, { readonly times: Set<number>; readonly seenAt: number }>()

  return {
    /** @param requests - as nodes gave them, other copies of what is known too */
    note(requests: readonly ExitRequest[]): void {
      for (const request of requests) {
        const content = contentOf(request)
        const known = copies.get(content) ?? { times: new Set(), seenAt: now() }
        copies.set(content, known)
        if (known.times.size < MAX_COPIES) known.times.add(request.timestamp)
      }
    },

    /** The others are gone. */
    keepOnly(requests: readonly ExitRequest[]): void {
      const contents = new Set(requests.map(contentOf))
      for (const content of copies.keys()) if (!contents.has(content)) copies.delete(content)
    },

    /** The request with the time that counts. */
    correct(request: ExitRequest, verdict?: Proven | Unproven, chain?: ChainView): ExitRequest {
      const copy = copies.get(contentOf(request))
      const seenAt = facts.requests.get(request.key)?.seenAt ?? copy?.seenAt ?? now()
      const latest = Math.floor(Math.min(seenAt, copy?.seenAt ?? seenAt) / 1_000)
      const refSlot = verdict?.kind === 'proven' ? verdict.refSlot : undefined
      // The report is about the state at its slot: the event came after it.
      const slotTime = refSlot === undefined ? undefined : chain?.slotStart?.(refSlot)
      const earliest = Math.min(slotTime ?? latest - OLDEST_S, latest)
      const plausible = [request.timestamp, ...(copy?.times ?? [])].filter(
        (time) => time >= earliest && time <= latest + CLOCK_SLACK_S,
      )
      const timestamp = plausible.length === 0 ? latest : Math.min(...plausible)
      return timestamp === request.timestamp ? request : { ...request, timestamp }
    },
  }
}

export type RequestTimes = ReturnType<typeof createRequestTimes>

/** What the proof binds. Time and place of the log are the node's word alone. */
const contentOf = (request: ExitRequest) =>
  [
    request.transactionHash,
    request.exitBus,
    request.moduleId,
    request.operatorId,
    request.validatorIndex,
    request.pubkey,
  ].join()
