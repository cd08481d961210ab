import type { Config } from '../../config.ts'
import { createHttpTarget, exchange, type Send } from '../../lib/http.ts'
import { messageOf } from '../../lib/message-of.ts'
import { type Finding, failure, ok, warning } from './finding.ts'

const ID = 'webhook'
/** Bad gateway, service unavailable, gateway timeout. */
const NOBODY_BEHIND = [502, 503, 504]
/** Unauthorized, forbidden. */
const WANTS_TOKEN = [401, 403]
/** Not found, gone, internal server error. */
const PERHAPS_WRONG = [404, 410, 500]

type Webhook = Extract<Config['delivery'], { mode: 'webhook' }>

/**
 * Does the receiver answer? It is asked by OPTIONS, without token and body: nothing that it could
 * act on. Whatever it answers, it is there.
 */
export async function checkWebhook(
  { url, timeoutMs, token }: Webhook,
  sendFn: Send,
  signal: AbortSignal,
): Promise<Finding> {
  const [id, title] = [ID, `webhook at ${new URL(url).host}`]
  try {
    const to = createHttpTarget(url).urlOf('')
    const what = { method: 'OPTIONS', timeoutMs, signal } as const
    const { status } = await exchange(sendFn, to, what)
    return tellStatus(title, status, token !== undefined)
  } catch (error) {
    signal.throwIfAborted()
    const detail = `does not answer: ${messageOf(error)}`
    const remedy = 'start the receiver, or correct VALIDATOR_EXIT_WEBHOOK'
    return failure({ id, title, detail, remedy })
  }
}

/** Many a receiver knows no OPTIONS; some answers say all the same that a POST would get nowhere. */
function tellStatus(title: string, status: number, hasToken: boolean): Finding {
  const id = ID
  if (WANTS_TOKEN.includes(status)) {
    const asked = `answers (${status} to OPTIONS without a token); nothing was sent`
    if (hasToken)
      return ok(id, title, `${asked}. Whether it takes WEBHOOK_TOKEN shows at the first call`)
    const remedy = 'set WEBHOOK_TOKEN to the token that it wants'
    return warning({ id, title, detail: asked, remedy })
  }
  const detail = `answers (${status} to OPTIONS); nothing was sent`
  if (status >= 300 && status < 400) {
    const remedy = 'set VALIDATOR_EXIT_WEBHOOK to where it redirects: the daemon follows none'
    return failure({ id, title, detail, remedy })
  }
  if (NOBODY_BEHIND.includes(status)) {
    const remedy = 'start the receiver: what answers is only the proxy before it'
    return failure({ id, title, detail, remedy })
  }
  if (PERHAPS_WRONG.includes(status)) {
    const remedy = 'see whether VALIDATOR_EXIT_WEBHOOK has the right path, and the receiver works'
    return warning({ id, title, detail, remedy })
  }
  return ok(id, title, detail)
}
