import type { ProbeVerdict } from './http-server.ts'

/** A daemon that has not done its work for this many intervals is not healthy. */
const INTERVALS = 3
/** With a short interval: a node that restarts is no reason for an alarm yet. */
const AT_LEAST_MS = 10 * 60 * 1_000

/** What `/health` and `/readyz` answer. Health: is the work getting done? Ready: can it be now? */
export function createHealth(intervalMs: number, now: () => number = Date.now) {
  const limitMs = Math.max(INTERVALS * intervalMs, AT_LEAST_MS)
  let lastGoodAt = now()
  let hadGood = false
  let notReady: readonly string[] = ['starting']
  let toSetRight: readonly string[] = []

  const loading = 'the messages are still loading'

  return {
    waitingFor(reasons: readonly string[]): void {
      notReady = reasons
    },
    cycleEnded(ok: boolean, failures: readonly string[], loaded: boolean): void {
      if (ok) {
        lastGoodAt = now()
        hadGood = true
      }
      notReady = [...(ok ? [] : failures), ...(loaded ? [] : [loading])]
    },
    /** @param reasons - what keeps `/readyz` from being good, although the cycle did its work */
    cycleReported(reasons: readonly string[]): void {
      toSetRight = reasons
    },
    /** The messages are there. No cycle need follow to say so. */
    messagesLoaded(): void {
      notReady = notReady.filter((reason) => reason !== loading)
    },
    health(): ProbeVerdict {
      const silentMs = now() - lastGoodAt
      if (silentMs < limitMs) return { ok: true, reasons: [] }
      const minutes = Math.floor(silentMs / 60_000)
      const since = hadGood ? 'no good cycle' : 'not one good cycle since the start'
      return { ok: false, reasons: [`${since} for ${minutes} minutes`, ...notReady] }
    },
    ready(): ProbeVerdict {
      const reasons = [...notReady, ...toSetRight]
      return { ok: reasons.length === 0, reasons }
    },
  }
}

export type Health = ReturnType<typeof createHealth>
