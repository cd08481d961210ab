import type { Config } from '../../config.ts'
import { withDeadline } from '../../lib/deadline.ts'
import { createHttpTarget } from '../../lib/http.ts'
import { messageOf } from '../../lib/message-of.ts'
import { isHeld } from '../../sources/hold-file.ts'
import { type Finding, failure, ok } from './finding.ts'

type Webhook = Extract<Config['delivery'], { mode: 'webhook' }>

/**
 * Does the receiver answer? It is asked by OPTIONS, without token and body: nothing that it could
 * act on. Whatever it answers, it is there.
 */
export async function checkWebhook(
  { url, timeoutMs }: Webhook,
  fetchFn: typeof fetch,
  signal: AbortSignal,
): Promise<Finding> {
  const [id, title] = ['webhook', `webhook at ${new URL(url).host}`]
  try {
    const status = await withDeadline(timeoutMs, signal, async (deadline) => {
      const to = createHttpTarget(url).urlOf('')
      const response = await fetchFn(to, {
        method: 'OPTIONS',
        redirect: 'manual',
        signal: deadline,
      })
      await response.body?.cancel()
      return response.status
    })
    return ok(id, title, `answers (${status} to OPTIONS); nothing was sent`)
  } catch (error) {
    signal.throwIfAborted()
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
    const detail = `does not answer: ${messageOf(cause)}`
    const remedy = 'start the receiver, or correct VALIDATOR_EXIT_WEBHOOK'
    return failure({ id, title, detail, remedy })
  }
}

/** What keeps the daemon from submitting, on purpose. */
export async function checkStops({
  dryRun,
  holdFile,
}: Pick<Config, 'dryRun' | 'holdFile'>): Promise<readonly Finding[]> {
  const rehearsal = failure({
    id: 'dry-run',
    title: 'DRY_RUN',
    detail: 'is on: the daemon submits nothing',
    remedy: 'remove it to go live',
  })
  const hold = failure({
    id: 'hold',
    title: 'HOLD_FILE',
    detail: 'is there: the daemon submits nothing while it is',
    remedy: `remove ${holdFile} when it may go on`,
  })
  const held = holdFile !== undefined && (await isHeld(holdFile))
  return [...(dryRun ? [rehearsal] : []), ...(held ? [hold] : [])]
}
