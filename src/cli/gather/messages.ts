import { createMessages, type MessagesTask, withoutMessages } from '../../app/messages.ts'
import { messageOf } from '../../lib/message-of.ts'
import type { Messages } from '../../requests/cycle-parts.ts'
import type { Parts } from './parts.ts'

type Wanted = Parameters<MessagesTask['read']>[0]

/**
 * The daemon's task that loads messages. Where the location cannot be opened, it reads none and says
 * why.
 *
 * @param lifetime - ends a load
 */
export async function openMessages(
  parts: Parts,
  chainId: bigint,
  lifetime: AbortSignal,
): Promise<MessagesTask> {
  try {
    const task = await createMessages({ ...parts, lifetime, wake: () => {} })
    task.begin(chainId)
    return task
  } catch (error) {
    lifetime.throwIfAborted()
    return withoutMessages(false, messageOf(error))
  }
}

/**
 * Waits until the load has ended, however long it takes, or `isEnough`. A cycle of the daemon waits a
 * moment only, and goes on with what is there.
 */
export async function readMessages(
  task: Pick<MessagesTask, 'read'>,
  wanted: Wanted,
  isEnough: (messages: Messages) => boolean,
  signal: AbortSignal,
): Promise<Messages> {
  for (;;) {
    const messages = await task.read(wanted, signal)
    if (messages.loaded || messages.problem !== undefined || isEnough(messages)) return messages
  }
}
