import type { MessagesTask } from '../../app/messages.ts'
import type { Config } from '../../config.ts'
import { messageOf } from '../../lib/message-of.ts'
import type { Pubkey, ValidatorIndex } from '../../lib/primitives.ts'
import type { Messages } from '../../requests/cycle-parts.ts'
import type { MessageStory } from './story.ts'

type Wanted = { readonly validatorIndex: ValidatorIndex; readonly pubkey: Pubkey }

/**
 * Reads messages until that of one validator is found, or all are read. Plain files come first,
 * and of the sealed ones those that name it.
 */
export async function readUntilFound(
  task: Pick<MessagesTask, 'read'>,
  wanted: Wanted,
  signal: AbortSignal,
): Promise<Messages> {
  for (;;) {
    const messages = await task.read([wanted], signal)
    const isFound = messages.find(wanted.validatorIndex) !== undefined
    if (isFound || messages.loaded || messages.problem !== undefined) return messages
  }
}

/** Where no message can be read, with the reason. */
export const noMessages = (error: unknown): Messages => ({
  loaded: false,
  problem: messageOf(error),
  find: () => undefined,
  whyMissing: () => undefined,
})

export function tellMessage(
  delivery: Config['delivery'],
  index: ValidatorIndex | undefined,
  messages: Messages | undefined,
): MessageStory {
  if (delivery.mode === 'webhook') return { kind: 'webhook', host: new URL(delivery.url).host }
  if (index === undefined || messages === undefined) {
    return { kind: 'missing', why: 'its index is not known, and messages name nothing else' }
  }
  const held = messages.find(index)
  if (held !== undefined) {
    const { file, exit } = held
    return { kind: 'held', file, epoch: String(exit.epoch), more: !messages.loaded }
  }
  return messages.loaded
    ? { kind: 'missing', why: messages.whyMissing(index) ?? null }
    : { kind: 'unknown', why: messages.problem ?? 'they could not be read' }
}
