import type { Nodes } from '../app/nodes.ts'
import { headersFor } from '../config/node-headers.ts'
import type { Config } from '../config.ts'
import { followFinality, type StreamNews } from '../consensus/finality-events.ts'
import { pause, withDeadline } from '../lib/deadline.ts'
import type { Metrics } from '../observe/metrics.ts'
import type { Log } from '../requests/cycle-parts.ts'

export type FinalityParts = {
  readonly config: Pick<Config, 'consensusNodes' | 'nodeHeaders'>
  readonly nodes: Nodes
  /** The last block that a cycle has read. */
  readonly lastRead: () => number | undefined
  /** Ends the rest between cycles. */
  readonly wake: () => void
  readonly log: Log
  readonly metrics: Pick<Metrics, 'set'>
}

/** The execution node's `finalized` tag moves seconds after the consensus node's event: two slots. */
const POLL_FOR_MS = 24_000
/** Twice in the second within which an exit is to be sent. */
const POLL_EVERY_MS = 500
/** A stream that nudges without end wakes the loop this often. */
const REST_MS = 2_000

/**
 * Wakes the loop when the chain finalizes, until `signal` fires. Whatever goes wrong here, the
 * interval between cycles stays as it is.
 */
export async function watchFinality(parts: FinalityParts, signal: AbortSignal): Promise<void> {
  const { config, nodes, log } = parts
  const waker = createWaker({
    readFinalized: async (deadline) => {
      const head = await nodes.execution.nodes.first(
        (node, inner) => node.finalizedBlock(inner),
        deadline,
      )
      return head.number
    },
    lastRead: parts.lastRead,
    wake: parts.wake,
  })
  parts.metrics.set('finality_events_connected', false)
  try {
    await followFinality(
      {
        // Named in the order in which they are configured.
        nodes: nodes.consensusNodes.map(({ host }, at) => {
          const baseUrl = config.consensusNodes[at] as string
          return { host, baseUrl, headers: headersFor(config.nodeHeaders, baseUrl) }
        }),
        healthy: nodes.consensus.nodes.hosts,
        onFinalized: () => waker.nudge(signal),
        tell: (news) => tell(news, parts),
      },
      signal,
    )
  } catch (error) {
    log.error('finality events: unexpected error, polling goes on', { error })
  }
}

function tell(news: StreamNews, { log, metrics }: FinalityParts): void {
  const { host } = news
  switch (news.kind) {
    case 'connected':
      metrics.set('finality_events_connected', true)
      log[news.again ? 'info' : 'debug'](`finality events come from ${host}`)
      return
    case 'lost':
      metrics.set('finality_events_connected', false)
      log.warn('no finality events any more: requests are found by polling', news)
      return
    case 'not-served':
      log.info(`consensus node ${host} gives no finality events, polling goes on: ${news.why}`)
      return
    case 'ended':
      log.debug(`event stream of ${host} ended: ${news.why}`)
  }
}

type WakerParts = {
  readonly readFinalized: (signal: AbortSignal) => Promise<number>
  readonly lastRead: () => number | undefined
  readonly wake: () => void
  readonly pollForMs?: number
  readonly pollEveryMs?: number
  readonly restMs?: number
}

/**
 * After a nudge, waits until there is something new to read, and wakes. At the end of its patience
 * it wakes as well: a cycle too many costs little.
 *
 * One wait at a time; at most one nudge is remembered meanwhile.
 */
export function createWaker(parts: WakerParts) {
  const { readFinalized, lastRead, wake } = parts
  const { pollForMs = POLL_FOR_MS, pollEveryMs = POLL_EVERY_MS, restMs = REST_MS } = parts
  let isWaiting = false
  let isNudged = false

  async function isNew(signal: AbortSignal): Promise<boolean> {
    try {
      const read = lastRead()
      return read === undefined || (await readFinalized(signal)) > read
    } catch {
      return false
    }
  }

  async function waitForNew(signal: AbortSignal): Promise<void> {
    while (!(await isNew(signal)) && !signal.aborted) await pause(pollEveryMs, signal)
  }

  async function run(signal: AbortSignal): Promise<void> {
    while (isNudged && !signal.aborted) {
      isNudged = false
      // The deadline ends the wait, and the call that runs.
      await withDeadline(pollForMs, signal, waitForNew).catch(() => {})
      if (signal.aborted) return
      wake()
      await pause(restMs, signal)
    }
    isWaiting = false
  }

  return {
    nudge(signal: AbortSignal): void {
      isNudged = true
      if (isWaiting) return
      isWaiting = true
      void run(signal)
    },
  }
}
