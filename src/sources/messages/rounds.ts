import pLimit from 'p-limit'
import type { Place } from './collection.ts'
import type { ExitEntry } from './decode.ts'

export type ToJudge = readonly [Place, ExitEntry]

export type Rounds = {
  add(entries: readonly ToJudge[]): void
  /** Those that are waited for stand in no queue. */
  addUrgent(entries: readonly ToJudge[]): void
  /** What was added so far waits for no more. */
  start(): void
  /** Resolves when all is judged; rejects with the first failure. */
  end(): Promise<void>
  /** Starts nothing any more. */
  stop(): void
}

/** Exits that are looked up and verified together; as many as the node is asked for at once. */
const EXITS_PER_ROUND = 1_000
/** While one round waits for the node, another one keeps the cores busy. */
const ROUNDS_AT_ONCE = 3
/** What trickles in from slow decryption is judged this often, ms. */
const ROUND_MS = 5_000
/** What is waited for is judged this soon, ms, in company: hundreds may be waited for at once. */
const URGENT_ROUND_MS = 200

/** Gathers what trickles in, and has it judged together: a call to the node serves a whole round. */
export function createRounds(
  judge: (entries: readonly ToJudge[]) => Promise<void>,
  now: () => number,
): Rounds {
  const limit = pLimit(ROUNDS_AT_ONCE)
  const rounds: Promise<void>[] = []
  let waiting: ToJudge[] = []
  let urgent: ToJudge[] = []
  let lastRoundAt = now()
  let timer: NodeJS.Timeout | undefined

  function stop() {
    clearTimeout(timer)
    timer = undefined
  }

  function keep(round: Promise<void>) {
    // Awaited in `end`; until then a failure is nobody's unhandled rejection.
    round.catch(() => {})
    rounds.push(round)
  }

  function startUrgent() {
    stop()
    if (urgent.length === 0) return
    keep(judge(urgent))
    urgent = []
  }

  function start() {
    startUrgent()
    if (waiting.length === 0) return
    const entries = waiting
    waiting = []
    lastRoundAt = now()
    keep(limit(() => judge(entries)))
  }

  return {
    add(entries) {
      for (const entry of entries) waiting.push(entry)
      if (waiting.length >= EXITS_PER_ROUND || now() - lastRoundAt >= ROUND_MS) start()
    },
    addUrgent(entries) {
      for (const entry of entries) urgent.push(entry)
      if (urgent.length >= EXITS_PER_ROUND) startUrgent()
      else if (urgent.length > 0) timer ??= setTimeout(startUrgent, URGENT_ROUND_MS)
    },
    start,
    async end() {
      start()
      await Promise.all(rounds)
    },
    stop,
  }
}
