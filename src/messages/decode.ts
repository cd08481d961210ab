import type { CryptoPool } from '../lib/crypto-pool.ts'
import { type Envelope, openEnvelope, parseEnvelope } from '../lib/eip2335.ts'
import { yieldIfDue } from '../lib/event-loop.ts'
import { type JsonResult, parseJson, splitJson } from '../lib/json.ts'
import type { KdfParams } from '../lib/kdf.ts'
import type { MessageRefusal } from './reasons.ts'
import { type JsonObject, LIST_KEY, readShapes, type ShapeEntry } from './shapes.ts'

export type ExitEntry = Extract<ShapeEntry, { kind: 'exit' }>
export type RefusedEntry = Extract<ShapeEntry, { kind: 'refused' }>
/** What a file holds once it is read and decrypted. */
export type DecodedEntry = ExitEntry | RefusedEntry
/** Needs a key before more can be said. */
export type SealedEntry = { readonly kind: 'sealed'; readonly envelope: Envelope }

export type Parts = readonly (DecodedEntry | SealedEntry)[]

/** Takes long JSON apart, off the main thread where there is one to keep free. See `splitJson`. */
export type SplitJson = (bytes: Uint8Array, listKey: string) => Promise<Uint8Array>

/** What a validator keystore holds (EIP-2335). The JSON of an exit is far longer. */
const SECRET_KEY_BYTES = 32
/** Bytes. A shorter text is parsed in a few milliseconds. */
const LONG_TEXT = 256 * 1024

const splitHere: SplitJson = async (bytes, listKey) => splitJson(bytes, listKey)

/** Reads the bytes of a file into its entries, as far as that goes without a key. */
export function decodeContent(
  bytes: Uint8Array,
  split: SplitJson = splitHere,
): Parts | Promise<Parts> {
  return bytes.length > LONG_TEXT ? decodeLong(bytes, split) : readAll(parseJson(bytes))
}

async function decodeLong(bytes: Uint8Array, split: SplitJson): Promise<Parts> {
  const lines = Buffer.from(await split(bytes, LIST_KEY))
    .toString()
    .split('\n')
  const [around, ...portions] = lines.map((line): unknown => JSON.parse(line))
  if (around !== null) {
    const entries = readParts(around)
    // The list may also stand beside a message, where it means nothing.
    if (portions.length === 0 || !isEmptyList(entries)) return entries
  }
  const parts: (DecodedEntry | SealedEntry)[] = []
  for (const portion of portions as (readonly JsonResult[])[]) {
    for (const entry of readAll(portion)) parts.push(entry)
    const turn = yieldIfDue()
    if (turn !== undefined) await turn
  }
  return parts
}

const isEmptyList = ([part]: Parts) =>
  part?.kind === 'refused' && part.refusal.code === 'no-messages'

const readAll = (results: readonly JsonResult[]): Parts =>
  results.flatMap((json) => (json.ok ? readParts(json.value) : [refused(json)]))

const readParts = (value: unknown): Parts =>
  readShapes(value).map((entry) =>
    entry.kind === 'envelope' ? readEnvelope(entry.envelope) : entry,
  )

function readEnvelope(value: JsonObject): RefusedEntry | SealedEntry {
  const parsed = parseEnvelope(value)
  if (!parsed.ok) return refused(parsed)
  const { envelope } = parsed
  if (envelope.ciphertext.length !== SECRET_KEY_BYTES) return { kind: 'sealed', envelope }
  return refused({ code: 'keystore', detail: 'the encrypted content is 32 bytes: a validator key' })
}

/** @returns the entries inside; `undefined` when the work broke off, to be tried again */
export type OpenSealed = (
  sealed: SealedEntry,
  signal: AbortSignal,
) => Promise<readonly DecodedEntry[] | undefined>

/**
 * Opens envelopes. Each distinct pair of password and key derivation is derived once, however many
 * files share it.
 *
 * @param passwords - byte strings that the configured password may stand for, likeliest first;
 *   none if no password is configured
 */
export function createOpener(
  derive: CryptoPool['derive'],
  passwords: readonly Uint8Array[],
  split: SplitJson = splitHere,
): OpenSealed {
  const keys = new Map<string, Promise<Uint8Array>>()
  let candidates = passwords.map((password, number) => ({ password, number }))

  function keyFor(candidate: (typeof candidates)[number], kdf: KdfParams, signal: AbortSignal) {
    const id = `${candidate.number}:${kdfId(kdf)}`
    const known = keys.get(id)
    if (known !== undefined) return known
    const key = derive(kdf, candidate.password, signal)
    keys.set(id, key)
    key.catch(() => keys.delete(id))
    return key
  }

  async function openWithAny({ envelope }: SealedEntry, signal: AbortSignal) {
    for (const candidate of candidates) {
      const content = openEnvelope(envelope, await keyFor(candidate, envelope.kdf, signal))
      if (content === undefined) continue
      // The spelling that opened one file is likely to open the next.
      candidates = [candidate, ...candidates.filter((other) => other !== candidate)]
      return content
    }
    return undefined
  }

  return async function open(sealed, signal) {
    if (candidates.length === 0) return [refused({ code: 'password-missing', detail: '' })]
    try {
      const content = await openWithAny(sealed, signal)
      if (content === undefined) {
        return [refused({ code: 'wrong-password', detail: 'the checksum does not match' })]
      }
      const parts = await decodeContent(content, split)
      return parts.map((entry) =>
        entry.kind === 'sealed' ? refused({ code: 'nested-envelope', detail: '' }) : entry,
      )
    } catch {
      signal.throwIfAborted()
      // A thread that crashed, or a library that throws, says nothing about the file.
      return undefined
    }
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
