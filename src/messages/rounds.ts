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
  /** Resolves when all is judged; what failed so far is tried once more, and then rejects. */
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

/** A node that did not answer is asked again after this long, ms: the load may go on for an hour. */
const AGAIN_MS = 2_000

/**
 * Gathers what trickles in, and has it judged together: a call to the node serves a whole round.
 * A round that fails is repeated as a whole.
 *
 * @param againMs - for tests
 */
export function createRounds(
  judge: (entries: readonly ToJudge[]) => Promise<void>,
  now: () => number,
  againMs: number = AGAIN_MS,
): Rounds {
  const limit = pLimit(ROUNDS_AT_ONCE)
  const rounds: Promise<void>[] = []
  let waiting: ToJudge[] = []
  let urgent: ToJudge[] = []
  let failed: ToJudge[] = []
  let lastRoundAt = now()
  let timer: NodeJS.Timeout | undefined
  let againTimer: NodeJS.Timeout | undefined
  let isOver = false

  function keep(entries: readonly ToJudge[], round: Promise<void>) {
    const kept = round.catch((error: unknown) => {
      if (isOver) throw error
      for (const entry of entries) failed.push(entry)
      againTimer ??= setTimeout(startAgain, againMs)
    })
    // Awaited in `end`; until then a failure is nobody's unhandled rejection.
    kept.catch(() => {})
    rounds.push(kept)
  }

  function startAgain() {
    clearTimeout(againTimer)
    againTimer = undefined
    if (failed.length === 0) return
    const entries = failed
    failed = []
    keep(entries, judge(entries))
  }

  function startUrgent() {
    clearTimeout(timer)
    timer = undefined
    if (urgent.length === 0) return
    const entries = urgent
    urgent = []
    keep(entries, judge(entries))
  }

  function start() {
    startUrgent()
    if (waiting.length === 0) return
    const entries = waiting
    waiting = []
    lastRoundAt = now()
    keep(
      entries,
      limit(() => judge(entries)),
    )
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
      isOver = true
      startAgain()
      start()
      await Promise.all(rounds)
    },
    stop() {
      isOver = true
      clearTimeout(timer)
      clearTimeout(againTimer)
    },
  }
}
