import { jsonOf } from '../lib/json.ts'
import {
  type Pubkey,
  parseEpoch,
  parsePubkey,
  parseSignature,
  parseValidatorIndex,
  type Signature,
} from '../lib/primitives.ts'
import type { SignedExit } from './exit-message.ts'
import type { MessageReasonCode, MessageRefusal } from './reasons.ts'

/** What one entry of a file turned out to be. */
export type ShapeEntry =
  | {
      readonly kind: 'exit'
      readonly exit: SignedExit
      /** The public key that the file itself names beside the exit (Obol, Stader). */
      readonly claimedPubkey: Pubkey | undefined
    }
  /** EIP-2335, still closed. */
  | { readonly kind: 'envelope'; readonly envelope: JsonObject }
  | { readonly kind: 'refused'; readonly refusal: MessageRefusal }

export type JsonObject = Readonly<Record<string, unknown>>

/** The Keymanager API and pool dumps have their messages under this key. */
export const LIST_KEY = 'data'

/** Wrappers around wrappers that still count: `[{"data":{"exit":{…}}}]` has three. */
const MAX_WRAPPERS = 4
/** Keys that a detail may repeat: field names, never values that were used as keys. */
const SAFE_KEY = /^[A-Za-z_]{1,24}$/
const SAFE_KEYS_SHOWN = 5
const SIGNATURE_DIGITS = 192

/**
 * Reads the JSON value of a file into its entries, in the order in which they stand there.
 *
 * Of a key that stands twice in an object the last one counts, as `JSON.parse` has it: the
 * signature decides in the end. Only own properties are looked at, so `__proto__` is a key
 * like any other.
 */
export function readShapes(value: unknown): readonly ShapeEntry[] {
  return readValue(value, MAX_WRAPPERS)
}

function readValue(value: unknown, wrappersLeft: number): readonly ShapeEntry[] {
  if (!isObject(value) && !Array.isArray(value)) {
    return [refuse('unknown-shape', `a JSON ${typeName(value)}`)]
  }
  if (isObject(value) && !isDataWrapper(value)) return [readObject(value)]
  if (wrappersLeft === 0) return [refuse('too-complex', 'lists within lists')]
  if (isObject(value)) return readValue(value.data, wrappersLeft - 1)
  if (value.length === 0) return [refuse('no-messages', 'an empty list')]
  return value.flatMap((element) => readValue(element, wrappersLeft - 1))
}

/** `data` is a wrapper only where nothing beside it is a form of its own. */
const isDataWrapper = (value: JsonObject) =>
  Object.hasOwn(value, LIST_KEY) &&
  !['crypto', 'message', 'exit', 'signed_exit_message'].some((key) => Object.hasOwn(value, key)) &&
  !(Object.hasOwn(value, 'signature') && isBare(value.data))

/** The fields of a voluntary exit, without a signature among them. */
const isBare = (value: unknown): value is JsonObject =>
  isObject(value) && Object.hasOwn(value, 'epoch') && Object.hasOwn(value, 'validator_index')

/** A bare exit under some name, or none, with the signature beside it: the signature decides. */
function bareBesideSignature(value: JsonObject): JsonObject | undefined {
  if (!Object.hasOwn(value, 'signature')) return undefined
  return [own(value, 'exit'), own(value, 'data'), value].find(isBare)
}

function readObject(value: JsonObject): ShapeEntry {
  const has = (key: string) => Object.hasOwn(value, key)
  if (isAccountKeystore(value) || has('keystores')) {
    return refuse('keystore', `keys ${keysOf(value)}`)
  }
  if (has('crypto')) return { kind: 'envelope', envelope: value }
  if (has('partial_exits') || has('share_idx') || has('signatures')) {
    return refuse('partial-exit', `keys ${keysOf(value)}`)
  }
  if (has('validators') && has('genesis_validators_root')) {
    return refuse('offline-preparation', `keys ${keysOf(value)}`)
  }
  const bare = bareBesideSignature(value)
  if (bare !== undefined && !has('message')) {
    return readSigned({ message: bare, signature: value.signature }, undefined)
  }
  if (has('exit')) return readSigned(value.exit, undefined)
  if (has('signed_exit_message')) return readSigned(value.signed_exit_message, value.public_key)
  if (has('message')) {
    return readSigned(value, has('validatorPublicKey') ? value.validatorPublicKey : undefined)
  }
  if (isBare(value)) return refuse('unsigned', 'a message alone')
  if (Object.keys(value).length === 0) return refuse('no-messages', 'an empty object')
  return refuse('unknown-shape', `an object with the keys ${keysOf(value)}`)
}

