import { evenHex } from './rlp.ts'

/** An object of a node's JSON. Nothing of it is believed before something hashes to the right value. */
export type Body = Readonly<Record<string, unknown>>

/** A field is of the wrong kind. */
export class MalformedBodyError extends Error {
  override readonly name = 'MalformedBodyError'
}

/** @throws MalformedBodyError when it is no object; `null` is how some nodes leave a field out */
export function asBody(value: unknown, name: string): Body {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new MalformedBodyError(`${name} is not an object`)
  }
  return Object.fromEntries(Object.entries(value).filter(([, field]) => (field ?? null) !== null))
}

/** An integer as RLP has it: no leading zeros, zero is empty. Absent counts as zero. */
export function quantity(body: Body, name: string): string {
  const value = body[name]
  if (value === undefined) return ''
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) {
    return value === 0 ? '' : evenHex(value.toString(16))
  }
  if (typeof value !== 'string' || !/^0x[0-9a-fA-F]{0,66}$/.test(value)) {
    throw new MalformedBodyError(`${name} is not a quantity`)
  }
  return evenHex(value.slice(2).toLowerCase().replace(/^0+/, ''))
}

/** Absent counts as empty. */
export function bytes(body: Body, name: string): string {
  const value = body[name]
  if (value === undefined) return ''
  if (typeof value !== 'string' || value.length % 2 !== 0 || !/^0x[0-9a-fA-F]*$/.test(value)) {
    throw new MalformedBodyError(`${name} is not hex data`)
  }
  return value.slice(2).toLowerCase()
}

/** Absent counts as empty. */
export function values(body: Body, name: string): readonly unknown[] {
  const value = body[name] ?? []
  if (!Array.isArray(value)) throw new MalformedBodyError(`${name} is not a list`)
  return value
}

export const list = (body: Body, name: string): readonly Body[] =>
  values(body, name).map((entry) => asBody(entry, `an entry of ${name}`))
