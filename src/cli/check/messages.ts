import { openStore } from '../../app/open-store.ts'
import type { Config } from '../../config.ts'
import { messageOf } from '../../lib/message-of.ts'
import type { MessageSnapshot, RefusedMessage } from '../../messages/snapshot.ts'
import type { Messages } from '../../requests/cycle-parts.ts'
import type { Parts } from '../gather/parts.ts'
import { type Finding, failure, ok, shorten, warning } from './finding.ts'

const [ID, TITLE] = ['messages', 'messages']

/** What a whole load of the messages found. */
export function tellMessages(
  { problem }: Messages,
  snapshot: MessageSnapshot | undefined,
): readonly Finding[] {
  const told = { id: ID, title: TITLE }
  if (problem !== undefined || snapshot === undefined) {
    const remedy = 'correct MESSAGES_LOCATION, or the folder or bucket behind it'
    return [failure({ ...told, detail: `cannot be loaded: ${problem}`, remedy })]
  }
  return [tellCounts(snapshot), ...tellPassedOver(snapshot)]
}

function tellCounts(snapshot: MessageSnapshot): Finding {
  const told = { id: ID, title: TITLE }
  const { usable, used, rejected } = countsOf(snapshot)
  const files = `${snapshot.files} ${snapshot.files === 1 ? 'file' : 'files'}`
  const detail = `${usable} usable, ${used} used, ${rejected} rejected, in ${files}`
  if (usable > 0 && rejected === 0) return ok(ID, TITLE, detail)
  if (usable > 0) return warning({ ...told, detail, remedy: remedyFor(snapshot) })
  if (used > 0) {
    const remedy = 'sign exits for validators that are active: there is none for the next request'
    return failure({ ...told, detail, remedy })
  }
  const remedy =
    rejected > 0 ? remedyFor(snapshot) : 'put signed exit messages (*.json) into MESSAGES_LOCATION'
  return failure({ ...told, detail, remedy })
}

/** Names that stand in one line. */
const MOST_NAMES = 5

/** What looks like a message that was meant, and is none by its name. */
function tellPassedOver({ passedOver }: MessageSnapshot): readonly Finding[] {
  if (passedOver.length === 0) return []
  const names = passedOver.slice(0, MOST_NAMES).join(', ')
  const more = passedOver.length > MOST_NAMES ? ` and ${passedOver.length - MOST_NAMES} more` : ''
  const detail = `${names}${more}: not read`
  const remedy =
    'end the names of message files in .json, and put them beside each other, not in a sub-folder'
  return [warning({ id: 'messages-passed-over', title: 'files', detail, remedy })]
}

/** Key material comes first, always. */
const remedyFor = ({ refused }: MessageSnapshot) =>
  refused.some(({ code }) => code === 'keystore')
    ? 'take the validator keys away from this machine, then correct or remove the other files'
    : 'correct or remove the files below'

export function countsOf({ exits, refused }: MessageSnapshot) {
  const used = [...exits.values()].filter((held) => held.used).length
  return { usable: exits.size - used, used, rejected: refused.length }
}

export const linesOfRejected = (rejected: readonly RefusedMessage[]): readonly string[] =>
  shorten(
    rejected.map(({ file, entry, code, detail }) => {
      const where = entry === undefined ? file : `${file}, entry ${entry}`
      return `    ${where}: ${code}: ${detail}`
    }),
  )

/** Where messages cannot be checked against the chain: are they there at all? */
export async function checkLocation(
  { config, log }: Parts,
  why: string,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  if (config.delivery.mode === 'webhook') return []
  const told = { id: ID, title: TITLE }
  try {
    const store = await openStore(config.delivery.location, log, signal)
    const found = await store.list(signal)
    await store.close()
    const detail = `${found.entries.length} files, not checked: ${why}`
    return [failure({ ...told, detail, remedy: 'run check again once that works' })]
  } catch (error) {
    signal.throwIfAborted()
    return [failure({ ...told, detail: messageOf(error), remedy: 'correct MESSAGES_LOCATION' })]
  }
}

/** The configured location, as an operator would name it. */
export function nameOfLocation(delivery: Config['delivery']): string {
  if (delivery.mode === 'webhook') return 'the webhook'
  const { location } = delivery
  return location.kind === 'folder' ? location.path : `${location.kind}://${location.bucket}`
}