/** Web3 Secret Storage, version 1 or 3: the key of an account of the execution layer. */
function isAccountKeystore(value: JsonObject): boolean {
  const crypto = own(value, 'crypto') ?? own(value, 'Crypto')
  return isObject(crypto) && Object.hasOwn(crypto, 'ciphertext')
}

/** @param claimed - public key that the file names, or nothing */
function readSigned(value: unknown, claimed: unknown): ShapeEntry {
  if (!isObject(value)) return refuse('unknown-shape', `the exit is a JSON ${typeName(value)}`)
  const message = own(value, 'message')
  if (!isObject(message)) {
    if (isBare(value)) return refuse('unsigned', 'a message alone')
    return refuse('unknown-shape', `the message is a JSON ${typeName(message)}`)
  }
  const given = own(value, 'signature')
  if (given === undefined || given === null || given === '') {
    return refuse('unsigned', 'no signature')
  }
  const epoch = parseEpoch(own(message, 'epoch'))
  if (epoch === undefined) return refuse('bad-epoch', `epoch: ${about(own(message, 'epoch'))}`)
  const validatorIndex = parseValidatorIndex(own(message, 'validator_index'))
  if (validatorIndex === undefined) {
    return refuse('bad-index', `validator_index: ${about(own(message, 'validator_index'))}`)
  }
  const signature = readSignature(given)
  if (signature === undefined) return refuse('bad-signature-format', aboutSignature(given))
  const exit: SignedExit = { epoch, validatorIndex, signature }
  if (claimed === undefined || claimed === null || claimed === '') {
    return { kind: 'exit', exit, claimedPubkey: undefined }
  }
  const claimedPubkey = parsePubkey(withPrefix(claimed))
  if (claimedPubkey === undefined) {
    return refuse('pubkey-mismatch', 'what the file names beside the exit is not a public key')
  }
  return { kind: 'exit', exit, claimedPubkey }
}

/** Hex with or without 0x, or the JSON text `{"signature":"0x…"}` of Web3Signer. */
export function readSignature(value: unknown): Signature | undefined {
  if (typeof value !== 'string') return undefined
  const text = value.trim()
  if (!text.startsWith('{')) return parseSignature(withPrefix(text))
  const inner = jsonOf(text)
  return isObject(inner) ? parseSignature(withPrefix(own(inner, 'signature'))) : undefined
}

const withPrefix = (value: unknown) =>
  typeof value === 'string' && !/^0x/i.test(value) ? `0x${value}` : value

/** The value of a public field, so that the operator finds it; cut, and only if it is a number. */
function about(value: unknown): string {
  if (typeof value === 'number') return String(value)
  if (typeof value === 'string' && /^-?[0-9.eE+]{1,32}$/.test(value)) return `"${value}"`
  return `a JSON ${typeName(value)}`
}

function aboutSignature(value: unknown): string {
  if (typeof value !== 'string') return `signature: a JSON ${typeName(value)}`
  const digits = value.trim().replace(/^0x/i, '')
  if (!/^[0-9a-f]*$/i.test(digits)) {
    return `signature: ${digits.length} characters, and some are no hex digits`
  }
  const missing = SIGNATURE_DIGITS - digits.length
  const what = missing > 0 ? `${missing} are missing` : `${-missing} too many`
  return `signature: ${digits.length} hex digits, ${what}`
}

function keysOf(value: JsonObject): string {
  const keys = Object.keys(value)
  const shown = keys.slice(0, SAFE_KEYS_SHOWN).map((key) => (SAFE_KEY.test(key) ? key : '…'))
  return shown.join(', ') + (keys.length > SAFE_KEYS_SHOWN ? ', …' : '')
}

function typeName(value: unknown): string {
  if (value === null) return 'null'
  if (value === undefined) return 'nothing'
  return Array.isArray(value) ? 'list' : typeof value
}

const own = (value: JsonObject, key: string): unknown =>
  Object.hasOwn(value, key) ? value[key] : undefined

const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const refuse = (code: MessageReasonCode, detail: string) =>
  ({ kind: 'refused', refusal: { code, detail } }) as const
