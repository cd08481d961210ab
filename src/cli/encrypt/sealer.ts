import { deriveKey } from '../../lib/kdf.ts'
import {
  createOpener,
  type DecodedEntry,
  decodeContent,
  type ExitEntry,
} from '../../messages/decode.ts'
import { freshKdf, type KdfName, type Label, sealEnvelope } from './envelope.ts'
import type { Passwords } from './password.ts'

export type Sealer = ReturnType<typeof createSealer>

const never = new AbortController().signal

/**
 * Encrypts messages with one password. All of one sealer share one salt, so that one key derivation
 * opens them all. It opens by a derivation of its own, from the password as the daemon is given it.
 */
export function createSealer(passwords: Passwords, kdfName: KdfName) {
  const kdf = freshKdf(kdfName)
  const key = deriveKey(kdf, passwords[0])
  const open = createOpener(async (params, password) => deriveKey(params, password), passwords)

  return {
    /** @param exits - what the content holds, for the label */
    seal: (content: Uint8Array, exits: readonly ExitEntry[]): string =>
      sealEnvelope(content, key, kdf, labelOf(exits)),

    /** What is inside; `undefined` of anything else than one envelope. */
    async open(envelope: Uint8Array): Promise<readonly DecodedEntry[] | undefined> {
      const [part, ...more] = await decodeContent(envelope)
      return part?.kind === 'sealed' && more.length === 0 ? open(part, never) : undefined
    },
  }
}

/** Says outside whose exits are inside; the public key only of a single exit whose file names it. */
function labelOf(exits: readonly ExitEntry[]): Label {
  const [only] = exits
  if (only === undefined || exits.length > 1) {
    return { description: `exits of ${exits.length} validators`, pubkey: '' }
  }
  const description = `exit of validator ${only.exit.validatorIndex}`
  return { description, pubkey: only.claimedPubkey?.slice(2) ?? '' }
}
