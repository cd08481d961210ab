import { pause } from '../lib/deadline.ts'
import { messageOf } from '../lib/message-of.ts'
import { quote } from '../lib/secret.ts'
import type { VerifiedExit } from '../messages/exit-message.ts'
import type { SubmissionResult } from '../requests/submission.ts'

/** What became of one exit that was handed out. */
export type OfferResult = {
  /** True when at least one node took it. */
  readonly accepted: boolean
  /** One line each node that answered so far: host and its words, redacted. */
  readonly answers: readonly string[]
}

/** Characters of one node's words. */
const LONGEST_ANSWER = 300

/** What the others say right after the first acceptance still belongs to the story. */
const LATE_ANSWER_MS = 100

type Submit = (exit: VerifiedExit, signal: AbortSignal) => Promise<number>

export type PoolNode = {
  readonly host: string
  readonly submit: Submit
  /** False when it did not answer lately: it gets the exit too, and nobody waits for it. */
  readonly isUp: () => boolean
}

export type PoolListener = {
  /** Whether an error is the node's word; otherwise it gave none. */
  readonly isRefusal: (error: unknown) => boolean
  /** Told each answer of each node, also those that nobody waited for. */
  readonly onAnswer: (host: string, result: SubmissionResult) => void
}

/**
 * Hands an exit to every consensus node at once. One that takes it is success, and the others
 * get a moment to answer, no more; they are finished in the background (`settled`).
 */
export function createPoolSink(nodes: readonly PoolNode[], { isRefusal, onAnswer }: PoolListener) {
  const running = new Set<Promise<unknown>>()

  async function offer(exit: VerifiedExit, signal: AbortSignal): Promise<OfferResult> {
    const answers: string[] = []
    async function submitTo({ host, submit }: PoolNode): Promise<void> {
      try {
        answers.push(`${host}: ${await submit(exit, signal)}`)
        onAnswer(host, 'accepted')
      } catch (error) {
        answers.push(`${host}: ${quote(messageOf(error), LONGEST_ANSWER)}`)
        onAnswer(host, isRefusal(error) ? 'refused' : 'unanswered')
        throw error
      }
    }
    const runs = nodes.map((node) => ({ isUp: node.isUp(), run: submitTo(node) }))
    for (const { run } of runs) track(run)
    const up = runs.filter(({ isUp }) => isUp)
    const asked = (up.length > 0 ? up : runs).map(({ run }) => run)
    const accepted = await Promise.any(asked).then(
      () => true,
      () => false,
    )
    await Promise.race([Promise.allSettled(asked), pause(LATE_ANSWER_MS, signal)])
    return { accepted, answers: [...answers] }
  }

  function track(run: Promise<unknown>) {
    const settled = run.catch(() => {}).finally(() => running.delete(settled))
    running.add(settled)
  }

  return {
    offer,
    /** Resolves when nothing is under way any more. */
    settled: async () => {
      await Promise.all(running)
    },
  }
}
