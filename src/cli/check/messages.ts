import { createMessages, type MessagesTask } from '../../app/messages.ts'
import { openStore } from '../../app/open-store.ts'
import type { Config } from '../../config.ts'
import { messageOf } from '../../lib/message-of.ts'
import type { MessageSnapshot } from '../../messages/snapshot.ts'
import type { Messages } from '../../requests/cycle-parts.ts'
import type { World } from '../world.ts'
import { type Finding, failure, ok, warning } from './finding.ts'

export type MessagesFound = {
  readonly findings: readonly Finding[]
  /** As a cycle reads them; `undefined` where they cannot be read at all. */
  readonly messages: Messages | undefined
  readonly snapshot: MessageSnapshot | undefined
  readonly close: () => Promise<void>
}

const [ID, TITLE] = ['messages', 'messages']

/** Loads every message as the daemon does. */
export async function checkMessages(
  world: World,
  chainId: bigint,
  lifetime: AbortSignal,
): Promise<MessagesFound> {
  let task: MessagesTask
  try {
    task = await createMessages({ ...world, chainId: () => chainId, lifetime, wake: () => {} })
  } catch (error) {
    lifetime.throwIfAborted()
    const told = {
      id: ID,
      title: TITLE,
      detail: messageOf(error),
      remedy: 'correct MESSAGES_LOCATION',
    }
    const close = async () => {}
    return { findings: [failure(told)], messages: undefined, snapshot: undefined, close }
  }
  const messages = await readAll(task, lifetime)
  const snapshot = task.snapshot()
  const findings = world.config.delivery.mode === 'webhook' ? [] : [tell(messages, snapshot)]
  return { findings, messages, snapshot, close: task.close }
}

/** Where messages cannot be checked against the chain: are they there at all? */
export async function checkLocation(
  { config, workers, log }: World,
  why: string,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  if (config.delivery.mode === 'webhook') return []
  const title = { id: ID, title: TITLE }
  try {
    const store = await openStore(config.delivery.location, workers, log, signal)
    const found = await store.list(signal)
    await store.close()
    const detail = `${found.length} files, not checked: ${why}`
    return [failure({ ...title, detail, remedy: 'see to that first' })]
  } catch (error) {
    signal.throwIfAborted()
    const remedy = 'correct MESSAGES_LOCATION'
    return [failure({ ...title, detail: messageOf(error), remedy })]
  }
}

/** A load may take minutes; each look waits a while for it. */
async function readAll(task: MessagesTask, signal: AbortSignal): Promise<Messages> {
  for (;;) {
    const messages = await task.read([], signal)
    if (messages.loaded || messages.problem !== undefined) return messages
  }
}

function tell({ problem }: Messages, snapshot: MessageSnapshot | undefined): Finding {
  if (problem !== undefined || snapshot === undefined) {
    const detail = `cannot be loaded: ${problem}`
    return failure({ id: ID, title: TITLE, detail, remedy: 'see what it says, and run it again' })
  }
  const { valid, used, refused } = countsOf(snapshot)
  const files = `${snapshot.files} ${snapshot.files === 1 ? 'file' : 'files'}`
  const detail = `${valid - used} usable, ${used} used, ${refused} refused, in ${files}`
  if (valid === 0) {
    const remedy =
      refused > 0
        ? 'see below why each is refused, and set that right'
        : 'put signed exit messages (*.json) into MESSAGES_LOCATION'
    return failure({ id: ID, title: TITLE, detail, remedy })
  }
  if (valid === used) {
    const remedy = 'sign exits for the validators that are left: there is none for the next request'
    return failure({ id: ID, title: TITLE, detail, remedy })
  }
  if (refused === 0) return ok(ID, TITLE, detail)
  const isKeyThere = snapshot.refused.some(({ code }) => code === 'keystore')
  const remedy = isKeyThere
    ? 'take the validator keys away from this machine, and set right or remove the other files'
    : 'set right or remove what is refused'
  return warning({ id: ID, title: TITLE, detail, remedy })
}

export function countsOf({ exits, refused }: MessageSnapshot) {
  const used = [...exits.values()].filter((held) => held.used).length
  return { valid: exits.size, used, refused: refused.length }
}

/** The configured location, as an operator would name it. */
export function nameOfLocation(delivery: Config['delivery']): string {
  if (delivery.mode === 'webhook') return 'the webhook'
  const { location } = delivery
  return location.kind === 'folder' ? location.path : `${location.kind}://${location.bucket}`
}
