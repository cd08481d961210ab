import type { Config } from '../config.ts'
import { NodeRefusedError } from '../consensus/answers.ts'
import { createExitSubmitter } from '../consensus/exit-submitter.ts'
import { createPoolSink } from '../exits/pool.ts'
import { createWebhookSink, webhookBody } from '../exits/webhook.ts'
import { createHttpClient } from '../lib/http.ts'
import type { Metrics } from '../observe/metrics.ts'
import type { CycleParts, OfferResult } from '../requests/cycle-parts.ts'
import type { ExitRequest } from '../requests/exit-request.ts'
import { nextPoolOfferAt } from '../requests/next.ts'
import type { Nodes } from './nodes.ts'

export type Offer = Pick<CycleParts, 'nextOfferAt' | 'offer'> & {
  /** For the log of a rehearsal: where the call would go, and its body. Messages need none. */
  rehearse?(request: ExitRequest, deadline: number): Readonly<Record<string, unknown>>
  /** Resolves when no offer is under way any more. */
  readonly settled: () => Promise<void>
}

const REFUSED: OfferResult = { accepted: false, answers: ['no message was given'] }

/** How exits are submitted, as configured: to the pools of the consensus nodes, or to the webhook. */
export function createOffer(
  config: Config,
  nodes: Nodes,
  metrics: Pick<Metrics, 'expectSubmissions' | 'countSubmission'>,
): Offer {
  const { delivery } = config
  const onAnswer = metrics.countSubmission
  if (delivery.mode === 'message') {
    const isUp = (host: string) =>
      nodes.consensus.nodes.states().some((state) => state.host === host && state.up)
    metrics.expectSubmissions(nodes.consensusNodes.map(({ host }) => host))
    const pool = createPoolSink(
      nodes.consensusNodes.map(({ host, http, observe, timeoutMs }) => ({
        host,
        submit: createExitSubmitter(http, observe, timeoutMs),
        isUp: () => isUp(host),
      })),
      { isRefusal: (error) => error instanceof NodeRefusedError, onAnswer },
    )
    return {
      offer: async (_request, exit, _deadline, signal) =>
        exit === undefined ? REFUSED : pool.offer(exit, signal),
      nextOfferAt: (offers) => nextPoolOfferAt(offers, config.jobIntervalMs),
      settled: pool.settled,
    }
  }
  const { host } = new URL(delivery.url)
  metrics.expectSubmissions([host])
  const webhook = createWebhookSink(createHttpClient(delivery.url), {
    host,
    onAnswer,
    timeoutMs: delivery.timeoutMs,
    retries: delivery.maxRetries,
    token: delivery.token,
    header: delivery.header,
  })
  return {
    offer: (request, _exit, deadline, signal) => webhook.offer(request, deadline, signal),
    rehearse: (request, deadline) => ({ host, body: webhookBody(request, deadline) }),
    nextOfferAt: (offers) => offers.lastAcceptedAt + delivery.resendAfterMs,
    settled: async () => {},
  }
}
