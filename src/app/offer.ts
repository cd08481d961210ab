import type { Config } from '../config.ts'
import type { CycleParts, OfferResult } from '../cycle/types.ts'
import { nextPoolOfferAt } from '../domain/request.ts'
import { createHttpClient } from '../lib/http.ts'
import { createPoolSink } from '../sinks/pool.ts'
import { createWebhookSink } from '../sinks/webhook.ts'
import type { Nodes } from './nodes.ts'

export type Offer = Pick<CycleParts, 'offer' | 'nextOfferAt'> & {
  /** Resolves when no offer is under way any more. */
  readonly settled: () => Promise<void>
}

const REFUSED: OfferResult = { accepted: false, answers: ['no message was given'] }

/** The way out, as configured: the consensus nodes' pools, or the webhook. */
export function createOffer(config: Config, nodes: Nodes, fetchFn: typeof fetch): Offer {
  const { delivery } = config
  if (delivery.mode === 'message') {
    const isUp = (host: string) =>
      nodes.consensus.nodes.states().some((state) => state.host === host && state.up)
    const pool = createPoolSink(
      nodes.consensusNodes.map(({ host, node }) => ({
        host,
        submit: node.submitExit,
        isUp: () => isUp(host),
      })),
    )
    return {
      offer: async (_request, exit, signal) =>
        exit === undefined ? REFUSED : pool.offer(exit, signal),
      nextOfferAt: (offers) => nextPoolOfferAt(offers, config.jobIntervalMs),
      settled: pool.settled,
    }
  }
  const webhook = createWebhookSink(createHttpClient(delivery.url, fetchFn), {
    host: new URL(delivery.url).host,
    timeoutMs: delivery.timeoutMs,
    retries: delivery.maxRetries,
    token: delivery.token,
    header: delivery.header,
  })
  return {
    offer: (request, _exit, signal) => webhook.offer(request, signal),
    nextOfferAt: (offers) => offers.lastAcceptedAt + delivery.resendAfterMs,
    settled: async () => {},
  }
}
