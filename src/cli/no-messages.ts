import type { MessagesTask } from '../app/messages.ts'
import type { Messages } from '../requests/cycle-parts.ts'

/** In place of the task that reads messages, where there is nothing to read them from. */
export const noTask = (messages: Messages): MessagesTask => ({
  begin: () => {},
  read: async () => messages,
  isLoaded: () => messages.loaded,
  snapshot: () => undefined,
  close: async () => {},
})
