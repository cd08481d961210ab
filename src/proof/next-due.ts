import type { Unproven } from './judge.ts'

/** What the verdicts on a request so far amount to. Not stored: each process judges anew. */
export type History = {
  /** Number of the cycle from which it is judged again, or unix ms, whichever comes first. */
  readonly dueCycle: number
  readonly dueAt: number
  /** Times in a row that a log was missing: judged again after 1, 2, 4, 8, then 16 cycles. */
  readonly waits: number
  /** Times that it was not proven while some node was away, or gave no answer. */
  readonly doubts: number
  /** It has counted as an error. */
  readonly counted: boolean
}

export const noHistory: History = { dueCycle: 0, dueAt: 0, waits: 0, doubts: 0, counted: false }

/** When a verdict was given. */
export type Moment = {
  /** Counted from the start of the process. */
  readonly cycle: number
  /** Unix ms. */
  readonly now: number
  /** Whether every configured node may be asked: the answer of one that is away may be missing. */
  readonly allNodesAnswer: boolean
}

const HOUR_MS = 60 * 60 * 1_000
const LONGEST_WAIT_CYCLES = 16
/** A node whose connection broke is waited for; one that never answers must hide no forged request. */
const DOUBTS = 3

/** What one more verdict that does not prove makes of the history. */
export function nextDue(verdict: Unproven, before: History, moment: Moment): History {
  const { cycle, now, allNodesAnswer } = moment
  const waits = verdict.again === 'backing-off' ? before.waits + 1 : 0
  const cycles = Math.min(2 ** Math.max(0, waits - 1), LONGEST_WAIT_CYCLES)
  const isHourly = verdict.again === 'hourly' && allNodesAnswer
  const isDoubtful = verdict.isMissing || !allNodesAnswer
  const doubts = before.doubts + (isDoubtful ? 1 : 0)
  const counts = verdict.complete && (!isDoubtful || doubts >= DOUBTS)
  return {
    dueCycle: isHourly ? Number.POSITIVE_INFINITY : cycle + cycles,
    dueAt: now + HOUR_MS,
    waits,
    doubts,
    counted: before.counted || counts,
  }
}

/** A time more than an hour ahead was set by a clock that has been set back since. */
export const isDue = ({ dueCycle, dueAt }: History, cycle: number, now: number): boolean =>
  cycle >= dueCycle || now >= dueAt || dueAt - now > HOUR_MS
