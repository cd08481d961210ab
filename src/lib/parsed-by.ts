import { z } from 'zod'

/**
 * What one of our own parsers accepts, as a schema.
 *
 * @param parse - returns `undefined` for what it does not accept
 * @param rule - what the value must be, as the rest of a sentence
 */
export const parsedBy = <In, Out>(parse: (value: In) => Out | undefined, rule: string) =>
  z.custom<In>().transform((value, context): Out => {
    const parsed = parse(value)
    if (parsed !== undefined) return parsed
    context.addIssue(rule)
    return z.NEVER
  })
