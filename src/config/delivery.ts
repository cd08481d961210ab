import { type Given, type Password, passwordOf } from './environment.ts'
import type { MessagesLocation } from './locations.ts'
import type { Settings } from './schema.ts'

/** How an exit is submitted: as a signed message, or as a call to a webhook that signs. */
export type Delivery =
  | {
      readonly mode: 'message'
      readonly location: MessagesLocation
      readonly password: Password | undefined
    }
  | {
      readonly mode: 'webhook'
      readonly url: string
      readonly token: string | undefined
      /** Header that holds the token. */
      readonly header: string
      readonly timeoutMs: number
      /** Attempts after the first. */
      readonly maxRetries: number
      readonly resendAfterMs: number
    }

/** The promise of the checks that come first: what is required is there. */
export type Checked = { readonly [Name in keyof Settings]-?: NonNullable<Settings[Name]> }

/** The one that is configured: exactly one is. */
export function deliveryOf({ passwordBytes }: Given, settings: Settings): Delivery {
  const checked = settings as Checked
  if (settings.MESSAGES_LOCATION !== undefined) {
    const password = passwordBytes && passwordOf(passwordBytes)
    return { mode: 'message', location: settings.MESSAGES_LOCATION, password }
  }
  return {
    mode: 'webhook',
    url: checked.VALIDATOR_EXIT_WEBHOOK,
    token: settings.WEBHOOK_TOKEN,
    header: checked.WEBHOOK_HEADER,
    timeoutMs: checked.WEBHOOK_ABORT_TIMEOUT_MS,
    maxRetries: checked.WEBHOOK_MAX_RETRIES,
    resendAfterMs: checked.WEBHOOK_RESEND_AFTER,
  }
}
