import * as v from 'valibot'
import { parseBytes32 } from './primitives.ts'

/**
 * What one of our own parsers accepts, as a schema.
 *
 * @param parse - returns `undefined` for what it does not accept
 * @param rule - what the value must be, as the rest of a sentence
 */
export const parsedBy = <In, Out>(parse: (value: In) => Out | undefined, rule: string) =>
  v.pipe(
    v.custom<In>(() => true),
    v.rawTransform(({ dataset, addIssue, NEVER }): Out => {
      const parsed = parse(dataset.value)
      if (parsed !== undefined) return parsed
      addIssue({ message: rule })
      return NEVER
    }),
  )

/** Something that is nice to know: whatever does not fit counts as left out. */
export const loose = <T extends v.GenericSchema>(schema: T) =>
  v.fallback(v.optional(schema), undefined)

/** A number, or a text that holds one. */
export const numeric = v.pipe(
  v.union([v.number(), v.pipe(v.string(), v.transform(Number))]),
  v.finite(),
)

/** A JSON object with whatever in it. The library takes a list for an object, too. */
export const jsonObject = v.custom<Readonly<Record<string, unknown>>>(
  (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
)

export const bytes32 = parsedBy(parseBytes32, 'must be 32 bytes of hex')

/** Bytes, none or many. */
export const hexData = v.pipe(v.string(), v.regex(/^0x([0-9a-fA-F]{2})*$/))
