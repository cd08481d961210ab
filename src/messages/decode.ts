import { breathe } from '../lib/breathe.ts'
import { type CryptoPool, CryptoWorkError } from '../lib/crypto-pool.ts'
import { type Envelope, openEnvelope, parseEnvelope } from '../lib/eip2335.ts'
import { parseJson, parseLongJson } from '../lib/json.ts'
import type { KdfParams } from '../lib/kdf.ts'
import { hintsIn } from './hints.ts'
import type { MessageRefusal } from './reasons.ts'
import { type JsonObject, readShapes, type ShapeEntry } from './shapes.ts'

export type ExitEntry = Extract<ShapeEntry, { kind: 'exit' }>
export type RefusedEntry = Extract<ShapeEntry, { kind: 'refused' }>
/** What is left to judge of a file once it is read and decrypted. */
export type DecodedEntry = ExitEntry | RefusedEntry
/** Needs a key before more can be said. */
export type SealedEntry = {
  readonly kind: 'sealed'
  readonly envelope: Envelope
  /** What the envelope says outside about whose exit is inside. */
  readonly hints: readonly string[]
}

export type Parts = readonly (DecodedEntry | SealedEntry)[]

/** What a validator keystore holds (EIP-2335). The JSON of an exit is far longer. */
const SECRET_KEY_BYTES = 32

/** Bytes. A longer text is taken apart first, so that the event loop stays free. */
const LONG_TEXT = 256 * 1024
/** More entries do not fit into 64 MiB if each of them is a signed exit. */
const MAX_ENTRIES = 250_000

/** Reads the bytes of a file into its entries, as far as that goes without a key. */
export function decodeContent(bytes: Uint8Array): Parts | Promise<Parts> {
  return bytes.length > LONG_TEXT ? decodeLong(bytes) : decodeShort(bytes)
}

function decodeShort(bytes: Uint8Array): Parts {
  const json = parseJson(bytes)
  return json.ok ? readParts(json.value) : [refused(json)]
}

/** Element by element of one long list. */
async function decodeLong(bytes: Uint8Array): Promise<Parts> {
  const long = await parseLongJson(bytes, MAX_ENTRIES)
  if (!long.ok) return [refused(long)]
  const around = readParts(long.value)
  // The list may also stand beside a message, where it means nothing.
  if (long.elements.length === 0 || !isEmptyList(around)) return around
  const parts: (DecodedEntry | SealedEntry)[] = []
  for (const element of long.elements) {
    const json = parseJson(element)
    // Then the whole text is none.
    if (!json.ok && json.code !== 'too-complex') {
      return [refused({ code: json.code, detail: `entry ${parts.length}` })]
    }
    parts.push(...(json.ok ? readParts(json.value) : [refused(json)]))
    const turn = breathe()
    if (turn !== undefined) await turn
  }
  return parts
}

const isEmptyList = ([part]: Parts) =>
  part?.kind === 'refused' && part.refusal.code === 'no-messages'

const readParts = (value: unknown): Parts =>
  readShapes(value).map((entry) =>
    entry.kind === 'envelope' ? readEnvelope(entry.envelope) : entry,
  )

function readEnvelope(value: JsonObject): RefusedEntry | SealedEntry {
  const parsed = parseEnvelope(value)
  if (!parsed.ok) return refused(parsed)
  const { envelope } = parsed
  if (envelope.ciphertext.length !== SECRET_KEY_BYTES) {
    return { kind: 'sealed', envelope, hints: hintsIn([value.pubkey, value.description]) }
  }
  return refused({ code: 'keystore', detail: 'the encrypted content is 32 bytes: a validator key' })
}

/** @returns the entries inside; `undefined` when the derivation broke off, to be tried again */
export type OpenSealed = (
  sealed: SealedEntry,
  signal: AbortSignal,
) => Promise<readonly DecodedEntry[] | undefined>

/**
 * Opens envelopes for the length of one load. Each distinct pair of password and key derivation
 * is derived once, however many files share it.
 *
 * @param passwords - byte strings that the configured password may stand for, likeliest first;
 *   none if no password is configured
 */
export function createOpener(
  pool: Pick<CryptoPool, 'derive'>,
  passwords: readonly Uint8Array[],
): OpenSealed {
  const keys = new Map<string, Promise<Uint8Array>>()
  let candidates = passwords.map((password, number) => ({ password, number }))

  function keyFor(candidate: (typeof candidates)[number], kdf: KdfParams, signal: AbortSignal) {
    const id = `${candidate.number}:${kdfId(kdf)}`
    const known = keys.get(id)
    if (known !== undefined) return known
    const key = pool.derive(kdf, candidate.password, signal)
    keys.set(id, key)
    return key
  }

  return async function open({ envelope }, signal) {
    if (candidates.length === 0) {
      return [refused({ code: 'password-missing', detail: 'encrypted' })]
    }
    for (const candidate of candidates) {
      let key: Uint8Array
      try {
        key = await keyFor(candidate, envelope.kdf, signal)
      } catch (error) {
        if (error instanceof CryptoWorkError) return undefined
        throw error
      }
      const content = openEnvelope(envelope, key)
      if (content === undefined) continue
      // The spelling that opened one file is likely to open the next.
      candidates = [candidate, ...candidates.filter((other) => other !== candidate)]
      const parts = await decodeContent(content)
      return parts.map((entry) =>
        entry.kind === 'sealed'
          ? refused({ code: 'nested-envelope', detail: 'encrypted twice' })
          : entry,
      )
    }
    return [refused({ code: 'wrong-password', detail: 'the checksum does not match' })]
  }
}

function kdfId(kdf: KdfParams): string {
  const salt = Buffer.from(kdf.salt).toString('base64')
  return kdf.function === 'pbkdf2'
    ? `pbkdf2:${kdf.c}:${salt}`
    : `scrypt:${kdf.n}:${kdf.r}:${kdf.p}:${salt}`
}

const refused = ({ code, detail }: MessageRefusal): RefusedEntry => ({
  kind: 'refused',
  refusal: { code, detail },
})
