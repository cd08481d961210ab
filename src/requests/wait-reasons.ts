import { reasonList } from '../lib/reasons.ts'

/** Why a proven request is not being served at this moment. */
export const waitReasons = reasonList([
  {
    code: 'no-message',
    short: 'no message found',
    long: 'No valid message for this validator is loaded. Add one to the messages location: it is used at the next cycle, without a restart.',
  },
  {
    code: 'messages-loading',
    short: 'messages are still loading',
    long: 'The first load of the messages has not ended. Nothing to do, unless it stays: then see the errors of the messages location in the log.',
  },
  {
    code: 'pubkey-mismatch',
    short: 'public key of the request is not that of the registry',
    long: 'The validator index belongs to another public key than the protocol named. Nothing is submitted. Tell the Lido team, and check which chain the consensus node is on.',
  },
  {
    code: 'not-active',
    short: 'validator is not active yet',
    long: 'The validator has not been activated. The exit is submitted as soon as it is.',
  },
  {
    code: 'message-epoch',
    short: 'epoch of the message is not reached',
    long: 'The message is valid only from a later epoch on. It is submitted then; a message signed for an earlier epoch works at once.',
  },
  {
    code: 'shard-committee-period',
    short: 'validator has not been active long enough',
    long: 'A validator may exit a while after its activation at the earliest (on mainnet 256 epochs, about 27 hours). The exit is submitted then.',
  },
  {
    code: 'pending-partial-withdrawal',
    short: 'validator has a pending partial withdrawal',
    long: 'Consensus rejects an exit while a partial withdrawal is pending (Electra). The exit is submitted when it has been paid out.',
  },
  {
    code: 'rate-limited',
    short: 'MAX_EXITS_PER_HOUR is reached',
    long: 'As many validators as MAX_EXITS_PER_HOUR allows were submitted for the first time within an hour. The exit is submitted in its turn: the nearest deadline first. A larger MAX_EXITS_PER_HOUR lets it leave sooner.',
  },
  {
    code: 'accepted',
    short: 'accepted, not seen exiting yet',
    long: 'A node or the webhook has taken the exit, and the registry does not show it yet. It is submitted to the nodes again after 1, 2, 4, 8, then every 16 intervals; the webhook is called again after WEBHOOK_RESEND_AFTER.',
  },
])

export type WaitReasonCode = keyof typeof waitReasons
