/** Levels of nesting, entries of one collection and characters of one string that are shown. */
const MAX_DEPTH = 8
const MAX_ENTRIES = 1_000
const MAX_TEXT = 4_000
/** Characters of a string that are looked at: what is beyond them is never shown. */
const TEXT_WINDOW = 100_000

export type PlainOptions = {
  /** Applied to every string, keys included. */
  readonly redact: (text: string) => string
  /** Show the stacks of errors. */
  readonly stacks: boolean
}

/**
 * Turns anything into what JSON can hold, with secrets masked: errors with their causes, bigints,
 * maps, sets, dates, bytes (as their number), circular references. Functions and `undefined` are
 * left out. `toJSON` of unknown objects is not called. Never throws if `redact` does not.
 */
export function toPlain(value: unknown, options: PlainOptions): unknown {
  return plainOf(value, options, [])
}

type Parents = readonly object[]

function plainOf(value: unknown, options: PlainOptions, parents: Parents): unknown {
  switch (typeof value) {
    case 'string':
      return plainText(value, options)
    case 'number':
      return plainNumber(value, options)
    case 'bigint':
    case 'symbol':
      return options.redact(String(value))
    case 'object':
      if (value === null) return null
      break
    case 'boolean':
      return value
    default:
      return undefined
  }
  if (parents.includes(value)) return '[circular]'
  if (parents.length >= MAX_DEPTH) return '[too deep]'
  try {
    return plainObject(value, options, [...parents, value])
  } catch {
    return '[unreadable]'
  }
}

function plainNumber(value: number, { redact }: PlainOptions): number | string {
  const text = String(value)
  const redacted = redact(text)
  return redacted === text && Number.isFinite(value) ? value : redacted
}

function plainObject(value: object, options: PlainOptions, parents: Parents): unknown {
  if (value instanceof Error) return plainError(value, options, parents)
  if (value instanceof Date) return options.redact(String(value.toJSON()))
  if (value instanceof URL) return options.redact(value.href)
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer)
    return `<${value.byteLength} bytes>`
  if (value instanceof Map) return plainEntries([...value], options, parents)
  if (Array.isArray(value) || value instanceof Set) {
    const items = [...value]
    const shown = items.slice(0, MAX_ENTRIES).map((item) => plainOf(item, options, parents) ?? null)
    return items.length > MAX_ENTRIES ? [...shown, `… ${items.length - MAX_ENTRIES} more`] : shown
  }
  const keys = Object.keys(value)
  return plainEntries(
    keys.map((key) => [key, read(value, key)]),
    options,
    parents,
  )
}

function plainEntries(
  entries: readonly (readonly [unknown, unknown])[],
  options: PlainOptions,
  parents: Parents,
): Record<string, unknown> {
  const shown = entries.slice(0, MAX_ENTRIES).map(([key, value]) => {
    const name = typeof key === 'object' ? JSON.stringify(plainOf(key, options, parents)) : key
    return [plainText(String(name), options), plainOf(value, options, parents)]
  })
  if (entries.length > MAX_ENTRIES) shown.push(['…', `${entries.length - MAX_ENTRIES} more`])
  return Object.fromEntries(shown.filter(([, value]) => value !== undefined))
}

/** Message, name, causes, and the own fields that are plain values (`code`, `status`). */
function plainError(error: Error, options: PlainOptions, parents: Parents): unknown {
  const own = Object.keys(error)
    .map((key) => [key, read(error, key)] as const)
    .filter(([, value]) => value !== null && !['object', 'function'].includes(typeof value))
  const errors = error instanceof AggregateError ? error.errors : undefined
  return plainEntries(
    [
      ['message', error.message],
      ['name', error.name],
      ...own.filter(([key]) => !['message', 'name', 'stack', 'cause'].includes(key)),
      ['cause', error.cause],
      ['errors', errors],
      ['stack', options.stacks ? error.stack : undefined],
    ],
    options,
    parents,
  )
}

/** Getters may throw. */
function read(value: object, key: string): unknown {
  try {
    return (value as Record<string, unknown>)[key]
  } catch {
    return '[unreadable]'
  }
}

/** The `…` lets the redactor see where a secret may have been cut. */
function plainText(text: string, { redact }: PlainOptions): string {
  const redacted = redact(text.length > TEXT_WINDOW ? `${text.slice(0, TEXT_WINDOW)}…` : text)
  return redacted.length > MAX_TEXT ? `${redacted.slice(0, MAX_TEXT)}…` : redacted
}
