export type JsonResult =
  | { readonly ok: true; readonly value: unknown }
  | {
      readonly ok: false
      readonly code: 'not-utf8' | 'not-json' | 'too-complex'
      /** Free of the text's content. */
      readonly detail: string
    }

/** `JSON.parse` takes seconds for deep nesting, and any amount of memory for many parts. */
const MAX_DEPTH = 64
/** Commas and opening brackets: more than 64 MiB of exit messages have. */
const MAX_PARTS = 3_000_000
/** A shorter text does no harm, whatever is in it. */
const HARMLESS_LENGTH = 16 * 1024

/**
 * Decodes UTF-8, with or without a byte-order mark, and parses the JSON in it, unless that would
 * cost far more than its length.
 */
export function parseJson(bytes: Uint8Array): JsonResult {
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return { ok: false, code: 'not-utf8', detail: 'not UTF-8' }
  }
  if (text.length > HARMLESS_LENGTH) {
    const excess = findExcess(bytes)
    if (excess !== undefined) return { ok: false, code: 'too-complex', detail: excess }
  }
  try {
    return { ok: true, value: JSON.parse(text) }
  } catch (error) {
    return { ok: false, code: 'not-json', detail: describe(text, error) }
  }
}

/** The error's own text quotes the file: only the position is taken from it. */
function describe(text: string, error: unknown): string {
  if (text.trim() === '') return 'empty'
  const [, position] = /at position (\d+)/.exec(error instanceof Error ? error.message : '') ?? []
  return position === undefined ? 'not JSON' : `not JSON from character ${position} on`
}

const QUOTE = 0x22
const COMMA = 0x2c
const BACKSLASH = 0x5c
const OPEN_LIST = 0x5b
const CLOSE_LIST = 0x5d
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d

function findExcess(bytes: Uint8Array): string | undefined {
  let depth = 0
  let parts = 0
  for (let at = 0; at < bytes.length; at++) {
    switch (bytes[at]) {
      case QUOTE:
        at = endOfString(bytes, at)
        break
      case OPEN_LIST:
      case OPEN_OBJECT:
        depth++
        parts++
        if (depth > MAX_DEPTH) return `nested deeper than ${MAX_DEPTH}`
        break
      case CLOSE_LIST:
      case CLOSE_OBJECT:
        depth--
        break
      case COMMA:
        parts++
        break
    }
    if (parts > MAX_PARTS) return `more than ${MAX_PARTS} parts`
  }
  return undefined
}

/** @returns where the closing quote is, or the end of the bytes */
function endOfString(bytes: Uint8Array, start: number): number {
  for (let at = start + 1; at < bytes.length; at++) {
    if (bytes[at] === BACKSLASH) at++
    else if (bytes[at] === QUOTE) return at
  }
  return bytes.length
}
