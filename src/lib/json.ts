export type JsonFault = {
  readonly ok: false
  readonly code: 'not-utf8' | 'not-json' | 'too-complex'
  /** Free of the text's content. */
  readonly detail: string
}
export type JsonResult = { readonly ok: true; readonly value: unknown } | JsonFault

/** `undefined` for what is no JSON. */
export function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** An object of JSON; `undefined` for anything else. */
export function jsonObjectOf(text: string): Readonly<Record<string, unknown>> | undefined {
  const json = jsonOf(text)
  return typeof json === 'object' && json !== null && !Array.isArray(json) ? { ...json } : undefined
}

/**
 * Commas and opening brackets that a text may have: each costs `JSON.parse` up to a microsecond and
 * a hundred bytes. A signed exit has one for each fifty bytes.
 */
const mostParts = (bytes: number) => 1_000 + bytes / 16
const [COMMA, OPEN_LIST, OPEN_OBJECT] = [0x2c, 0x5b, 0x7b]
const STRICT_UTF8 = new TextDecoder('utf-8', { fatal: true })

/**
 * Parses UTF-8, with or without a byte-order mark: one JSON value, or one a line (JSON lines).
 *
 * @returns one result for the whole text, or one for each line
 */
export function parseJson(bytes: Uint8Array): readonly JsonResult[] {
  const parts = partsOf(bytes)
  if (parts > mostParts(bytes.length)) {
    return [{ ok: false, code: 'too-complex', detail: `${parts} parts in ${bytes.length} bytes` }]
  }
  let text: string
  try {
    text = STRICT_UTF8.decode(bytes)
  } catch {
    return [{ ok: false, code: 'not-utf8', detail: 'not UTF-8' }]
  }
  const whole = parseText(text)
  if (whole.ok) return [whole]
  const lines = text.split('\n').filter((line) => line.trim() !== '')
  const [first = ''] = lines
  // What is cut off, or spread over lines, begins with a line that is no value.
  if (lines.length < 2 || !parseText(first).ok) return [whole]
  return lines.map(parseText)
}

/** Not counted where they cannot be too many, as in a file of one message. */
function partsOf(bytes: Uint8Array): number {
  if (bytes.length <= mostParts(bytes.length)) return 0
  let parts = 0
  for (const byte of bytes) {
    if (byte === COMMA || byte === OPEN_LIST || byte === OPEN_OBJECT) parts += 1
  }
  return parts
}

function parseText(text: string): JsonResult {
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

/** Values in one portion: reading them takes about a millisecond. */
const PORTION = 200
/** More do not fit into 64 MiB if each of them is a signed exit. */
const MAX_VALUES = 250_000

/**
 * Takes a long text apart, for a worker thread: synchronous, up to a second for 64 MiB.
 *
 * @param listKey - the list under this key of an object is taken apart as a bare list is
 * @returns JSON lines. The first is the value around the list, with an empty list in its place, or
 *   null where the text has one value a line; each other one a portion, a list of `JsonResult`
 */
export function splitJson(bytes: Uint8Array, listKey: string): Uint8Array {
  const results = parseJson(bytes)
  const [only] = results
  const found = results.length === 1 && only?.ok ? takeList(only.value, listKey) : undefined
  const values: readonly JsonResult[] = found?.list.map((value) => ({ ok: true, value })) ?? results
  const fault: JsonFault | undefined =
    values.length > MAX_VALUES
      ? { ok: false, code: 'too-complex', detail: `${values.length} values` }
      : undefined
  const lines = [fault === undefined && found !== undefined ? found.around : null]
  const kept = fault === undefined ? values : [fault]
  for (let at = 0; at < kept.length; at += PORTION) lines.push(kept.slice(at, at + PORTION))
  try {
    return Buffer.from(lines.map((line) => JSON.stringify(line)).join('\n'))
  } catch {
    const deep: JsonFault = { ok: false, code: 'too-complex', detail: 'nested too deep' }
    return Buffer.from(`null\n${JSON.stringify([deep])}`)
  }
}

function takeList(
  value: unknown,
  listKey: string,
): { readonly list: readonly unknown[]; readonly around: unknown } | undefined {
  if (Array.isArray(value)) return { list: value, around: [] }
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, listKey)) return
  const list: unknown = (value as Record<string, unknown>)[listKey]
  return Array.isArray(list) ? { list, around: { ...value, [listKey]: [] } } : undefined
}
