import { pause } from '../lib/deadline.ts'
import type { HttpClient } from '../lib/http.ts'
import { messageOf } from '../lib/message-of.ts'
import { quote } from '../lib/secret.ts'
import type { ExitRequest } from '../requests/exit-request.ts'
import type { OfferResult, PoolListener } from './pool.ts'

export type WebhookSettings = {
  /** Shown in the log instead of the URL. */
  readonly host: string
  /** Milliseconds for one attempt, the answer's body included. */
  readonly timeoutMs: number
  /** Attempts after the first. */
  readonly retries: number
  readonly token: string | undefined
  /** Header that carries the token; `Authorization` gets it as a bearer token. */
  readonly header: string
  /** Milliseconds after which no further attempt begins; for tests. */
  readonly retryForMs?: number
  /** Told each answer, those before a repetition too. */
  readonly onAnswer: PoolListener['onAnswer']
}

/** Between attempts: 0.25, 0.5, 1, 2, 4, then 5 s. */
const FIRST_PAUSE_MS = 250
const LONGEST_PAUSE_MS = 5_000
/** After so long no further attempt begins: other exits wait, and the next cycle goes on. */
const LONGEST_RETRYING_MS = 60_000

/** Calls the operator's own exit machinery. 2xx is success; redirects are answers, not followed. */
export function createWebhookSink(http: HttpClient, settings: WebhookSettings) {
  const { token } = settings
  // In small letters it replaces what the URL's `user:pass@` became, instead of standing beside it.
  const header = settings.header.toLowerCase()
  const authorization: Record<string, string> =
    token === undefined ? {} : { [header]: header === 'authorization' ? `Bearer ${token}` : token }

  async function attempt(
    request: ExitRequest,
    deadline: number,
    signal: AbortSignal,
  ): Promise<OfferResult> {
    try {
      const { status, text } = await http({
        method: 'POST',
        body: webhookBody(request, deadline),
        headers: { ...authorization, 'idempotency-key': idempotencyKey(request) },
        timeoutMs: settings.timeoutMs,
        signal,
      })
      const accepted = status >= 200 && status < 300
      settings.onAnswer(settings.host, accepted ? 'accepted' : 'refused')
      if (accepted) {
        return { accepted: true, answers: [`${settings.host}: ${status}`] }
      }
      return {
        accepted: false,
        answers: [`${settings.host}: ${status}: ${quote(text)}${hintAt(status)}`],
      }
    } catch (error) {
      settings.onAnswer(settings.host, 'unanswered')
      signal.throwIfAborted()
      const message = quote(messageOf(error), 300)
      return { accepted: false, answers: [`${settings.host}: ${message}`] }
    }
  }

  return {
    /** @param deadline - unix seconds by which the validator must be exiting */
    async offer(request: ExitRequest, deadline: number, signal: AbortSignal): Promise<OfferResult> {
      const start = performance.now()
      const isOver = () => performance.now() - start >= (settings.retryForMs ?? LONGEST_RETRYING_MS)
      let result = await attempt(request, deadline, signal)
      for (let retry = 0; retry < settings.retries && !result.accepted && !isOver(); retry += 1) {
        await pause(Math.min(FIRST_PAUSE_MS * 2 ** retry, LONGEST_PAUSE_MS), signal)
        result = await attempt(request, deadline, signal)
      }
      return result
    },
  }
}

const hintAt = (status: number) =>
  status === 401 || status === 403 ? ' (check WEBHOOK_TOKEN and WEBHOOK_HEADER)' : ''

/** The predecessor's body; fields may be added, never taken away. */
export const webhookBody = (request: ExitRequest, deadline: number) => ({
  validatorIndex: String(request.validatorIndex),
  validatorPubkey: request.pubkey,
  blockNumber: request.blockNumber,
  stakingModuleId: request.moduleId,
  nodeOperatorId: request.operatorId,
  acknowledged: false,
  transactionHash: request.transactionHash,
  requestedAt: toTime(request.timestamp),
  deadline: toTime(deadline),
})

/** Unix seconds as ISO 8601, UTC. */
const toTime = (seconds: number) => new Date(seconds * 1_000).toISOString()

/** The same for every call about one exit of one validator on one chain. */
const idempotencyKey = (request: ExitRequest) =>
  `voluntary-exit-${request.chainId}-${request.validatorIndex}-${request.pubkey}`
