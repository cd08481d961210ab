import { breathe } from './breathe.ts'

export type JsonFault = {
  readonly ok: false
  readonly code: 'not-utf8' | 'not-json' | 'too-complex'
  /** Free of the text's content. */
  readonly detail: string
}
export type JsonResult = { readonly ok: true; readonly value: unknown } | JsonFault

/** `JSON.parse` takes seconds for deep nesting. */
const MAX_DEPTH = 64
/** Commas and opening brackets: bounds the time and the memory of one `JSON.parse`. */
const MAX_PARTS = 20_000
/** Bytes. A shorter text does no harm, whatever is in it. */
const HARMLESS_LENGTH = 16 * 1024

/**
 * Decodes UTF-8, with or without a byte-order mark, and parses the JSON in it, unless that would
 * cost far more than its length.
 */
export function parseJson(bytes: Uint8Array): JsonResult {
  if (bytes.length > HARMLESS_LENGTH) {
    const scanner = createScanner(bytes)
    scanner.scan(bytes.length)
    const excess = scanner.excess() ?? tooManyParts(scanner.parts())
    if (excess !== undefined) return excess
  }
  return parseScanned(bytes)
}

function parseScanned(bytes: Uint8Array): JsonResult {
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return { ok: false, code: 'not-utf8', detail: 'not UTF-8' }
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

const tooManyParts = (parts: number): JsonFault | undefined =>
  parts > MAX_PARTS
    ? { ok: false, code: 'too-complex', detail: `more than ${MAX_PARTS} parts` }
    : undefined

/** Bytes that are scanned between two looks at the clock: well under a millisecond. */
const STRETCH = 32 * 1024

export type LongJson =
  | {
      readonly ok: true
      /** The value; with an empty list in place of the long one, if there is one. */
      readonly value: unknown
      /** The bytes of each element of the long list; none if there is no such list. */
      readonly elements: readonly Uint8Array[]
    }
  | JsonFault

/**
 * Parses a long text without holding the event loop, as far as that can be: one long list is not
 * parsed but cut into its elements, the outermost one, or the one under the key `data` of the
 * outermost object.
 */
export async function parseLongJson(bytes: Uint8Array, maxElements: number): Promise<LongJson> {
  const scanner = createScanner(bytes)
  if (!scanner.canBegin()) return { ok: false, code: 'not-json', detail: 'not JSON' }
  for (let stop = STRETCH; !scanner.isDone(); stop += STRETCH) {
    scanner.scan(stop)
    const excess = scanner.excess()
    if (excess !== undefined) return excess
    if (scanner.list().cuts.length > maxElements) {
      return { ok: false, code: 'too-complex', detail: `a list of more than ${maxElements}` }
    }
    const turn = breathe()
    if (turn !== undefined) await turn
  }
  const { start, end, cuts } = scanner.list()
  if (start === undefined || end === undefined) {
    const whole = tooManyParts(scanner.parts()) ?? parseScanned(bytes)
    return whole.ok ? { ...whole, elements: [] } : whole
  }
  const frame = parseJson(Buffer.concat([bytes.subarray(0, start + 1), bytes.subarray(end)]))
  if (!frame.ok) return frame
  const borders = [start, ...cuts, end]
  const elements = borders
    .slice(1)
    .map((border, i) => bytes.subarray((borders[i] ?? 0) + 1, border))
  const isEmpty = elements.length === 1 && elements[0]?.every(isBlank) === true
  return { ...frame, elements: isEmpty ? [] : elements }
}

const isBlank = (byte: number) => byte === 0x20 || (byte >= 0x09 && byte <= 0x0d)

const QUOTE = 0x22
const COMMA = 0x2c
const BACKSLASH = 0x5c
const OPEN_LIST = 0x5b
const CLOSE_LIST = 0x5d
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d
const VALUE_BEGINS = Buffer.from('{["-0123456789tfn')
/** What stands before the list in `{"data":[`, white space aside. */
const DATA_KEY = Buffer.from('"data":')

/** Follows brackets, commas and texts; whether it is JSON at all is for `JSON.parse` to say. */
function createScanner(bytes: Uint8Array) {
  let at = 0
  let depth = 0
  let parts = 0
  let deepest = 0
  let inText = false
  /** Depth of the list's elements, once it began. */
  let listDepth: number | undefined
  let start: number | undefined
  let end: number | undefined
  const cuts: number[] = []

  function openBracket(byte: number) {
    depth++
    parts++
    if (depth > deepest) deepest = depth
    const isList = byte === OPEN_LIST && start === undefined
    if (isList && (depth === 1 || (depth === 2 && followsDataKey(bytes, at)))) {
      start = at
      listDepth = depth
    }
  }
  function closeBracket() {
    if (depth === listDepth && end === undefined) end = at
    depth--
  }

  return {
    /** A value begins with one of a few characters, after a byte-order mark and white space. */
    canBegin() {
      const bom = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0
      const first = bytes.subarray(bom).find((byte) => !isBlank(byte))
      return first !== undefined && VALUE_BEGINS.includes(first)
    },
    /** Goes on to the given position. */
    scan(until: number) {
      const stop = Math.min(until, bytes.length)
      for (; at < stop && depth <= MAX_DEPTH; at++) {
        const byte = bytes[at]
        if (inText) {
          if (byte === BACKSLASH) at++
          else if (byte === QUOTE) inText = false
        } else if (byte === QUOTE) inText = true
        else if (byte === COMMA) {
          parts++
          if (depth === listDepth && end === undefined) cuts.push(at)
        } else if (byte === OPEN_LIST || byte === OPEN_OBJECT) openBracket(byte)
        else if (byte === CLOSE_LIST || byte === CLOSE_OBJECT) closeBracket()
      }
    },
    isDone: () => at >= bytes.length,
    parts: () => parts,
    list: () => ({ start, end, cuts }),
    excess: (): JsonFault | undefined =>
      deepest > MAX_DEPTH
        ? { ok: false, code: 'too-complex', detail: `nested deeper than ${MAX_DEPTH}` }
        : undefined,
  }
}

/** Reads backwards from a bracket. */
function followsDataKey(bytes: Uint8Array, bracket: number): boolean {
  let at = bracket - 1
  for (let left = DATA_KEY.length - 1; left >= 0; left--) {
    while (at >= 0 && isBlank(bytes[at] ?? 0) && left >= DATA_KEY.length - 2) at--
    if (bytes[at] !== DATA_KEY[left]) return false
    at--
  }
  return true
}
