import type { VerifiedExit } from '../domain/exit-message.ts'

/** What became of one exit that was handed out. */
export type OfferResult = {
  /** True when at least one node took it. */
  readonly accepted: boolean
  /** One line each node that answered so far: host and its words, redacted. */
  readonly answers: readonly string[]
}

type Submit = (exit: VerifiedExit, signal: AbortSignal) => Promise<number>

/**
 * Hands an exit to every consensus node at once. One that takes it is success, and nobody waits
 * for the others; they are finished in the background (`settled`).
 */
export function createPoolSink(
  nodes: readonly { readonly host: string; readonly submit: Submit }[],
) {
  const running = new Set<Promise<unknown>>()

  async function offer(exit: VerifiedExit, signal: AbortSignal): Promise<OfferResult> {
    const answers: string[] = []
    const runs = nodes.map(async ({ host, submit }) => {
      try {
        answers.push(`${host}: ${await submit(exit, signal)}`)
      } catch (error) {
        answers.push(`${host}: ${error instanceof Error ? error.message : error}`)
        throw error
      }
    })
    for (const run of runs) track(run)
    const accepted = await Promise.any(runs).then(
      () => true,
      () => false,
    )
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
