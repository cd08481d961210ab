/**
 * The byte strings that a configured password may stand for, the likeliest first.
 *
 * EIP-2335 asks for NFKD and strips control characters, line ends included; encryptors differ, so
 * the bytes as given follow, and the bytes as `@chainsafe/bls-keystore` filters them when it is
 * given bytes (it drops what looks like a control character even inside a UTF-8 sequence). For
 * plain ASCII without a line end all of them are one.
 *
 * @param given - the bytes in which the password may have been used, for example without and with
 *   the line end of its file
 */
export function passwordCandidates(given: readonly Uint8Array[]): readonly Uint8Array[] {
  const candidates = [...given.map(normalised), ...given, ...given.map(withoutControlBytes)]
  const distinct = new Map<string, Uint8Array>()
  for (const candidate of candidates) {
    if (candidate === undefined || candidate.length === 0) continue
    const key = Buffer.from(candidate).toString('base64')
    if (!distinct.has(key)) distinct.set(key, candidate)
  }
  return [...distinct.values()]
}

/** EIP-2335, "Password requirements". Nothing if the bytes are not UTF-8. */
function normalised(bytes: Uint8Array): Uint8Array | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    return Buffer.from(text.normalize('NFKD').replace(CONTROL_CHARACTERS, ''), 'utf8')
  } catch {
    return undefined
  }
}

/** C0, delete and C1. */
const CONTROL_CHARACTERS = /\p{Cc}/gu

const withoutControlBytes = (bytes: Uint8Array) =>
  bytes.filter((byte) => byte > 0x1f && !(byte >= 0x7f && byte <= 0x9f))
