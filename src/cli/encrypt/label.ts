import type { ExitEntry } from '../../messages/decode.ts'
import type { Label } from './envelope.ts'

/** Characters. The daemon reads a little more of it. */
const MAX_DESCRIPTION = 1_000

/**
 * Says outside whose exits are inside, so that the daemon can open those first that are asked for.
 * The public key only of a single exit whose file names it.
 */
export function labelOf(exits: readonly ExitEntry[]): Label {
  const indices = exits.map(({ exit }) => String(exit.validatorIndex))
  const prefix = exits.length === 1 ? 'exit of validator' : 'exits of validators'
  const [only] = exits
  const pubkey = exits.length === 1 ? (only?.claimedPubkey?.slice(2) ?? '') : ''
  return { description: `${prefix} ${listed(indices)}`, pubkey }
}

/** As many as fit, none of them cut: half an index would be another one. */
function listed(indices: readonly string[]): string {
  let text = indices[0] ?? ''
  for (const index of indices.slice(1)) {
    if (text.length + index.length > MAX_DESCRIPTION) return `${text}, …`
    text += `, ${index}`
  }
  return text
}
